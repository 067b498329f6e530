#include "tenon/frontend/metric/precision.h"

namespace tenon::metric {

double Precision::Result(absl::Span<const int64_t> counts) const {
  return Ratio(counts[0], counts[0] + counts[1]);
}

}  // namespace tenon::metric
