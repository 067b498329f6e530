// log, log1p and rsqrt. See ir/math.h.
#ifndef TENON_IR_MATH_LOG_H_
#define TENON_IR_MATH_LOG_H_

#include "tenon/ir/math_support.h"

namespace tenon::math {

// x = 2^e m with m in [2/3, 4/3): e as a float.
template <typename P>
struct LogArgument {
  typename P::F m, e;
  typename P::I e_int;
};

// For positive finite x, denormals included; other x give some numbers.
template <typename P>
LogArgument<P> ReduceLog(P& p, typename P::F x) {
  using Fmt = Format<P::kBits>;
  using F = typename P::F;
  using I = typename P::I;
  const auto tiny = p.Lt(x, p.Const(Fmt::kSmallestNormal));
  const F up = p.Const(Pick<P>(0x1p24, 0x1p54));
  const I bits = p.Bits(p.Select(tiny, p.Mul(x, up), x));
  const I two_thirds = p.Int(P::kBits == 32 ? 0x3f2aaaab : 0x3fe5555555555555);
  const I e = p.ShrArithmetic(p.IntSub(bits, two_thirds), Fmt::kMantissa);
  const F m = p.FromBits(p.IntSub(bits, p.Shl(e, Fmt::kMantissa)));
  // The integer becomes a float by way of the rounder's low bits.
  const F biased = p.FromBits(p.IntAdd(e, p.Int(Fmt::kRounderBits)));
  const double base = Fmt::kRounder;
  const F offset = p.Select(tiny, p.Const(base + Pick<P>(24, 54)), p.Const(base));
  return {m, p.Sub(biased, offset), e};
}

// e ln 2 + log(1 + f) + c for f in [-1/3, 1/3] and a small correction c.
template <typename P>
typename P::F LogOf(P& p, typename P::F f, typename P::F e, typename P::F c) {
  using F = typename P::F;
  const F high = p.Const(Pick<P>(kLn2Parts32[0], kLn2Parts64[0]));
  const F low = p.Fma(e, p.Const(Pick<P>(kLn2Parts32[1], kLn2Parts64[1])), c);
  const F half_square = p.Mul(p.Mul(f, f), p.Const(0.5));
  F y;
  if constexpr (P::kBits == 32) {
    const F cube = p.Mul(p.Mul(f, f), f);
    y = p.Sub(p.Fma(cube, Polynomial(p, f, kLog32), low), half_square);
  } else {
    // 2 s = f - s f, with s = f / (2 + f), takes the leading terms out of what is divided.
    const F s = p.Div(f, p.Add(p.Const(2), f));
    const F z = p.Mul(s, s);
    const F rest = p.Mul(z, Polynomial(p, z, kLog64));
    y = p.Sub(p.Fma(s, p.Add(half_square, rest), low), half_square);
  }
  return p.Fma(e, high, p.Add(f, y));
}

// `y` where 0 < x < infinity; -infinity at 0, NaN below, x beyond.
template <typename P>
typename P::F LogSpecials(P& p, typename P::F x, typename P::F y) {
  y = p.Select(p.Lt(x, p.Const(kInfinity)), y, x);
  y = p.Select(p.Lt(x, p.Const(0)), p.Const(kNaN), y);
  return p.Select(p.Eq(x, p.Const(0)), p.Const(-kInfinity), y);
}

template <typename P>
typename P::F Log(P& p, typename P::F x) {
  const LogArgument<P> a = ReduceLog(p, x);
  const typename P::F f = p.Sub(a.m, p.Const(1));
  return LogSpecials(p, x, LogOf(p, f, a.e, p.Const(0)));
}

// log(u) for u = 1 + x rounded, and the rounding error over u added. Where u's exponent is 0, x
// itself is the f of the logarithm.
template <typename P>
typename P::F Log1p(P& p, typename P::F x) {
  using F = typename P::F;
  const F one = p.Const(1);
  const F u = p.Add(one, x);
  const LogArgument<P> a = ReduceLog(p, u);
  const auto is_near = p.Eq(a.e, p.Const(0));
  const F f = p.Select(is_near, x, p.Sub(a.m, one));
  // u - 1 - x by the exact sum of two; the larger of x and 1 comes first.
  const auto x_larger = p.Lt(one, x);
  const F error_one = p.Sub(x, p.Sub(u, one));
  const F error_x = p.Sub(one, p.Sub(u, x));
  const F error = p.Select(x_larger, error_x, error_one);
  // Beyond 2^60 the error is nothing, and 2^-e may be denormal.
  const auto matters = p.Lt(x, p.Const(0x1p60));
  const F scaled = p.Mul(error, PowerOfTwo(p, p.IntSub(p.Int(0), a.e_int)));
  // 1 / (1 + f) = 1 - f + f^2 - ...: enough for a correction of half an ulp.
  const F inverse = p.Fma(f, p.Fma(f, p.Fma(f, p.Const(-1), one), p.Const(-1)), one);
  const F correction = p.Select(matters, p.Mul(scaled, inverse), p.Const(0));
  const F y = LogOf(p, f, a.e, p.Select(is_near, p.Const(0), correction));
  const F small = p.Const(Pick<P>(0x1p-25, 0x1p-54));
  return p.Select(p.Lt(Abs(p, x), small), x, LogSpecials(p, u, y));
}

// sqrt(1 / x): the square root halves the division's relative error. Scaled by a power of four
// where 1 / x would overflow or be denormal.
template <typename P>
typename P::F Rsqrt(P& p, typename P::F x) {
  using F = typename P::F;
  const double down = Pick<P>(0x1p-40, 0x1p-400), up = Pick<P>(0x1p40, 0x1p400);
  const double root_down = Pick<P>(0x1p-20, 0x1p-200), root_up = Pick<P>(0x1p20, 0x1p200);
  const auto is_small = p.Lt(x, p.Const(Pick<P>(0x1p-90, 0x1p-700)));
  const auto is_large = p.Lt(p.Const(Pick<P>(0x1p90, 0x1p700)), x);
  const F one = p.Const(1);
  const F scale = p.Select(is_small, p.Const(up), p.Select(is_large, p.Const(down), one));
  const F back = p.Select(is_small, p.Const(root_up), p.Select(is_large, p.Const(root_down), one));
  F y = p.Mul(p.Sqrt(p.Div(one, p.Mul(x, scale))), back);
  y = p.Select(p.Lt(x, p.Const(0)), p.Const(kNaN), y);
  return p.Select(p.Eq(x, p.Const(0)), p.Div(one, x), y);
}

}  // namespace tenon::math

#endif  // TENON_IR_MATH_LOG_H_
