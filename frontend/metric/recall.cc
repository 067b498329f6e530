#include "tenon/frontend/metric/recall.h"

namespace tenon::metric {

Value Recall::Build(Value prediction, Value target) const {
  return BinaryCounts(prediction, target, options_);
}

double Recall::Result(absl::Span<const int64_t> counts) const {
  return Ratio(counts[0], counts[0] + counts[2]);
}

}  // namespace tenon::metric
