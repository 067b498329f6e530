#include "tenon/frontend/metric/f1.h"

namespace tenon::metric {

double F1::Result(absl::Span<const int64_t> counts) const {
  return Ratio(2 * counts[0], 2 * counts[0] + counts[1] + counts[2]);
}

}  // namespace tenon::metric
