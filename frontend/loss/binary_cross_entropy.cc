#include "tenon/frontend/loss/binary_cross_entropy.h"

#include "tenon/frontend/compose.h"
#include "tenon/frontend/loss/clip.h"

namespace tenon::loss {

Value BinaryCrossEntropy::Build(Value prediction, Value target) const {
  target = MatchTarget(prediction, target, name());
  if (!target.ok()) return target;
  if (options_.from_logits) return MeanPerExample(SigmoidCrossEntropy(prediction, target));
  Value p = ClipProbability(prediction);
  return MeanPerExample(-(target * Log(p) + (1 - target) * Log(1 - p)));
}

}  // namespace tenon::loss
