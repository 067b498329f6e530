#include "tenon/frontend/loss/categorical_cross_entropy.h"

#include "tenon/frontend/compose.h"
#include "tenon/frontend/loss/clip.h"

namespace tenon::loss {

Value CategoricalCrossEntropy::Build(Value prediction, Value target) const {
  if (prediction.rank() < 2) return Fail(prediction, "categorical_cross_entropy: no classes");
  target = MatchTarget(prediction, target, name());
  if (!target.ok()) return target;
  if (options_.from_logits) return MeanPerExample(SoftmaxCrossEntropy(prediction, target));
  Value p = ClipProbability(prediction / ReduceSum(prediction, {-1}, /*keep_dims=*/true));
  return MeanPerExample(-ReduceSum(target * Log(p), {-1}));
}

}  // namespace tenon::loss
