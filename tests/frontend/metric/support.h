// What the tests of metrics share.
#ifndef TENON_TESTS_FRONTEND_METRIC_SUPPORT_H_
#define TENON_TESTS_FRONTEND_METRIC_SUPPORT_H_

#include <vector>

#include "tenon/frontend/metric/metric.h"
#include "tests/frontend/support.h"

namespace tenon::testing {

// What a batch counts, evaluated, and the metric's value of it.
Tensor Counts(const metric::Metric& metric, const Tensor& prediction, const Tensor& target);
double Result(const metric::Metric& metric, const Tensor& prediction, const Tensor& target);

// Checks a metric of "metric/scores" and "metric/actual" against element `index` of
// "metric/values": accuracy, precision, recall, F1.
void ExpectKeras(const metric::Metric& metric, int index);

// f32[4, 3], whose largest elements are those of classes 1, 0, 2 and 1.
Tensor FourScores();

}  // namespace tenon::testing

#endif  // TENON_TESTS_FRONTEND_METRIC_SUPPORT_H_
