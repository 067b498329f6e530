// pow. See ir/math.h.
#ifndef TENON_IR_MATH_POW_H_
#define TENON_IR_MATH_POW_H_

#include "tenon/ir/math_exp.h"
#include "tenon/ir/math_log.h"

namespace tenon::math {

// log(x) for positive finite x, to about ten bits more than a float has:
// e ln 2 + 2 s + 2/3 s^3 + s^5 Q(s^2), with s = f / (2 + f), the first three terms in two parts.
template <typename P>
Pair<P> LogInTwoParts(P& p, typename P::F x) {
  using F = typename P::F;
  const LogArgument<P> a = ReduceLog(p, x);
  const F f = p.Sub(a.m, p.Const(1));
  const F u = p.Add(p.Const(2), f);
  const F u_low = p.Sub(f, p.Sub(u, p.Const(2)));
  const F s = p.Div(f, u);
  const Pair<P> su = TwoProduct(p, s, u);
  const F rest = p.Sub(p.Sub(p.Sub(f, su.high), su.low), p.Mul(s, u_low));
  const F s_low = p.Div(rest, u);

  Pair<P> square = TwoProduct(p, s, s);
  square.low = p.Fma(p.Add(s, s), s_low, square.low);
  Pair<P> cube = TwoProduct(p, square.high, s);
  cube.low = p.Fma(square.low, s, p.Fma(square.high, s_low, cube.low));
  const F c_high = p.Const(Pick<P>(kTwoThirds32[0], kTwoThirds64[0]));
  const F c_low = p.Const(Pick<P>(kTwoThirds32[1], kTwoThirds64[1]));
  Pair<P> third = TwoProduct(p, cube.high, c_high);
  third.low = p.Fma(cube.low, c_high, p.Fma(cube.high, c_low, third.low));
  F q;
  if constexpr (P::kBits == 32) {
    q = Polynomial(p, square.high, kPow32);
  } else {
    q = Polynomial(p, square.high, kPow64);
  }
  third.low = p.Fma(p.Mul(cube.high, square.high), q, third.low);

  const Pair<P> fraction = FastTwoSum(p, p.Add(s, s), third.high);
  const F low = p.Add(p.Add(s_low, s_low), p.Add(third.low, fraction.low));
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
