// SparseCategoricalCrossEntropy: -log(p[label]), for targets that are class numbers.
#ifndef TENON_FRONTEND_LOSS_SPARSE_CATEGORICAL_CROSS_ENTROPY_H_
#define TENON_FRONTEND_LOSS_SPARSE_CATEGORICAL_CROSS_ENTROPY_H_

#include "tenon/frontend/loss/loss.h"

namespace tenon::loss {

struct SparseCategoricalCrossEntropyOptions {
  // Predictions are logits x with p = softmax(x). Otherwise they are probabilities, which are
  // divided by their sum and clipped to [1e-7, 1 - 1e-7].
  bool from_logits = false;
};

// Targets of the predictions' shape without the last dimension (or with an extent of 1 there), of
// any type; what stands in them is cast to integers.
class SparseCategoricalCrossEntropy final : public Loss {
 public:
  explicit SparseCategoricalCrossEntropy(SparseCategoricalCrossEntropyOptions options = {})
      : options_(options) {}

  absl::string_view name() const override { return "sparse_categorical_cross_entropy"; }
  std::optional<int64_t> LabelClasses(const ir::TensorType& prediction) const override;

 protected:
  Value Build(Value prediction, Value target) const override;

 private:
  SparseCategoricalCrossEntropyOptions options_;
};

}  // namespace tenon::loss

#endif  // TENON_FRONTEND_LOSS_SPARSE_CATEGORICAL_CROSS_ENTROPY_H_
