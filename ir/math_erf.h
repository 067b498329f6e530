// erf. See ir/math.h.
#ifndef TENON_IR_MATH_ERF_H_
#define TENON_IR_MATH_ERF_H_

#include "tenon/ir/math_exp.h"

namespace tenon::math {

// 1 - erf(a) for a >= 0.9375 (f64: 1), only as precise as 1 - erfc needs it.
template <typename P>
typename P::F ErfcForErf(P& p, typename P::F a) {
  using F = typename P::F;
  if constexpr (P::kBits == 32) {
    const F t = p.Sub(AtMost(p, a, kErfTail32End), p.Const(kErfTail32Centre));
    return Polynomial(p, t, kErfTail32);
  } else {
    // e^(-a^2) times a function that is nearly a polynomial in (a - 2) / (a + 2). From 6 on, erf
    // rounds to 1.
    const F b = AtMost(p, a, 6);
    const F t = p.Div(p.Sub(b, p.Const(2)), p.Add(b, p.Const(2)));
    const ExpArgument<P> e = ReduceExp(p, Negate(p, p.Mul(b, b)));
    const F power = ExpOfReduced(p, e.r);
    return p.Mul(p.Mul(power, PowerOfTwo(p, e.n)), Polynomial(p, t, kErfTail64));
  }
}

// x (1 + E(x^2)) near zero, 1 - erfc elsewhere.
template <typename P>
typename P::F Erf(P& p, typename P::F x) {
  using F = typename P::F;
  const F a = Abs(p, x);
  const F z = p.Mul(a, a);
  F near;
  if constexpr (P::kBits == 32) {
    near = Polynomial(p, z, kErf32);
  } else {
    near = Polynomial(p, z, kErf64);
  }
  near = p.Fma(a, near, a);
  const F far = p.Sub(p.Const(1), ErfcForErf(p, a));
  const F split = p.Const(Pick<P>(kErf32Split, kErf64Split));
  return CopySign(p, p.Select(p.Lt(a, split), near, far), x);
}

}  // namespace tenon::math

#endif  // TENON_IR_MATH_ERF_H_
