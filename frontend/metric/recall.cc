#include "tenon/frontend/metric/recall.h"

namespace tenon::metric {

double Recall::Result(absl::Span<const int64_t> counts) const {
  return Ratio(counts[0], counts[0] + counts[2]);
}

}  // namespace tenon::metric
