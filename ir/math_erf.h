// erf. See ir/math.h.
#ifndef TENON_IR_MATH_ERF_H_
#define TENON_IR_MATH_ERF_H_

#include "tenon/ir/math_exp.h"

namespace tenon::math {

// By sixteen intervals of |x|, each with a centre at which erf is nearly a float: its value there
// plus the distance times a polynomial. In the first one x itself stands for the value, so that
// small results keep their digits.
template <typename P>
typename P::F Erf32(P& p, typename P::F x) {
  using F = typename P::F;
  using I = typename P::I;
  // From the end on, erf rounds to 1.
  const F a = AtMost(p, Abs(p, x), kErf32End);
  const F rounder = p.Const(Format<32>::kRounder);
  const F t = p.Fma(a, p.Const(kErf32Scale), rounder);
  const I interval = p.Bits(t);  // in its last four bits
  const F value = p.Select(p.Eq(t, rounder), a, p.Lookup(kErf32Values, interval));
  const F d = p.Sub(a, p.Lookup(kErf32Centres, interval));
  F slope = p.Lookup(kErf32Slopes[4], interval);
  for (int i = 3; i >= 0; --i) slope = p.Fma(slope, d, p.Lookup(kErf32Slopes[i], interval));
  return CopySign(p, p.Fma(slope, d, value), x);
}

// 1 - erf(a) for a >= 1, only as precise as 1 - erfc needs it: e^(-a^2) times a function that is
// nearly a polynomial in (a - 2) / (a + 2). From 6 on, erf rounds to 1.
template <typename P>
typename P::F ErfcForErf(P& p, typename P::F a) {
  using F = typename P::F;
  const F b = AtMost(p, a, 6);
  const F t = p.Div(p.Sub(b, p.Const(2)), p.Add(b, p.Const(2)));
  const ExpArgument<P> e = ReduceExp(p, Negate(p, p.Mul(b, b)));
  const F power = ExpOfReduced(p, e.r);
  return p.Mul(p.Mul(power, PowerOfTwo(p, e.n)), Polynomial(p, t, kErfTail64));
}

// x (1 + E(x^2)) near zero, 1 - erfc elsewhere.
template <typename P>
typename P::F Erf64(P& p, typename P::F x) {
  using F = typename P::F;
  const F a = Abs(p, x);
  const F near = p.Fma(a, Polynomial(p, p.Mul(a, a), kErf64), a);
  const F far = p.Sub(p.Const(1), ErfcForErf(p, a));
  return CopySign(p, p.Select(p.Lt(a, p.Const(kErf64Split)), near, far), x);
}

template <typename P>
typename P::F Erf(P& p, typename P::F x) {
  if constexpr (P::kBits == 32) {
    return Erf32(p, x);
  } else {
    return Erf64(p, x);
  }
}

}  // namespace tenon::math

#endif  // TENON_IR_MATH_ERF_H_
