// sin and cos. See ir/math.h.
#ifndef TENON_IR_MATH_TRIG_H_
#define TENON_IR_MATH_TRIG_H_

#include "tenon/ir/math_support.h"

namespace tenon::math {

// x = quadrant * pi/2 + r + tail with |r| <= pi/4 and |tail| an ulp of r at most; only the lowest
// two bits of `quadrant` count.
template <typename P>
struct Reduced {
  typename P::F r, tail;
  typename P::I quadrant;
};

// For |x| up to 2^12 (2^20) quadrants: subtracts pi/2 in four parts, of which the first three have
// exact multiples.
template <typename P>
Reduced<P> ReduceByParts(P& p, typename P::F x) {
  using Fmt = Format<P::kBits>;
  using F = typename P::F;
  const auto part = [&](int i) { return p.Const(-Pick<P>(kPiHalfParts32[i], kPiHalfParts64[i])); };
  const F rounder = p.Const(Fmt::kRounder);
  const F t = p.Fma(x, p.Const(Pick<P>(kTwoOverPi32[0], kTwoOverPi64[0])), rounder);
  const F k = p.Sub(t, rounder);
  const F r2 = p.Fma(k, part(1), p.Fma(k, part(0), x));
  const F third = p.Mul(k, part(2));
  const F r3 = p.Add(r2, third);
  const F lost = p.Add(p.Sub(r2, r3), third);
  const Pair<P> r = FastTwoSum(p, r3, p.Fma(k, part(3), lost));
  return {r.high, r.low, p.IntSub(p.Bits(t), p.Int(Fmt::kRounderBits))};
}

// The upper word of a * b, from halves.
template <typename P>
typename P::I MulHigh(P& p, typename P::I a, typename P::I b) {
  using I = typename P::I;
  constexpr int kHalf = P::kBits / 2;
  const I mask = p.Int((int64_t{1} << kHalf) - 1);
  const I a0 = p.IntAnd(a, mask), a1 = p.ShrLogical(a, kHalf);
  const I b0 = p.IntAnd(b, mask), b1 = p.ShrLogical(b, kHalf);
  const I low = p.ShrLogical(p.IntMul(a0, b0), kHalf);
  const I middle = p.IntAdd(p.IntMul(a1, b0), low);
  const I other = p.IntAdd(p.IntMul(a0, b1), p.IntAnd(middle, mask));
  return p.IntAdd(p.IntMul(a1, b1),
                  p.IntAdd(p.ShrLogical(middle, kHalf), p.ShrLogical(other, kHalf)));
}

// Digits of 2/pi (behind one word of zeros) from bit `start` on: three words.
template <typename P>
struct Window {
  typename P::I word[3];
};
template <typename P, typename W, size_t n>
Window<P> DigitsFrom(P& p, typename P::I start, const W (&digits)[n]) {
  using I = typename P::I;
  constexpr int kLog = P::kBits == 32 ? 5 : 6;
  const I index = p.ShrLogical(start, kLog);
  const I shift = p.IntAnd(start, p.Int(P::kBits - 1));
  const I back = p.IntSub(p.Int(P::kBits - 1), shift);
  I word[4] = {p.Int(0), p.Int(0), p.Int(0), p.Int(0)};
  for (size_t i = 0; i + 3 <= n; ++i) {
    const auto here = p.IntEq(index, p.Int(static_cast<int64_t>(i)));
    for (size_t k = 0; k < 4; ++k) {
      const int64_t value = i + k == 0 ? 0 : static_cast<int64_t>(digits[i + k - 1]);
      word[k] = p.SelectInt(here, p.Int(value), word[k]);
    }
  }
  Window<P> window;
  for (int k = 0; k < 3; ++k) {
    const I next = p.ShrBy(p.ShrLogical(word[k + 1], 1), back);  // two shifts: 0 to kBits in all
    window.word[k] = p.IntOr(p.ShlBy(word[k], shift), next);
  }
  return window;
}

// For any |x| >= 1, finite: after Payne and Hanek (1983). x = m 2^s; digits of 2/pi that make
// multiples of 4 with m 2^s are left out, the next three words times m give the quadrant and the
// fraction.
template <typename P>
Reduced<P> ReduceByDigits(P& p, typename P::F x) {
  using Fmt = Format<P::kBits>;
  using F = typename P::F;
  using I = typename P::I;
  constexpr int kBits = P::kBits;
  const I bits = p.Bits(Abs(p, x));
  const I implicit = p.Int(int64_t{1} << Fmt::kMantissa);
  const I m = p.IntOr(p.IntAnd(bits, p.Int((int64_t{1} << Fmt::kMantissa) - 1)), implicit);
  const I exponent = p.ShrLogical(bits, Fmt::kMantissa);
  const I start = p.IntAdd(exponent, p.Int(kBits - 2 - Fmt::kBias - Fmt::kMantissa));
  Window<P> w;
  if constexpr (kBits == 32) {
    w = DigitsFrom(p, start, kTwoOverPiDigits32);
  } else {
    w = DigitsFrom(p, start, kTwoOverPiDigits64);
  }
  const I product1 = p.IntMul(m, w.word[1]);
  const I low = p.IntAdd(product1, MulHigh(p, m, w.word[2]));
  const I carry = p.SelectInt(p.IntLess(low, product1), p.Int(1), p.Int(0));
  const I high = p.IntAdd(p.IntAdd(p.IntMul(m, w.word[0]), MulHigh(p, m, w.word[1])), carry);

  const I quadrant = p.ShrLogical(p.IntAdd(high, p.Int(int64_t{1} << (kBits - 3))), kBits - 2);
  // The fraction, from -1/2 to 1/2 quadrants, as a signed number of two words. By its magnitude,
  // since a small negative one would leave its leading float and what follows to cancel; then as
  // three floats, each of which is exact, since any of them may be the first that is not zero.
  const I f_high = p.IntOr(p.Shl(high, 2), p.ShrLogical(low, kBits - 2));
  const I f_low = p.Shl(low, 2);
  const I minus = p.ShrArithmetic(f_high, kBits - 1);  // all ones, or none
  const I n_low = p.IntSub(p.IntXor(f_low, minus), minus);
  const I borrow = p.SelectInt(p.IntEq(n_low, p.Int(0)), minus, p.Int(0));
  const I n_high = p.IntSub(p.IntXor(f_high, minus), borrow);
  constexpr int kCut = kBits - 1 - Fmt::kMantissa;  // 8; 11
  constexpr int kRest = 2 * kCut;                   // bits of the third float: 16; 22
  const F a = p.Mul(p.FromInt(p.ShrLogical(n_high, kCut)), p.Const(Pick<P>(0x1p-24, 0x1p-53)));
  const I cut = p.Shl(p.IntAnd(n_high, p.Int((1 << kCut) - 1)), kBits - kRest);
  const I middle = p.IntOr(cut, p.ShrLogical(n_low, kRest));
  const F b = p.Mul(p.FromInt(middle), p.Const(Pick<P>(0x1p-48, 0x1p-106)));
  const I last = p.IntAnd(n_low, p.Int((1 << kRest) - 1));
  const F c = p.Mul(p.FromInt(last), p.Const(Pick<P>(0x1p-64, 0x1p-128)));
  Pair<P> fraction = FastTwoSum(p, a, b);
  fraction.low = p.Add(fraction.low, c);

  const F pi_high = p.Const(Pick<P>(kPiHalfPair32[0], kPiHalfPair64[0]));
  const F pi_low = p.Const(Pick<P>(kPiHalfPair32[1], kPiHalfPair64[1]));
  Pair<P> r = TwoProduct(p, fraction.high, pi_high);
  r.low = p.Fma(fraction.high, pi_low, p.Fma(fraction.low, pi_high, r.low));
  r = FastTwoSum(p, r.high, r.low);
  const I top = p.Shl(p.Int(1), kBits - 1);
  const I sign = p.IntAnd(p.IntXor(p.Bits(x), minus), top);
  const auto negative = p.Lt(x, p.Const(0));
  return {p.FromBits(p.IntXor(p.Bits(r.high), sign)), p.FromBits(p.IntXor(p.Bits(r.low), sign)),
          p.SelectInt(negative, p.IntSub(p.Int(0), quadrant), quadrant)};
}

template <typename P>
Reduced<P> ReduceTrig(P& p, typename P::F x) {
  const typename P::F a = Abs(p, x);
  const auto rare = p.And(p.Le(p.Const(Pick<P>(6400, 1600000)), a), p.Lt(a, p.Const(kInfinity)));
  return p.Rarely(rare, ReduceByParts(p, x), [&] { return ReduceByDigits(p, x); });
}

// sin(r + quadrant pi/2).
template <typename P>
typename P::F SinOfReduced(P& p, const Reduced<P>& a) {
  using F = typename P::F;
  using I = typename P::I;
  const F z = p.Mul(a.r, a.r);
  F s, c;
  if constexpr (P::kBits == 32) {
    s = Polynomial(p, z, kSin32);
    c = Polynomial(p, z, kCos32);
  } else {
    s = Polynomial(p, z, kSin64);
    c = Polynomial(p, z, kCos64);
  }
  const F sine = p.Add(a.r, p.Fma(p.Mul(a.r, z), s, a.tail));
  const F half = p.Mul(z, p.Const(0.5));
  const F one = p.Const(1);
  const F w = p.Sub(one, half);
  const F rest = p.Fma(p.Mul(z, z), c, p.Mul(a.r, Negate(p, a.tail)));
  const F cosine = p.Add(w, p.Add(p.Sub(p.Sub(one, w), half), rest));
  const auto even = p.IntEq(p.IntAnd(a.quadrant, p.Int(1)), p.Int(0));
  const I sign = p.Shl(p.IntAnd(a.quadrant, p.Int(2)), P::kBits - 2);
  return p.FromBits(p.IntXor(p.Bits(p.Select(even, sine, cosine)), sign));
}

template <typename P>
typename P::F Sin(P& p, typename P::F x) {
  using F = typename P::F;
  const F y = SinOfReduced(p, ReduceTrig(p, x));
  const F a = Abs(p, x);
  // The reduction loses the sign of zero; infinity gives NaN, as x - x.
  const F finite = p.Select(p.Lt(a, p.Const(Pick<P>(0x1p-13, 0x1p-27))), x, y);
  return p.Select(p.Lt(a, p.Const(kInfinity)), finite, p.Const(kNaN));
}

template <typename P>
typename P::F Cos(P& p, typename P::F x) {
  Reduced<P> a = ReduceTrig(p, x);
  a.quadrant = p.IntAdd(a.quadrant, p.Int(1));
  const typename P::F y = SinOfReduced(p, a);
  return p.Select(p.Lt(Abs(p, x), p.Const(kInfinity)), y, p.Const(kNaN));
}

}  // namespace tenon::math

#endif  // TENON_IR_MATH_TRIG_H_
