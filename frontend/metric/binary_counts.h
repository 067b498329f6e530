// What precision, recall and F1 share: predictions against targets, in two classes.
#ifndef TENON_FRONTEND_METRIC_BINARY_COUNTS_H_
#define TENON_FRONTEND_METRIC_BINARY_COUNTS_H_

#include "tenon/frontend/metric/metric.h"

namespace tenon::metric {

struct BinaryOptions {
  double threshold = 0.5;  // predictions above it are positive; logits want 0 here
};

// i64[3]: true positives, false positives, false negatives. Equal for all metrics of one threshold,
// so that a graph computes it once.
Value BinaryCounts(Value prediction, Value target, const BinaryOptions& options);

// a / b, or 0 for 0 / 0.
double Ratio(int64_t a, int64_t b);

// A metric of those counts: a name, and what Result makes of them.
class BinaryMetric : public Metric {
 public:
  std::string name() const final { return std::string(name_); }

 protected:
  BinaryMetric(absl::string_view name, BinaryOptions options) : name_(name), options_(options) {}
  Value Build(Value prediction, Value target) const final {
    return BinaryCounts(prediction, target, options_);
  }

 private:
  absl::string_view name_;
  BinaryOptions options_;
};

}  // namespace tenon::metric

#endif  // TENON_FRONTEND_METRIC_BINARY_COUNTS_H_
