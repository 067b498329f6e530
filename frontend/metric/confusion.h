// The confusion table: how often which class was taken for which.
#ifndef TENON_FRONTEND_METRIC_CONFUSION_H_
#define TENON_FRONTEND_METRIC_CONFUSION_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "tenon/frontend/metric/metric.h"
#include "tenon/frontend/tensor.h"

namespace tenon::metric {

// Counts of examples by class (rows) and by prediction (columns), on the host.
class ConfusionTable {
 public:
  explicit ConfusionTable(int64_t classes)
      : classes_(classes), counts_(static_cast<size_t>(classes * classes)) {}

  // From predictions [n, classes] (scores: the largest counts) or [n] / [n, 1] (one score: above
  // `threshold` is class 1 of 2), and labels of as many rows. Errors name the row of a label that
  // is no class.
  static absl::StatusOr<ConfusionTable> Of(const TensorView& predictions, const TensorView& labels,
                                           double threshold = 0.5);

  int64_t classes() const { return classes_; }
  void Add(int64_t actual, int64_t predicted, int64_t count = 1) {
    counts_[actual * classes_ + predicted] += count;
  }
  int64_t count(int64_t actual, int64_t predicted) const {
    return counts_[actual * classes_ + predicted];
  }
  int64_t total() const;

  // 0 where there is nothing to divide by. The last three are those of one class against the rest.
  double Accuracy() const;
  double Precision(int64_t positive = 1) const;
  double Recall(int64_t positive = 1) const;
  double F1(int64_t positive = 1) const;

  // As text, a row for each class; numbers stand for classes without a name.
  std::string ToString(absl::Span<const std::string> names = {}) const;

 private:
  int64_t ActualCount(int64_t actual) const;
  int64_t PredictedCount(int64_t predicted) const;

  int64_t classes_;
  std::vector<int64_t> counts_;
};

// The table within a graph, i64[classes, classes]; its value as a metric is the accuracy.
// Predictions are scores [batch, classes], targets class numbers or one-hot.
class Confusion final : public Metric {
 public:
  std::string name() const override { return "confusion"; }
  double Result(absl::Span<const int64_t> counts) const override;

 protected:
  Value Build(Value prediction, Value target) const override;
};

}  // namespace tenon::metric

#endif  // TENON_FRONTEND_METRIC_CONFUSION_H_
