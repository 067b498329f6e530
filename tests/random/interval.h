// Intervals of real numbers, and what scalar operations make of them: enclosures of what any
// evaluation in a given format may yield, whatever the order of its roundings.
#ifndef TENON_TESTS_RANDOM_INTERVAL_H_
#define TENON_TESTS_RANDOM_INTERVAL_H_

#include <cmath>
#include <limits>

#include "tenon/ir/compute.h"
#include "tenon/ir/dtype.h"

namespace tenon::tests {

// Integers are held exactly up to 2^53; an operation that leaves that range gives Anything().
struct Interval {
  double low = 0, high = 0;
  bool nan = false;  // may be NaN as well

  static Interval Point(double v) { return std::isnan(v) ? Anything() : Interval{v, v, false}; }
  static Interval Anything() {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    return {-kInfinity, kInfinity, true};
  }
  static Interval Bool(bool may_be_false, bool may_be_true) {
    return {may_be_false ? 0.0 : 1.0, may_be_true ? 1.0 : 0.0, false};
  }

  bool point() const { return low == high && !nan && std::isfinite(low); }
  bool Contains(double v) const { return std::isnan(v) ? nan : low <= v && v <= high; }
  double magnitude() const { return std::fmax(std::fabs(low), std::fabs(high)); }
};

// The smallest interval that holds both.
Interval Hull(const Interval& a, const Interval& b);

// `x` widened by `units` roundings of a result in `dtype`, each relative to `magnitude`, and by the
// smallest denormals; what may overflow may be infinite. Zero alone stays zero: it is exact. For
// integers and bool: x, or Anything() beyond what they hold.
Interval Widen(const Interval& x, double units, double magnitude, ir::DType dtype);

// What `op` yields for any arguments out of the intervals; types as EvalScalarOp's (ir/scalar.h).
Interval EvalInterval(ir::ScalarOp op, ir::DType operand, ir::DType result, const Interval* args);

// Roundings that one scalar operation is allowed: its own, the one of computing the interval, and
// one for a rewrite (a quotient by a constant that became a product).
inline constexpr double kOpUnits = 4;
// Elementary functions err by up to 2 ulp, which are 4 units.
inline constexpr double kFunctionUnits = 8;

}  // namespace tenon::tests

#endif  // TENON_TESTS_RANDOM_INTERVAL_H_
