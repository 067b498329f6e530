// Metric: what is counted while training and evaluating.
//
// A metric adds whole numbers of each batch to counts that live in the graph's state, so a step
// costs no round trip to the host; the value is worked out from the counts when somebody asks.
//
// A new metric is a header, a source file and a test: a class derived from Metric with an options
// struct.
#ifndef TENON_FRONTEND_METRIC_METRIC_H_
#define TENON_FRONTEND_METRIC_METRIC_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "tenon/frontend/core.h"
#include "tenon/frontend/poly.h"

namespace tenon::metric {

class Metric {
 public:
  virtual std::string name() const = 0;

  // What a batch adds to the counts: i64, of a constant shape. Errors are recorded in the builder.
  Value Count(Value prediction, Value target) const;
  // The metric's value for given counts, in row-major order.
  virtual double Result(absl::Span<const int64_t> counts) const = 0;

 protected:
  Metric() = default;
  Metric(const Metric&) = default;
  Metric& operator=(const Metric&) = default;
  ~Metric() = default;

  // `prediction` is a float of rank 1 or more; `target` has the same batch.
  virtual Value Build(Value prediction, Value target) const = 0;
};

// Class numbers, i64[batch, ...]: of predictions the largest along the last dimension, of targets
// either that (one-hot) or what stands in them.
Value PredictedClass(Value prediction);
Value TargetClass(Value prediction, Value target);
// bool of the prediction's shape: whether a prediction lies above `threshold`, a target above 0.5.
Value PredictedPositive(Value prediction, double threshold);
Value TargetPositive(Value prediction, Value target);
// How many elements of a bool value are true, and how many elements there are: i64[1] each.
Value CountTrue(Value condition);
Value CountAll(Value x);

}  // namespace tenon::metric

#endif  // TENON_FRONTEND_METRIC_METRIC_H_
