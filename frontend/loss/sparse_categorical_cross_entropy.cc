#include "tenon/frontend/loss/sparse_categorical_cross_entropy.h"

#include "absl/strings/str_cat.h"
#include "tenon/frontend/compose.h"
#include "tenon/frontend/loss/clip.h"

namespace tenon::loss {

std::optional<int64_t> SparseCategoricalCrossEntropy::LabelClasses(
    const ir::TensorType& prediction) const {
  if (prediction.rank() < 2 || !prediction.dims.back().is_constant()) return std::nullopt;
  return prediction.dims.back().constant();
}

Value SparseCategoricalCrossEntropy::Build(Value prediction, Value target) const {
  if (prediction.rank() < 2 || !prediction.shape().back().is_constant()) {
    return Fail(prediction, absl::StrCat(name(), ": predictions must end in a constant number of ",
                                         "classes, unlike ", prediction.type().ToString(true)));
  }
  const Shape labels_shape(prediction.shape().begin(), prediction.shape().end() - 1);
  if (target.shape() != labels_shape) {
    if (!(target.type().NumElements() == ir::Product(labels_shape))) {
      return Fail(prediction,
                  absl::StrCat(name(), ": labels ", target.type().ToString(true),
                               " do not match predictions ", prediction.type().ToString(true)));
    }
    target = Reshape(target, labels_shape);
  }
  Value labels = Cast(target, I64);
  if (options_.from_logits) return MeanPerExample(SparseSoftmaxCrossEntropy(prediction, labels));
  Value p = ClipProbability(prediction / ReduceSum(prediction, {-1}, /*keep_dims=*/true));
  Value chosen = OneHot(labels, prediction.shape().back().constant(), Bool);
  return MeanPerExample(-ReduceSum(Select(chosen, Log(p), 0), {-1}));
}

}  // namespace tenon::loss
