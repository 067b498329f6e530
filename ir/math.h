// The elementary functions of tenon, written once for every kind of arithmetic.
//
// Each function is a template over a policy P, which says what a value is and carries out (or
// emits) one operation at a time: on one number in the interpreters (ScalarPolicy in
// ir/math_policy.h), as LLVM instructions on vectors in the code generator. So both give the same
// bits. The functions are straight-line code with selects; NaN, infinities, zeros with their signs,
// denormals and overflow come out as C's Annex F says. Bounds in ULP, for every input, with FMA and
// without:
//
//              exp  expm1  log  log1p  tanh  sigmoid  erf  rsqrt  sin  cos  pow
//        f32   1    1.5    1    1      1.5   2        1.5  1      1    1    1
//        f64   1    1.5    1    1      1.5   2        1.5  1      1    1    1
//
// (docs/numerics.md says how far each is checked.) sin and cos hold for every finite
// argument: from 2^12 quadrants on (2^20 in f64) the argument meets as many digits of 2/pi as
// matter.
//
// P has (F: floats, I: integers of the same width, B: predicates; the three may be one C++ type):
//   kBits                       32 or 64
//   bool fused()                whether Fma rounds once; where not, it is Mul, then Add
//   F Const(double); I Int(int64_t)
//   F Add Sub Mul Div (F, F); F Fma(a, b, c) = a * b + c; F Sqrt(F)
//   B Lt Le Eq (F, F)           false for NaN
//   F Select(B, F, F); I SelectInt(B, I, I); B And(B, B)
//   I Bits(F); F FromBits(I)
//   I IntAdd IntSub IntMul IntAnd IntOr IntXor (I, I)       modulo 2^kBits
//   I Shl ShrLogical ShrArithmetic (I, int count)
//   I ShlBy ShrBy (I, I count)  logical, count below kBits
//   B IntEq(I, I); B IntLess(I, I)                          unsigned
//   F FromInt(I)                signed to float, to nearest
//   F Scale(F x, F k, I n)      x * 2^n rounded once, for x = NaN or in [1/4, 4] and n = k in
//                               [-1100, 1025]; NaN for x = NaN, whatever n. ScaleInTwoSteps (in
//                               ir/math_support.h) serves where no instruction does it.
//   bool scales_by_any()        whether Scale takes any k, infinite and NaN included (n may be
//                               anything then, and x NaN only with k): zero, infinite or NaN
//   F Held(F x, double bound)   where it does: x within +-bound, some number there for NaN
//   F Lookup(table, I)          table[I mod 16], of 16 floats; only where kBits is 32
//   Reduced<P> Rarely(B rare, Reduced<P> usual, slow)       slow() where `rare` is true, usual
//                               elsewhere; slow is without effects and may always run
#ifndef TENON_IR_MATH_H_
#define TENON_IR_MATH_H_

#include "tenon/ir/compute.h"
#include "tenon/ir/math_erf.h"
#include "tenon/ir/math_exp.h"
#include "tenon/ir/math_log.h"
#include "tenon/ir/math_pow.h"
#include "tenon/ir/math_trig.h"

namespace tenon::math {

// Whether `op` is one of the functions here.
constexpr bool IsTranscendental(ir::ScalarOp op) {
  return op >= ir::ScalarOp::kExp && op <= ir::ScalarOp::kPow;
}

// `op`(x), or op(x, y) for pow. `op` must be transcendental.
template <typename P>
typename P::F Evaluate(P& p, ir::ScalarOp op, typename P::F x, typename P::F y) {
  switch (op) {
    case ir::ScalarOp::kExpm1:
      return Expm1(p, x);
    case ir::ScalarOp::kLog:
      return Log(p, x);
    case ir::ScalarOp::kLog1p:
      return Log1p(p, x);
    case ir::ScalarOp::kSin:
      return Sin(p, x);
    case ir::ScalarOp::kCos:
      return Cos(p, x);
    case ir::ScalarOp::kTanh:
      return Tanh(p, x);
    case ir::ScalarOp::kSigmoid:
      return Sigmoid(p, x);
    case ir::ScalarOp::kErf:
      return Erf(p, x);
    case ir::ScalarOp::kRsqrt:
      return Rsqrt(p, x);
    case ir::ScalarOp::kPow:
      return Pow(p, x, y);
    default:  // kExp: the set is open, the transcendental part of it is listed
      return Exp(p, x);
  }
}

// Word 0 of Philox 4x32-10 (Salmon, Moraes, Dror, Shaw, 2011), in the low half of the result: the
// counter is {index low, index high, stream low, stream high}, the key {key low, key high}. For
// policies of 64 bits; only the integer operations are used.
template <typename P>
typename P::I Philox(P& p, typename P::I key, typename P::I index, typename P::I stream) {
  static_assert(P::kBits == 64);
  using I = typename P::I;
  const I mask = p.Int(0xffffffff);
  const I multiplier0 = p.Int(0xd2511f53), multiplier1 = p.Int(0xcd9e8d57);
  const I weyl0 = p.Int(0x9e3779b9), weyl1 = p.Int(0xbb67ae85);
  I c0 = index, c1 = p.ShrLogical(index, 32);
  I c2 = stream, c3 = p.ShrLogical(stream, 32);
  I k0 = key, k1 = p.ShrLogical(key, 32);
  // Only the low halves count: products take nothing else, and what gathers above them stays there.
  for (int round = 0; round < 10; ++round) {
    const I product0 = p.IntMul(p.IntAnd(c0, mask), multiplier0);
    const I product1 = p.IntMul(p.IntAnd(c2, mask), multiplier1);
    c0 = p.IntXor(p.IntXor(p.ShrLogical(product1, 32), c1), k0);
    c2 = p.IntXor(p.IntXor(p.ShrLogical(product0, 32), c3), k1);
    c1 = product1;
    c3 = product0;
    k0 = p.IntAdd(k0, weyl0);
    k1 = p.IntAdd(k1, weyl1);
  }
  return p.IntAnd(c0, mask);
}

}  // namespace tenon::math

#endif  // TENON_IR_MATH_H_
