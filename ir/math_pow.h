// pow. See ir/math.h.
#ifndef TENON_IR_MATH_POW_H_
#define TENON_IR_MATH_POW_H_

#include "tenon/ir/math_exp.h"
#include "tenon/ir/math_log.h"

namespace tenon::math {

// (a.high + a.low) (b.high + b.low), to about twice the width of a float.
template <typename P>
Pair<P> Times(P& p, const Pair<P>& a, const Pair<P>& b) {
  Pair<P> product = TwoProduct(p, a.high, b.high);
  product.low = p.Fma(a.high, b.low, p.Fma(a.low, b.high, product.low));
  return product;
}

// constant + x for a constant in two parts, larger than x.
template <typename P>
Pair<P> ConstantPlus(P& p, double high, double low, const Pair<P>& x) {
  const Pair<P> sum = FastTwoSum(p, p.Const(high), x.high);
  return {sum.high, p.Add(sum.low, p.Add(x.low, p.Const(low)))};
}

// log(x) for positive finite x, to some 15 bits more than a float has:
//   e ln 2 + 2 s + s z (2/3 + z (2/5 + z Q(z))),  s = f / (2 + f), z = s^2,
// all but Q in two parts.
template <typename P>
Pair<P> LogInTwoParts(P& p, typename P::F x) {
  using F = typename P::F;
  const LogArgument<P> a = ReduceLog(p, x);
  const F f = p.Sub(a.m, p.Const(1));
  const F u = p.Add(p.Const(2), f);
  const F u_low = p.Sub(f, p.Sub(u, p.Const(2)));
  const F quotient = p.Div(f, u);
  const Pair<P> back = TwoProduct(p, quotient, u);
  const F rest = p.Sub(p.Sub(p.Sub(f, back.high), back.low), p.Mul(quotient, u_low));
  const Pair<P> s = {quotient, p.Div(rest, u)};
  const Pair<P> z = Times(p, s, s);

  F q;
  if constexpr (P::kBits == 32) {
    q = Polynomial(p, z.high, kPow32);
  } else {
    q = Polynomial(p, z.high, kPow64);
  }
  const Pair<P> inner = ConstantPlus(p, Pick<P>(kTwoFifths32[0], kTwoFifths64[0]),
                                     Pick<P>(kTwoFifths32[1], kTwoFifths64[1]),
                                     Pair<P>{p.Mul(z.high, q), p.Const(0)});
  const Pair<P> outer = ConstantPlus(p, Pick<P>(kTwoThirds32[0], kTwoThirds64[0]),
                                     Pick<P>(kTwoThirds32[1], kTwoThirds64[1]), Times(p, z, inner));
  const Pair<P> third = Times(p, Times(p, s, z), outer);

  const Pair<P> fraction = FastTwoSum(p, p.Add(s.high, s.high), third.high);
  const F low = p.Add(p.Add(s.low, s.low), p.Add(third.low, fraction.low));
  const F exponent = p.Mul(a.e, p.Const(Pick<P>(kLn2Parts32[0], kLn2Parts64[0])));  // exact
  const Pair<P> sum = FastTwoSum(p, exponent, fraction.high);
  const F e_low = p.Fma(a.e, p.Const(Pick<P>(kLn2Parts32[1], kLn2Parts64[1])), low);
  return FastTwoSum(p, sum.high, p.Add(sum.low, e_low));
}

// e^(high + low), high of any size.
template <typename P>
typename P::F ExpOfPair(P& p, Pair<P> x) {
  using F = typename P::F;
  const F low_bound = p.Const(Pick<P>(-104, -746)), high_bound = p.Const(Pick<P>(89, 710));
  const auto inside = p.And(p.Le(low_bound, x.high), p.Le(x.high, high_bound));
  const F high = AtLeast(p, AtMost(p, x.high, Pick<P>(89, 710)), Pick<P>(-104, -746));
  const ExpArgument<P> a = ReduceExp(p, high);
  const F low = p.Select(inside, x.low, p.Const(0));
  return p.Scale(ExpOfReduced(p, p.Add(a.r, p.Add(a.tail, low))), a.k, a.n);
}

// Whether |y| is an integer (infinity is), and its lowest bit if so.
template <typename P>
struct Parity {
  typename P::B is_integer;
  typename P::I low_bit;
};
template <typename P>
Parity<P> ParityOf(P& p, typename P::F magnitude) {
  using F = typename P::F;
  const F one_ulp = p.Const(Pick<P>(0x1p23, 0x1p52));  // from here on all are integers,
  const F two_ulp = p.Const(Pick<P>(0x1p24, 0x1p53));  // from here on even
  const auto has_fraction_bits = p.Lt(magnitude, one_ulp);
  const F shifted = p.Add(magnitude, one_ulp);
  const F rounded = p.Select(has_fraction_bits, p.Sub(shifted, one_ulp), magnitude);
  const typename P::I large = p.SelectInt(p.Lt(magnitude, two_ulp), p.Bits(magnitude), p.Int(0));
  const typename P::I bits = p.SelectInt(has_fraction_bits, p.Bits(shifted), large);
  return {p.Eq(rounded, magnitude), p.IntAnd(bits, p.Int(1))};
}

template <typename P>
typename P::F Pow(P& p, typename P::F x, typename P::F y) {
  using F = typename P::F;
  const F zero = p.Const(0), one = p.Const(1), infinity = p.Const(kInfinity);
  const F a = Abs(p, x);
  // A larger exponent changes nothing: the least |log a| but 0 is an ulp of 1.
  constexpr double kBound = Pick<P>(0x1p40, 0x1p75);
  const F b = AtLeast(p, AtMost(p, y, kBound), -kBound);
  const Pair<P> log = LogInTwoParts(p, a);
  Pair<P> product = TwoProduct(p, b, log.high);
  product.low = p.Fma(b, log.low, product.low);
  F magnitude = ExpOfPair(p, FastTwoSum(p, product.high, product.low));
  const auto negative_power = p.Lt(y, zero);
  magnitude = p.Select(p.Eq(a, zero), p.Select(negative_power, infinity, zero), magnitude);
  magnitude = p.Select(p.Eq(a, infinity), p.Select(negative_power, zero, infinity), magnitude);

  const Parity<P> parity = ParityOf(p, Abs(p, y));
  const auto negative = p.Lt(x, zero);
  const auto finite_base = p.Lt(a, infinity);
  // A negative finite base to a fraction: NaN.
  magnitude = p.Select(p.And(negative, finite_base),
                       p.Select(parity.is_integer, magnitude, p.Const(kNaN)), magnitude);
  const auto odd = p.IntEq(parity.low_bit, p.Int(1));
  const auto is_odd = p.And(odd, parity.is_integer);
  F result = p.Select(is_odd, CopySign(p, magnitude, x), magnitude);
  // NaN in either operand, but for x^0 = 1^y = 1.
  result = p.Select(p.Eq(x, x), result, x);
  result = p.Select(p.Eq(y, y), result, y);
  result = p.Select(p.Eq(x, one), one, result);
  return p.Select(p.Eq(y, zero), one, result);
}

}  // namespace tenon::math

#endif  // TENON_IR_MATH_POW_H_
