// Recall: how many of the positives are predicted.
#ifndef TENON_FRONTEND_METRIC_RECALL_H_
#define TENON_FRONTEND_METRIC_RECALL_H_

#include "tenon/frontend/metric/binary_counts.h"

namespace tenon::metric {

// Of binary predictions, of any shape; 0 where there is nothing to divide by.
class Recall final : public BinaryMetric {
 public:
  explicit Recall(BinaryOptions options = {}) : BinaryMetric("recall", options) {}
  double Result(absl::Span<const int64_t> counts) const override;
};

}  // namespace tenon::metric

#endif  // TENON_FRONTEND_METRIC_RECALL_H_
