// Accuracy: the fraction of predictions that are right.
#ifndef TENON_FRONTEND_METRIC_ACCURACY_H_
#define TENON_FRONTEND_METRIC_ACCURACY_H_

#include "tenon/frontend/metric/metric.h"

namespace tenon::metric {

struct AccuracyOptions {
  // Of binary predictions: what lies above counts as 1. Logits want 0 here.
  double threshold = 0.5;
};

// Predictions whose last dimension is 1 (or that have but the batch) are binary, each element one
// prediction; others are scores of classes, of which the largest is the prediction. Targets are 0
// and 1, class numbers, or one-hot.
class Accuracy final : public Metric {
 public:
  explicit Accuracy(AccuracyOptions options = {}) : options_(options) {}

  std::string name() const override { return "accuracy"; }
  double Result(absl::Span<const int64_t> counts) const override;

 protected:
  Value Build(Value prediction, Value target) const override;

 private:
  AccuracyOptions options_;
};

}  // namespace tenon::metric

#endif  // TENON_FRONTEND_METRIC_ACCURACY_H_
