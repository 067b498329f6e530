// Kernel IR: scheduled loop programs over buffers, between the graph and LLVM.
//
// A Program is a list of buffers, a list of kernels, and two lists of steps (prepare, step) that
// launch kernels with barriers between them. A Kernel is structured code: loops, conditionals and
// instructions in SSA form over values that are small tiles.
//
// VALUES. A value has a type `dtype<rows x lanes>`: rows vectors of lanes elements; a scalar is
// 1x1. Element-wise instructions broadcast: an argument with one row (lane) serves all rows
// (lanes). So a register-blocked contraction step is one instruction:
//     %acc1 = fma %a, %b, %acc0 : f32<8 x 48>     with %a : f32<8 x 1>, %b : f32<48>
// The generator splits lanes into hardware vectors; nothing here depends on their width, so the
// bits do not either. Arithmetic is on f32, f64 and integers; bf16 and f16 are only loaded, stored,
// cast and moved. Offsets, extents and counters are i64 scalars. Lanes are a power of two up to 16,
// or a multiple of 16; rows are 1 to 32.
//
// MEMORY. Buffers are addressed by kernel parameter and element offset. A load of R x L elements
// reads buffer[offset + r * row_stride + l * lane_stride]; masks limit it to the first `lane_count`
// lanes and `row_count` rows (the rest reads as zero, and is not written). With a vector of offsets
// (type i64<1xL>) each lane has its own.
//
// THREADS. Every thread runs every launch. `parallel` hands its iterations (chunks) out: chunk c of
// n goes to the thread t of T with t*n/T <= c < (t+1)*n/T (integer divisions), always in this way,
// so that two launches of the same n give a thread the same chunks. Code of a kernel outside
// `parallel` may only compute (no stores). Between two barriers, no element may be written by one
// chunk and touched by another that may belong to a different thread; the interpreter reports where
// it is.
//
// The text form is described in docs/kernel-ir.md; the invariants are listed in
// ir/kernel/verifier.h.
#ifndef TENON_IR_KERNEL_KERNEL_H_
#define TENON_IR_KERNEL_KERNEL_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "tenon/ir/compute.h"
#include "tenon/ir/dim.h"
#include "tenon/ir/dtype.h"
#include "tenon/ir/graph.h"
#include "tenon/ir/literal.h"
#include "tenon/ir/location.h"

namespace tenon::kernel {

using ir::DType;

struct Type {
  DType dtype = DType::kI64;
  int32_t rows = 1;
  int32_t lanes = 1;
  bool operator==(const Type&) const = default;
  bool is_scalar() const { return rows == 1 && lanes == 1; }
  // "f32", "f32<16>" (one row), "f32<8 x 48>".
  std::string ToString() const;
};

// A value of a kernel, numbered densely in order of definition. 0 is no value.
struct ValueId {
  uint32_t index = 0;
  bool valid() const { return index != 0; }
  bool operator==(const ValueId&) const = default;
};

// The instructions; what each means stands in the list.
enum class Op : uint8_t {
#define TENON_KERNEL_OP(enumerator, spelling) enumerator,
#include "tenon/ir/kernel/ops.def"
};
absl::string_view OpName(Op op);

// Where a load or store goes.
struct MemRef {
  // Parameters 0..params-1 of the kernel, then its locals.
  int32_t buffer = -1;
  ValueId offset;       // i64 scalar, or i64<1xL> (then no strides)
  ValueId row_stride;   // i64 scalar; absent: 0 (needed when rows > 1)
  ValueId lane_stride;  // i64 scalar; absent: 1
  ValueId lane_count;   // i64 scalar; absent: all lanes
  ValueId row_count;    // i64 scalar; absent: all rows
  ValueId predicate;    // bool<RxL>, bool<1xL> or bool: elements where false are not touched
  bool non_temporal = false;
};

struct Block;

struct Instr {
  Op op = Op::kConst;
  ir::ScalarOp scalar_op = ir::ScalarOp::kAdd;
  ir::Combiner combiner = ir::Combiner::kNone;
  // Of max and min and reductions by them: where there is a NaN, any number or NaN will do, as all
  // that is made of it is NaN anyway (docs/decisions/0028).
  bool of_numbers = false;
  std::vector<ValueId> args;
  std::vector<ValueId> results;  // none for stores and yields, several for loops and conditionals
  MemRef mem;
  int64_t integer = 0;
  double real = 0;
  int32_t site = -1;
  int32_t unroll = 1;     // of kFor: how often the generator unrolls it; 0: fully (constant bounds)
  int32_t level = 0;      // of kPrefetch: 1 is the nearest cache
  bool to_write = false;  // of kPrefetch: this core alone will have the lines
  std::vector<Block> blocks;
};

struct Block {
  std::vector<ValueId> params;
  std::vector<Instr> instrs;
};

struct Param {
  std::string name;
  DType dtype = DType::kF32;
  bool written = false;  // read-only otherwise
  bool read = true;
  bool no_alias = true;  // no other parameter of the launch overlaps it
};

// Memory of one thread during one launch: fixed size, uninitialised.
struct Local {
  std::string name;
  DType dtype = DType::kF32;
  int64_t size = 0;  // elements
};

struct Kernel {
  std::string name;  // for people: never part of hashes
  std::vector<Param> params;
  std::vector<Local> locals;
  std::vector<std::string> symbols;  // i64 arguments of a launch, by kSymbol
  Block body;
  std::vector<Type> types;  // by ValueId; entry 0 unused

  const Type& type(ValueId v) const { return types[v.index]; }
};

enum class BufferKind : uint8_t {
  kBinding,   // the caller's: input, parameter, state or output
  kConstant,  // read-only data in the object
  kArena,     // at `offset` in the arena
  kPrepared,  // at `offset` in the prepared area
};

struct Buffer {
  std::string name;
  BufferKind kind = BufferKind::kArena;
  DType dtype = DType::kF32;
  ir::Dim size;          // elements, over the program's symbols
  int32_t binding = -1;  // of kBinding
  ir::Literal literal;   // of kConstant
  int64_t offset = -1;   // bytes, of kArena and kPrepared, once memory is planned
};

// What the caller binds, in the order of tenon_frame.buffers.
struct Binding {
  std::string name;
  bool is_output = false;
  ir::InputKind kind = ir::InputKind::kInput;  // of inputs
  ir::TensorType type;
  // Of outputs: the input binding whose memory it shares, or -1. Of inputs: whether it is donated.
  int32_t donated_input = -1;
};

// A buffer, moved by `offset` elements: an expression over the program's symbols and the loop
// variables ("%i0", ...) of the steps around the launch.
struct BufferArg {
  int32_t buffer = -1;
  ir::Dim offset = 0;
};

struct Step;

struct Launch {
  int32_t kernel = -1;
  std::vector<BufferArg> args;   // one a kernel parameter
  std::vector<ir::Dim> symbols;  // one a kernel symbol
};
struct Barrier {};
// Runs `body` for %variable = 0 .. trip_count-1 (from the last down where `reverse`).
struct Repeat {
  std::string variable;
  ir::Dim trip_count;
  bool reverse = false;
  std::vector<Step> body;
};
// Runs `condition`, reads element 0 of the bool buffer, and while it is true runs `body` and starts
// again. There is one predicate: a barrier keeps the next condition from overwriting it too early.
struct WhileLoop {
  int32_t predicate = -1;
  std::vector<Step> condition, body;
};
struct Branch {
  int32_t predicate = -1;
  std::vector<Step> if_true, if_false;
};

struct Step {
  enum class Kind : uint8_t { kLaunch, kBarrier, kRepeat, kWhile, kBranch } kind = Kind::kLaunch;
  Launch launch;
  Repeat repeat;
  WhileLoop loop;
  Branch branch;
};

struct Symbol {
  std::string name;
  int64_t bound;
};

struct Program {
  std::string name;
  bool has_fma = true;  // what kFma means here (TargetDesc::has_fma)
  std::vector<Symbol> symbols;
  std::vector<Binding> bindings;
  std::vector<Buffer> buffers;
  std::vector<Kernel> kernels;
  std::vector<Step> prepare, step;
  std::vector<ir::Location> sites;  // by Instr::site; also lets a launch name its source

  // Set by memory planning.
  int64_t arena_bytes = 0;
  int64_t scratch_bytes = 0;  // of one thread, for locals too big for a stack
  int64_t prepared_bytes = 0;
};

}  // namespace tenon::kernel

#endif  // TENON_IR_KERNEL_KERNEL_H_
