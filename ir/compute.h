// ComputeDef: what an op computes, as a loop nest over an index domain with affine accesses and a
// scalar body. The graph interpreter evaluates it as it stands; lowering turns it into kernel IR.
//
//   for every point p of `domain` (parallel dimensions first, then reduced ones):
//     a_i = operand[accesses[i].operand] at accesses[i].index(p)      (or zero, where guarded)
//     v   = body(a_0, a_1, ..., p)
//     result[parallel part of p] = combine(result[...], v)            (or just v: nothing reduced)
//
// The parallel dimensions enumerate the (single) result's elements in row-major order. Mostly they
// are the result's dimensions; grouped convolutions split the channels into two, so take strides
// from `domain`, not from the result's type. Reductions start
// from the combiner's identity and, at `exact` numerics, run over the reduced dimensions in
// row-major order. Ops that are no such nest (scatter, cumulative, sort, control) have a class of
// their own and describe themselves by their attributes.
#ifndef TENON_IR_COMPUTE_H_
#define TENON_IR_COMPUTE_H_

#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"
#include "tenon/ir/dim.h"
#include "tenon/ir/dtype.h"

namespace tenon::ir {

enum class ScalarOp : uint8_t {
#define TENON_SCALAR_OP(enumerator, spelling, arity) enumerator,
#include "tenon/ir/scalar_ops.def"
};
absl::string_view ScalarOpName(ScalarOp op);
int ScalarOpArity(ScalarOp op);

// The classes that stages after the graph dispatch on.
enum class ComputeClass : uint8_t {
  kConstant,    // a literal
  kMap,         // nothing reduced; covers element-wise, broadcast, transpose, slice, pad, concat,
                // reverse, iota, gather, dynamic slice and update, random bits
  kReshape,     // same elements in the same row-major order
  kReduce,      // one operand, reduced over some of its dimensions
  kWindow,      // reduced over window positions
  kContract,    // two operands, product and sum: contractions and all three convolutions
  kCumulative,  // a running reduction along one axis
  kScatter,
  kSort,
  kControl,  // cond, while, scan, call
};

enum class Combiner : uint8_t { kNone, kSum, kProd, kMax, kMin, kAnd, kOr };
absl::string_view CombinerName(Combiner combiner);

// (sum of coefficient * iterator + offset) / divisor. Iterators number the domain's dimensions.
struct Affine {
  struct Term {
    int iterator;
    Dim coefficient;
  };
  std::vector<Term> terms;
  Dim offset = 0;
  // Above 1 only in guarded accesses: points at which the division leaves a rest are outside.
  int64_t divisor = 1;

  static Affine Iterator(int i) { return {{{i, Dim(1)}}, Dim(0), 1}; }
  static Affine Constant(Dim d) { return {{}, std::move(d), 1}; }
};

// One index of an access. With `indirect` >= 0 the integer read by access number `indirect` (an
// earlier one) is added, times `indirect_sign`. What that read yields is first clamped to
// [0, clamp_max] where `clamp` is set (dynamic slice and update), else the final index must lie in
// range: a fault otherwise (gather), unless the access is guarded.
struct Index {
  Affine affine;
  int indirect = -1;
  int indirect_sign = 1;
  bool clamp = false;
  Dim clamp_max = 0;
};

struct Access {
  int operand;
  std::vector<Index> index;  // one a dimension of the operand
  // Points may fall outside the operand: the access then yields zero, and in_bounds(access) false.
  bool guarded = false;
};

// A scalar expression in SSA form: instruction i defines value i; the last one is the result.
struct ScalarInstr {
  enum class Kind : uint8_t {
    kAccess,    // the element read by access `index`
    kInBounds,  // bool: whether access `index` fell inside
    kIterator,  // i64: the value of domain iterator `index`
    kExtent,    // i64: the extent of domain dimension `index` in this run
    kConstant,  // `constant`, a value of dtype; of integers `integer` holds it exactly
    kOp,        // `op` applied to values args[0..arity)
  };
  Kind kind;
  DType dtype;  // of the value; bf16 and f16 compute in f32 and round
  ScalarOp op = ScalarOp::kAdd;
  int index = 0;
  int args[3] = {-1, -1, -1};
  double constant = 0;
  int64_t integer = 0;
};

// Builds bodies: each call appends an instruction and returns its number.
struct ScalarBody {
  std::vector<ScalarInstr> instrs;

  int Access(int access, DType dtype);
  int InBounds(int access);
  int Iterator(int iterator);
  int Extent(int dimension) {
    instrs.push_back({ScalarInstr::Kind::kExtent, DType::kI64, ScalarOp::kAdd, dimension});
    return static_cast<int>(instrs.size()) - 1;
  }
  int Constant(DType dtype, double value);
  int ConstantI64(int64_t value);
  // Result type: bool for comparisons, `dtype` (required) for casts, else that of the last
  // argument.
  int Op(ScalarOp op, std::vector<int> args);
  int Cast(DType dtype, int arg);
  int Bitcast(DType dtype, int arg);
};

struct ComputeDef {
  ComputeClass compute_class = ComputeClass::kMap;
  std::vector<Dim> domain;  // parallel dimensions, then reduced ones
  int num_parallel = 0;
  std::vector<Access> accesses;
  ScalarBody body;
  Combiner combiner = Combiner::kNone;  // kNone exactly when nothing is reduced

  int num_reduced() const { return static_cast<int>(domain.size()) - num_parallel; }
};

}  // namespace tenon::ir

#endif  // TENON_IR_COMPUTE_H_
