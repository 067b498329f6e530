// Precision: how many of the predicted positives are positive.
#ifndef TENON_FRONTEND_METRIC_PRECISION_H_
#define TENON_FRONTEND_METRIC_PRECISION_H_

#include "tenon/frontend/metric/binary_counts.h"

namespace tenon::metric {

// Of binary predictions, of any shape; 0 where there is nothing to divide by.
class Precision final : public BinaryMetric {
 public:
  explicit Precision(BinaryOptions options = {}) : BinaryMetric("precision", options) {}
  double Result(absl::Span<const int64_t> counts) const override;
};

}  // namespace tenon::metric

#endif  // TENON_FRONTEND_METRIC_PRECISION_H_
