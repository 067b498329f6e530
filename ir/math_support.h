// What the functions of ir/math.h share: constants by width, polynomials, exact products.
//
// The policy P is described in ir/math.h.
#ifndef TENON_IR_MATH_SUPPORT_H_
#define TENON_IR_MATH_SUPPORT_H_

#include <cstddef>
#include <cstdint>
#include <limits>

#include "tenon/ir/math_coefficients.h"

namespace tenon::math {

// The format of P::F.
template <int kBits>
struct Format;
template <>
struct Format<32> {
  using Float = float;
  static constexpr int kMantissa = 23;
  static constexpr int kBias = 127;
  // Adding it to a number below 2^22 leaves the nearest integer in the low bits.
  static constexpr double kRounder = 0x1.8p23;
  static constexpr int64_t kRounderBits = 0x4b400000;
  static constexpr double kSmallestNormal = 0x1p-126;
  static constexpr double kSplitter = 0x1p12 + 1;
};
template <>
struct Format<64> {
  using Float = double;
  static constexpr int kMantissa = 52;
  static constexpr int kBias = 1023;
  static constexpr double kRounder = 0x1.8p52;
  static constexpr int64_t kRounderBits = 0x4338000000000000;
  static constexpr double kSmallestNormal = 0x1p-1022;
  static constexpr double kSplitter = 0x1p27 + 1;
};

inline constexpr double kInfinity = std::numeric_limits<double>::infinity();
inline constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// Chooses a constant by the policy's width.
template <typename P>
constexpr auto Pick(double for32, double for64) {
  return P::kBits == 32 ? for32 : for64;
}

// c[0] + c[1] x + ... by Horner's rule.
template <typename P, typename C, size_t n>
typename P::F Polynomial(P& p, typename P::F x, const C (&c)[n]) {
  typename P::F y = p.Const(c[n - 1]);
  for (size_t i = n - 1; i-- > 0;) y = p.Fma(y, x, p.Const(c[i]));
  return y;
}

template <typename P>
typename P::I SignMask(P& p) {
  return p.Int(P::kBits == 32 ? int64_t{0x80000000} : std::numeric_limits<int64_t>::min());
}

template <typename P>
typename P::F Abs(P& p, typename P::F x) {
  const int64_t mask = P::kBits == 32 ? 0x7fffffff : std::numeric_limits<int64_t>::max();
  return p.FromBits(p.IntAnd(p.Bits(x), p.Int(mask)));
}

// `magnitude` (whose sign bit is clear) with the sign of `sign`.
template <typename P>
typename P::F CopySign(P& p, typename P::F magnitude, typename P::F sign) {
  return p.FromBits(p.IntOr(p.Bits(magnitude), p.IntAnd(p.Bits(sign), SignMask(p))));
}

// -x, also of zeros.
template <typename P>
typename P::F Negate(P& p, typename P::F x) {
  return p.FromBits(p.IntXor(p.Bits(x), SignMask(p)));
}

// Bounds that let NaN through.
template <typename P>
typename P::F AtMost(P& p, typename P::F x, double bound) {
  return p.Select(p.Lt(p.Const(bound), x), p.Const(bound), x);
}
template <typename P>
typename P::F AtLeast(P& p, typename P::F x, double bound) {
  return p.Select(p.Lt(x, p.Const(bound)), p.Const(bound), x);
}

// 2^n for n within the normal exponents; other n give some number.
template <typename P>
typename P::F PowerOfTwo(P& p, typename P::I n) {
  using Fmt = Format<P::kBits>;
  return p.FromBits(p.Shl(p.IntAdd(n, p.Int(Fmt::kBias)), Fmt::kMantissa));
}

// P::Scale in integer arithmetic: the first product is exact, so that only the second one rounds.
template <typename P>
typename P::F ScaleInTwoSteps(P& p, typename P::F x, typename P::I n) {
  const typename P::I half = p.ShrArithmetic(n, 1);
  return p.Mul(p.Mul(x, PowerOfTwo(p, half)), PowerOfTwo(p, p.IntSub(n, half)));
}

// An unevaluated sum, the second part small against the first.
template <typename P>
struct Pair {
  typename P::F high, low;
};

// a + b exactly, where |a| >= |b| or a = 0.
template <typename P>
Pair<P> FastTwoSum(P& p, typename P::F a, typename P::F b) {
  const typename P::F sum = p.Add(a, b);
  return {sum, p.Sub(b, p.Sub(sum, a))};
}

// a + b exactly.
template <typename P>
Pair<P> TwoSum(P& p, typename P::F a, typename P::F b) {
  const typename P::F sum = p.Add(a, b);
  const typename P::F b_part = p.Sub(sum, a);
  const typename P::F a_part = p.Sub(sum, b_part);
  return {sum, p.Add(p.Sub(a, a_part), p.Sub(b, b_part))};
}

// The upper half of x's digits, and the rest (Veltkamp).
template <typename P>
Pair<P> Split(P& p, typename P::F x) {
  const typename P::F scaled = p.Mul(x, p.Const(Format<P::kBits>::kSplitter));
  const typename P::F high = p.Sub(scaled, p.Sub(scaled, x));
  return {high, p.Sub(x, high)};
}

// a * b exactly, short of overflow and underflow: by FMA, or by Dekker's product.
template <typename P>
Pair<P> TwoProduct(P& p, typename P::F a, typename P::F b) {
  const typename P::F product = p.Mul(a, b);
  if (p.fused()) return {product, p.Fma(a, b, Negate(p, product))};
  const Pair<P> x = Split(p, a), y = Split(p, b);
  typename P::F error = p.Sub(p.Mul(x.high, y.high), product);
  error = p.Add(error, p.Mul(x.high, y.low));
  error = p.Add(error, p.Mul(x.low, y.high));
  return {product, p.Add(error, p.Mul(x.low, y.low))};
}

}  // namespace tenon::math

#endif  // TENON_IR_MATH_SUPPORT_H_
