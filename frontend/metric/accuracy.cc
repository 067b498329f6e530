#include "tenon/frontend/metric/accuracy.h"

namespace tenon::metric {

Value Accuracy::Build(Value prediction, Value target) const {
  const bool binary = prediction.rank() == 1 || prediction.shape().back() == Dim(1);
  Value right = binary ? Eq(PredictedPositive(prediction, options_.threshold),
                            TargetPositive(prediction, target))
                       : Eq(PredictedClass(prediction), TargetClass(prediction, target));
  return Concat({CountTrue(right), CountAll(right)}, 0);
}

double Accuracy::Result(absl::Span<const int64_t> counts) const {
  return counts[1] == 0 ? 0 : static_cast<double>(counts[0]) / static_cast<double>(counts[1]);
}

}  // namespace tenon::metric
