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

}  // namespace tenon::metric

#endif  // TENON_FRONTEND_METRIC_BINARY_COUNTS_H_
