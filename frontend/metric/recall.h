// Recall: how many of the positives are predicted.
#ifndef TENON_FRONTEND_METRIC_RECALL_H_
#define TENON_FRONTEND_METRIC_RECALL_H_

#include "tenon/frontend/metric/binary_counts.h"

namespace tenon::metric {

// Of binary predictions, of any shape; 0 where there is nothing to divide by.
class Recall final : public Metric {
 public:
  explicit Recall(BinaryOptions options = {}) : options_(options) {}

  std::string name() const override { return "recall"; }
  double Result(absl::Span<const int64_t> counts) const override;

 protected:
  Value Build(Value prediction, Value target) const override;

 private:
  BinaryOptions options_;
};

}  // namespace tenon::metric

#endif  // TENON_FRONTEND_METRIC_RECALL_H_
