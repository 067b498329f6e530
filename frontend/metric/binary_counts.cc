#include "tenon/frontend/metric/binary_counts.h"

namespace tenon::metric {

Value BinaryCounts(Value prediction, Value target, const BinaryOptions& options) {
  Value predicted = PredictedPositive(prediction, options.threshold);
  Value actual = TargetPositive(prediction, target);
  return Concat({CountTrue(And(predicted, actual)), CountTrue(And(predicted, Not(actual))),
                 CountTrue(And(Not(predicted), actual))},
                0);
}

double Ratio(int64_t a, int64_t b) {
  return b == 0 ? 0 : static_cast<double>(a) / static_cast<double>(b);
}

}  // namespace tenon::metric
