// F1: the harmonic mean of precision and recall.
#ifndef TENON_FRONTEND_METRIC_F1_H_
#define TENON_FRONTEND_METRIC_F1_H_

#include "tenon/frontend/metric/binary_counts.h"

namespace tenon::metric {

// Of binary predictions, of any shape; 0 where there is nothing to divide by.
class F1 final : public BinaryMetric {
 public:
  explicit F1(BinaryOptions options = {}) : BinaryMetric("f1", options) {}
  double Result(absl::Span<const int64_t> counts) const override;
};

}  // namespace tenon::metric

#endif  // TENON_FRONTEND_METRIC_F1_H_
