// exp and what is made from it: expm1, tanh, sigmoid. See ir/math.h.
#ifndef TENON_IR_MATH_EXP_H_
#define TENON_IR_MATH_EXP_H_

#include "tenon/ir/math_support.h"

namespace tenon::math {

// x = k ln 2 + r + tail with |r| <= ln 2 / 2: `k` as a float and as an integer; `tail` is what
// rounding took from r.
template <typename P>
struct ExpArgument {
  typename P::F r, tail, k;
  typename P::I n;
};

// For |x| below 2^10 or so.
template <typename P>
ExpArgument<P> ReduceExp(P& p, typename P::F x) {
  using Fmt = Format<P::kBits>;
  using F = typename P::F;
  const F rounder = p.Const(Fmt::kRounder);
  const F t = p.Fma(x, p.Const(Pick<P>(kLog2E32[0], kLog2E64[0])), rounder);
  const F k = p.Sub(t, rounder);
  const F exact = p.Fma(k, p.Const(-Pick<P>(kLn2Parts32[0], kLn2Parts64[0])), x);
  const F minus_low = p.Const(-Pick<P>(kLn2Parts32[1], kLn2Parts64[1]));
  const F r = p.Fma(k, minus_low, exact);
  // Dead code, which costs nothing, for those who leave the tail alone.
  const F tail = p.Fma(k, minus_low, p.Sub(exact, r));
  return {r, tail, k, p.IntSub(p.Bits(t), p.Int(Fmt::kRounderBits))};
}

// e^r for |r| <= ln 2 / 2.
template <typename P>
typename P::F ExpOfReduced(P& p, typename P::F r) {
  typename P::F q;
  if constexpr (P::kBits == 32) {
    q = Polynomial(p, r, kExp32);
    // Horner's rule to the end costs one operation less; where products are rounded by themselves
    // the last one would cost too many digits.
    if (p.fused()) return p.Fma(p.Fma(q, r, p.Const(1)), r, p.Const(1));
  } else {
    q = Polynomial(p, r, kExp64);
  }
  return p.Add(p.Const(1), p.Fma(q, p.Mul(r, r), r));
}

// e^x where scaling takes any k. Beyond 2^22 r is some number, infinite or NaN; held near zero it
// is good enough for what k alone makes zero, infinite or NaN.
template <typename P>
typename P::F ExpByAnyScale(P& p, typename P::F x) {
  const ExpArgument<P> a = ReduceExp(p, x);
  return p.Scale(ExpOfReduced(p, p.Held(a.r, 0.5)), a.k, a.n);
}

// e^x for x <= 0, or NaN.
template <typename P>
typename P::F ExpOfNonPositive(P& p, typename P::F x) {
  if (p.scales_by_any()) return ExpByAnyScale(p, x);
  // Below, even the smallest denormal rounds to zero.
  const ExpArgument<P> a = ReduceExp(p, AtLeast(p, x, Pick<P>(-104, -746)));
  return p.Scale(ExpOfReduced(p, a.r), a.k, a.n);
}

template <typename P>
typename P::F Exp(P& p, typename P::F x) {
  if (p.scales_by_any()) return ExpByAnyScale(p, x);
  // Beyond, the scaling overflows all the same.
  return ExpOfNonPositive(p, AtMost(p, x, Pick<P>(89, 710)));
}

// 2 (2^(n-1) (e^r - 1) + (2^(n-1) - 1/2)): the halves keep n = 128 (1024) in range. All that is
// large, 2^(n-1) r + (2^(n-1) - 1/2), is kept in two parts.
template <typename P>
typename P::F Expm1(P& p, typename P::F x) {
  using F = typename P::F;
  const F bounded = AtLeast(p, AtMost(p, x, Pick<P>(89, 710)), Pick<P>(-20, -40));
  const ExpArgument<P> a = ReduceExp(p, bounded);
  F q;
  if constexpr (P::kBits == 32) {
    q = Polynomial(p, a.r, kExpm132);
  } else {
    q = Polynomial(p, a.r, kExpm164);
  }
  const F scale = PowerOfTwo(p, p.IntSub(a.n, p.Int(1)));
  const F offset = p.Sub(scale, p.Const(0.5));
  const F lost = p.Sub(p.Sub(scale, offset), p.Const(0.5));
  const Pair<P> sum = FastTwoSum(p, offset, p.Mul(scale, a.r));
  const F small = p.Fma(q, p.Mul(a.r, a.r), a.tail);
  const F half = p.Add(sum.high, p.Fma(scale, small, p.Add(sum.low, lost)));
  // Near zero, x itself: the halving above would lose a denormal's last bit, and the sign of zero.
  return p.Select(p.Lt(Abs(p, x), p.Const(Pick<P>(0x1p-25, 0x1p-54))), x, p.Add(half, half));
}

// x + x^3 T(x^2) near zero, 1 - 2 / (e^2x + 1) elsewhere.
template <typename P>
typename P::F Tanh(P& p, typename P::F x) {
  using F = typename P::F;
  const F a = Abs(p, x);
  const F z = p.Mul(a, a);
  F near;
  if constexpr (P::kBits == 32) {
    near = Polynomial(p, z, kTanh32);
  } else {
    near = Polynomial(p, z, kTanh64);
  }
  near = p.Fma(p.Mul(a, z), near, a);
  const F bounded = AtMost(p, a, Pick<P>(10, 22));
  const ExpArgument<P> e = ReduceExp(p, p.Add(bounded, bounded));
  F power;
  if constexpr (P::kBits == 32) {
    // Near the split every digit of the power counts: the longer polynomial, and 1 added last.
    power = p.Add(p.Const(1), p.Fma(Polynomial(p, e.r, kExpm132), p.Mul(e.r, e.r), e.r));
  } else {
    power = ExpOfReduced(p, e.r);
  }
  const F denominator = p.Fma(power, PowerOfTwo(p, e.n), p.Const(1));
  const F far = p.Sub(p.Const(1), p.Div(p.Const(2), denominator));
  return CopySign(p, p.Select(p.Lt(a, p.Const(0.5625)), near, far), x);
}

// 1 / (1 + e^-x), written with e^-|x| so that nothing overflows and small results keep their
// digits.
template <typename P>
typename P::F Sigmoid(P& p, typename P::F x) {
  using F = typename P::F;
  const F power = ExpOfNonPositive(p, Negate(p, Abs(p, x)));
  const F numerator = p.Select(p.Lt(x, p.Const(0)), power, p.Const(1));
  const F one = p.Const(1);
  const F denominator = p.Add(one, power);
  const F y = p.Div(numerator, denominator);
  // What rounding took from the denominator, over the denominator (1 / d to 4% on [1, 2]).
  const F lost = p.Sub(power, p.Sub(denominator, one));
  const F inverse = p.Fma(denominator, p.Const(-0.5), p.Const(1.4375));
  return p.Fma(Negate(p, y), p.Mul(lost, inverse), y);
}

}  // namespace tenon::math

#endif  // TENON_IR_MATH_EXP_H_
