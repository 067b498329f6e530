#include "tenon/frontend/metric/precision.h"

namespace tenon::metric {

Value Precision::Build(Value prediction, Value target) const {
  return BinaryCounts(prediction, target, options_);
}

double Precision::Result(absl::Span<const int64_t> counts) const {
  return Ratio(counts[0], counts[0] + counts[1]);
}

}  // namespace tenon::metric
