#include "tenon/frontend/loss/mean_squared_error.h"

namespace tenon::loss {

Value MeanSquaredError::Build(Value prediction, Value target) const {
  target = MatchTarget(prediction, target, name());
  if (!target.ok()) return target;
  Value error = prediction - target;
  return MeanPerExample(error * error);
}

}  // namespace tenon::loss
