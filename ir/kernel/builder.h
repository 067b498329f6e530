// KernelBuilder: writes kernels with the nesting of C++ blocks.
//
//   KernelBuilder k("scale");
//   int x = k.AddParam({.name = "x", .dtype = DType::kF32, .written = true});
//   ValueId n = k.Symbol("n");
//   k.Parallel(k.CeilDiv(n, 1024), [&](ValueId chunk) { ... k.Store(value, {.buffer = x, ...}); });
//   Kernel kernel = k.Finish();
//
// Arithmetic on i64 scalars folds constants and the neutral elements as it is built, instructions
// without effects are shared where an equal one is in scope, and loops of no or one iteration known
// beforehand are not built, so that lowering may write index expressions without care. Types that
// do not fit are a caller's bug and end the process (TENON_CHECK).
#ifndef TENON_IR_KERNEL_BUILDER_H_
#define TENON_IR_KERNEL_BUILDER_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tenon/ir/kernel/kernel.h"

namespace tenon::kernel {

class KernelBuilder {
 public:
  explicit KernelBuilder(std::string name);
  ~KernelBuilder();

  int AddParam(Param param);  // returns its number
  // Locals are numbered after all parameters: Finish renumbers, so add both in any order.
  int AddLocal(Local local);
  ValueId Symbol(const std::string& name);  // adds it when new
  // The value of a Dim over kernel symbols of the same names.
  ValueId DimValue(const ir::Dim& dim);

  ValueId ConstI64(int64_t value);
  // Rounded to the type; integers saturate, NaN gives them 0.
  ValueId Const(DType dtype, double value, int rows = 1, int lanes = 1);
  ValueId Iota(int lanes);

  // Any scalar op; the type is the broadcast of the arguments' (bool for comparisons).
  ValueId Scalar(ir::ScalarOp op, std::vector<ValueId> args, bool of_numbers = false);
  ValueId Cast(DType dtype, ValueId v);
  ValueId Bitcast(DType dtype, ValueId v);
  // i64 (or any) arithmetic with folding.
  ValueId Add(ValueId a, ValueId b);
  ValueId Sub(ValueId a, ValueId b);
  ValueId Mul(ValueId a, ValueId b);
  ValueId Min(ValueId a, ValueId b);
  ValueId Max(ValueId a, ValueId b);
  ValueId Div(ValueId a, int64_t positive);      // of non-negative values
  ValueId Rem(ValueId a, int64_t positive);      // of non-negative values
  ValueId CeilDiv(ValueId a, int64_t positive);  // of non-negative values

  ValueId Splat(ValueId v, int rows, int lanes);
  ValueId Load(DType dtype, int rows, int lanes, MemRef mem);
  void Store(ValueId value, MemRef mem);
  ValueId ReduceLanes(ir::Combiner combiner, ValueId v, bool of_numbers = false);
  ValueId ReduceRows(ir::Combiner combiner, ValueId v);
  ValueId Transpose(ValueId v);
  ValueId Extract(ValueId v, int lane);
  ValueId Row(ValueId v, int row);
  ValueId ConcatRows(std::vector<ValueId> values);
  // c + a * b, of pairs of bf16.
  ValueId TileDot(ValueId a, ValueId b, ValueId c);

  // Bodies return the yielded values.
  using LoopBody = std::function<std::vector<ValueId>(ValueId i, std::vector<ValueId> carried)>;
  std::vector<ValueId> For(ValueId low, ValueId high, int64_t step, std::vector<ValueId> carried,
                           const LoopBody& body, int unroll = 1);
  // `if_false` may be empty when nothing is yielded.
  std::vector<ValueId> If(ValueId condition, const std::function<std::vector<ValueId>()>& if_true,
                          const std::function<std::vector<ValueId>()>& if_false);
  void Parallel(ValueId chunks, const std::function<void(ValueId chunk)>& body);
  void Fault(ValueId condition, int64_t status, int32_t site, ValueId value);
  // Asks for `elements` elements from `offset` on, which need not lie in the buffer.
  void Prefetch(int buffer, ValueId offset, int64_t elements, int level, bool to_write = false);
  void Fence();

  const Type& type(ValueId v) const { return kernel_.types[v.index]; }
  // The value of a constant i64, if it is one.
  const int64_t* AsConst(ValueId v) const;

  Kernel Finish();

 private:
  struct Scope;

  ValueId NewValue(Type type);
  // Appends to the innermost block, or gives the equal value that is already in scope.
  ValueId Emit(Instr instr, Type type);
  ValueId EmitHoisted(Instr instr, Type type);
  ValueId I64(ir::ScalarOp op, ValueId a, ValueId b);
  // The constant part `c` of a value built as `base + c`.
  ValueId SplitConstant(ValueId v, int64_t* constant) const;
  ValueId FloorDiv(ValueId numerator, int64_t divisor, bool non_negative);
  ValueId Polynomial(int64_t constant, const std::vector<ir::Dim::Term>& terms);
  std::vector<ValueId> BuildBlock(Block* block, const std::function<std::vector<ValueId>()>& body);
  void CheckYields(const std::vector<ValueId>& yields, const std::vector<Type>& types) const;

  Kernel kernel_;
  // Constants, symbols and iotas: they come first in the kernel, so every use is dominated.
  std::vector<Instr> entry_;
  std::map<std::string, ValueId> hoisted_;
  std::vector<Scope*> scopes_;  // innermost last; blocks are built here, then moved to their place
  std::unique_ptr<Scope> top_;
  std::map<uint32_t, int64_t> constants_;                      // i64 scalars
  std::map<uint32_t, bool> bool_constants_;                    // bool scalars
  std::map<uint32_t, std::pair<ValueId, int64_t>> additions_;  // v = first + second
  std::vector<bool> is_local_;                                 // by number handed out
};

}  // namespace tenon::kernel

#endif  // TENON_IR_KERNEL_BUILDER_H_
