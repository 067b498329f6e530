// Errors in units in the last place, against references of more digits, for the tests of ir/math.h.
#ifndef TENON_TESTS_MATH_ULP_H_
#define TENON_TESTS_MATH_ULP_H_

#include <algorithm>
#include <cmath>
#include <limits>

#include "tenon/ir/compute.h"

namespace tenon::math {

// The functions' reference in a wider type: double for float, long double for double.
template <typename R>
R Reference(ir::ScalarOp op, R x, R y) {
  switch (op) {
    case ir::ScalarOp::kExp:
      return std::exp(x);
    case ir::ScalarOp::kExpm1:
      return std::expm1(x);
    case ir::ScalarOp::kLog:
      return std::log(x);
    case ir::ScalarOp::kLog1p:
      return std::log1p(x);
    case ir::ScalarOp::kSin:
      return std::sin(x);
    case ir::ScalarOp::kCos:
      return std::cos(x);
    case ir::ScalarOp::kTanh:
      return std::tanh(x);
    case ir::ScalarOp::kSigmoid:
      return x >= 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x));
    case ir::ScalarOp::kErf:
      return std::erf(x);
    case ir::ScalarOp::kRsqrt:
      return 1 / std::sqrt(x);
    default:
      return std::pow(x, y);
  }
}

// |value - reference| in ULP of T at the reference. NaN must meet NaN and zeros their sign; where
// the reference rounds to infinity, or `value` is infinite, infinity counts as 2^(largest
// exponent). Disagreements in kind give 1e9.
template <typename T, typename R>
double UlpError(T value, R reference) {
  using Limits = std::numeric_limits<T>;
  constexpr double kWrong = 1e9;
  if (std::isnan(reference)) return std::isnan(value) ? 0 : kWrong;
  if (std::isnan(value)) return kWrong;
  const T rounded = static_cast<T>(reference);
  if (value == rounded && (value != 0 || std::signbit(value) == std::signbit(reference))) {
    if (std::isinf(value) || value == 0) return 0;
  }
  if (std::isinf(reference)) return kWrong;
  if (value == 0 && std::signbit(value) != std::signbit(reference)) return kWrong;
  int exponent = 0;
  std::frexp(reference, &exponent);
  const int top = std::min(exponent, Limits::max_exponent);
  const int ulp = std::max(top - Limits::digits, Limits::min_exponent - Limits::digits);
  const R finite = std::isinf(value)
                       ? std::copysign(std::ldexp(R{1}, Limits::max_exponent), R{value})
                       : R{value};
  return static_cast<double>(std::fabs(finite - reference) / std::ldexp(R{1}, ulp));
}

// The bounds that ir/math.h states.
struct Bound {
  ir::ScalarOp op;
  double f32, f64;
};
inline constexpr Bound kBounds[] = {
    {ir::ScalarOp::kExp, 1, 1},      {ir::ScalarOp::kExpm1, 1.5, 1.5},
    {ir::ScalarOp::kLog, 1, 1},      {ir::ScalarOp::kLog1p, 1, 1},
    {ir::ScalarOp::kSin, 1, 1},      {ir::ScalarOp::kCos, 1, 1},
    {ir::ScalarOp::kTanh, 1.5, 1.5}, {ir::ScalarOp::kSigmoid, 2, 2},
    {ir::ScalarOp::kErf, 1.5, 1.5},  {ir::ScalarOp::kRsqrt, 1, 1},
    {ir::ScalarOp::kPow, 1, 1},
};
// What the references themselves are off by: half a unit of theirs is below this many of ours.
inline constexpr double kReferenceError = 0.001;

}  // namespace tenon::math

#endif  // TENON_TESTS_MATH_ULP_H_
