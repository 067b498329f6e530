// ScalarPolicy: the arithmetic of ir/math.h on one float or double, for the interpreters.
#ifndef TENON_IR_MATH_POLICY_H_
#define TENON_IR_MATH_POLICY_H_

#include <bit>
#include <cmath>
#include <cstdint>
#include <type_traits>

#include "tenon/ir/math_support.h"
#include "tenon/ir/math_trig.h"

namespace tenon::math {

// `T` is float or double; `kFused` says whether Fma rounds once. The including file must be
// compiled without contraction (-ffp-contract=off, as all of the project is).
template <typename T, bool kFused>
struct ScalarPolicy {
  static constexpr int kBits = sizeof(T) * 8;
  using F = T;
  using I = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
  using Signed = std::make_signed_t<I>;
  using B = bool;

  static constexpr bool fused() { return kFused; }
  static constexpr F Const(double value) { return static_cast<F>(value); }
  static constexpr I Int(int64_t value) { return static_cast<I>(value); }

  static F Add(F a, F b) { return a + b; }
  static F Sub(F a, F b) { return a - b; }
  static F Mul(F a, F b) { return a * b; }
  static F Div(F a, F b) { return a / b; }
  static F Fma(F a, F b, F c) {
    if constexpr (kFused) return std::fma(a, b, c);
    return a * b + c;
  }
  static F Sqrt(F a) { return std::sqrt(a); }

  static B Lt(F a, F b) { return a < b; }
  static B Le(F a, F b) { return a <= b; }
  static B Eq(F a, F b) { return a == b; }
  static F Select(B c, F a, F b) { return c ? a : b; }
  static I SelectInt(B c, I a, I b) { return c ? a : b; }
  static B And(B a, B b) { return a && b; }

  static I Bits(F a) { return std::bit_cast<I>(a); }
  static F FromBits(I a) { return std::bit_cast<F>(a); }
  static I IntAdd(I a, I b) { return a + b; }
  static I IntSub(I a, I b) { return a - b; }
  static I IntMul(I a, I b) { return a * b; }
  static I IntAnd(I a, I b) { return a & b; }
  static I IntOr(I a, I b) { return a | b; }
  static I IntXor(I a, I b) { return a ^ b; }
  static I Shl(I a, int count) { return a << count; }
  static I ShrLogical(I a, int count) { return a >> count; }
  static I ShrArithmetic(I a, int count) { return static_cast<I>(static_cast<Signed>(a) >> count); }
  static I ShlBy(I a, I count) { return a << count; }
  static I ShrBy(I a, I count) { return a >> count; }
  static B IntEq(I a, I b) { return a == b; }
  static B IntLess(I a, I b) { return a < b; }
  static F FromInt(I a) { return static_cast<F>(static_cast<Signed>(a)); }
  static F Lookup(const float (&table)[16], I index) { return table[index % 16]; }
  F Scale(F x, F /*k*/, I n) { return ScaleInTwoSteps(*this, x, n); }
  static constexpr bool scales_by_any() { return false; }
  static F Held(F x, double /*bound*/) { return x; }
  template <typename Slow>
  static Reduced<ScalarPolicy> Rarely(B rare, const Reduced<ScalarPolicy>& usual, Slow slow) {
    return rare ? slow() : usual;
  }
};

}  // namespace tenon::math

#endif  // TENON_IR_MATH_POLICY_H_
