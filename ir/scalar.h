// The meaning of every operation of ir/scalar_ops.def on single elements: what both interpreters
// evaluate, and what generated code must reproduce bit by bit (NaN's payload and sign apart).
//
// Elements are stored as tensors store them: bf16 and f16 as their 16 bits, bool as a byte of 0 or
// 1. What the table does not say:
//   - bf16 and f16 compute in f32, and every operation rounds its result to the format.
//   - fma on integers is a product and a sum. max and min on bool are or and and.
//   - rem of floats is C's fmod: exact, with the sign of the dividend.
//   - floor, ceil, round and trunc leave integers as they are; is_finite holds for all of them.
//   - cast: integer to narrower integer wraps; anything to bool is `!= 0` (NaN gives true); f64 and
//     integers become bf16 or f16 by way of f32 (two roundings); f64 to f32 and integer to float
//     round to nearest, ties to even.
#ifndef TENON_IR_SCALAR_H_
#define TENON_IR_SCALAR_H_

#include <cstdint>

#include "tenon/ir/compute.h"
#include "tenon/ir/dtype.h"

namespace tenon::ir {

// One argument over many elements: element i at data + i * stride elements. Strides are mostly 1,
// and 0 for what serves all.
struct ScalarArg {
  const void* data;
  int64_t stride;
};

// out[i] = op(args[0][i], ...) for i in [0, n). `operand` is the type of the last argument: of all
// of them, but for the condition of select, which is bool. `result` is bool for comparisons and
// is_finite, i32 for philox, the type asked for of cast and bitcast, `operand` for all others.
// `out` may be an argument's own memory where that has stride 1 and elements of the same size.
// `has_fma` is TargetDesc::has_fma: it decides fma and, within their bounds, the transcendental
// functions. Operations that a type has not (shifts of floats, sqrt of integers) are the caller's
// bug.
void EvalScalarOp(ScalarOp op, DType operand, DType result, bool has_fma, int64_t n,
                  const ScalarArg* args, void* out);

// One element with its type, for those who go element by element.
struct ScalarValue {
  DType dtype = DType::kF32;
  uint64_t bits = 0;  // the element's bytes, in the order of memory; the rest zero

  static ScalarValue FromDouble(DType dtype, double value);  // rounds, saturates
  static ScalarValue FromInt(DType dtype, int64_t value);    // as cast from i64
  static ScalarValue Load(DType dtype, const void* element);
  void Store(void* element) const;
  double ToDouble() const;
  int64_t ToInt() const;                     // as cast to i64
  bool ToBool() const { return bits != 0; }  // of bool
};

// The same on one element; the types follow from the arguments, but for `result`.
ScalarValue EvalScalarOp(ScalarOp op, DType result, bool has_fma, const ScalarValue* args);

// The type of op's result on arguments whose last has type `operand`. Not for cast and bitcast.
DType ScalarResultType(ScalarOp op, DType operand);

// Zero, with its sign, in place of a denormal.
float FlushDenormal(float x);

// fma(a, b, sum) of the high or low halves of two pairs of bf16, denormals of the operands and of
// the result (found before it is rounded to their grid) flushed: a step of dot2 and of tile_dot.
float AddBf16Product(bool has_fma, uint32_t a, uint32_t b, bool high, float sum);

}  // namespace tenon::ir

#endif  // TENON_IR_SCALAR_H_
