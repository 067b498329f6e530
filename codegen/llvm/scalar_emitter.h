// ScalarEmitter: the scalar operations (ir/scalar_ops.def) as LLVM IR, on scalars or on vectors.
//
// How element types stand in registers: f32, f64 and integers as themselves, bool as i1, bf16 and
// f16 as the i16 of their bits (kernels only move and cast them). All arguments of a call have the
// same number of lanes. Everything is emitted without fast-math flags, and nothing that LLVM would
// turn into a call of a library function.
#ifndef TENON_CODEGEN_LLVM_SCALAR_EMITTER_H_
#define TENON_CODEGEN_LLVM_SCALAR_EMITTER_H_

#include <llvm/Analysis/TargetFolder.h>
#include <llvm/IR/IRBuilder.h>

#include "tenon/codegen/llvm/target_info.h"
#include "tenon/ir/compute.h"
#include "tenon/ir/dtype.h"

namespace tenon::codegen {

// Folds constants and nothing else: anything that looks through phis would see them while they are
// still incomplete.
using Builder = llvm::IRBuilder<llvm::TargetFolder>;

// The register type of `lanes` elements: a scalar for one, a vector otherwise.
llvm::Type* RegisterType(llvm::LLVMContext& context, ir::DType dtype, int lanes);
// The type of one element in memory (i8 for bool).
llvm::Type* MemoryType(llvm::LLVMContext& context, ir::DType dtype);

class ScalarEmitter {
 public:
  // `use_fma`: whether kFma rounds once (Program::has_fma).
  ScalarEmitter(Builder& builder, const TargetInfo& target, bool use_fma)
      : b_(builder), target_(target), use_fma_(use_fma) {}

  // `operand` is the type of the arguments (of args[1] for select), `result` that of the value.
  llvm::Value* Emit(ir::ScalarOp op, ir::DType operand, ir::DType result,
                    llvm::ArrayRef<llvm::Value*> args);

  llvm::Value* Combine(ir::Combiner combiner, ir::DType dtype, llvm::Value* a, llvm::Value* b);
  // Of floats; of numbers alone, where there are NaN either argument.
  llvm::Value* MaxMinOfNumbers(bool max, llvm::Value* a, llvm::Value* b);
  llvm::Value* Cast(ir::DType from, ir::DType to, llvm::Value* v);

  // The pieces that templates of ir/math.h are made of; also used within.
  llvm::Value* Fma(llvm::Value* a, llvm::Value* b, llvm::Value* c);
  llvm::Value* Round(ir::ScalarOp op, llvm::Value* v);
  llvm::Value* Sqrt(llvm::Value* v);

  // As ir/scalar.h has them.
  llvm::Value* FlushDenormals(llvm::Value* v);
  llvm::Value* AddBf16Product(llvm::Value* a, llvm::Value* b, bool high, llvm::Value* sum);

  Builder& builder() { return b_; }
  const TargetInfo& target() const { return target_; }
  bool use_fma() const { return use_fma_; }

 private:
  llvm::Value* Arithmetic(ir::ScalarOp op, ir::DType dtype, llvm::ArrayRef<llvm::Value*> args);
  llvm::Value* Divide(bool remainder, ir::DType dtype, llvm::Value* a, llvm::Value* b);
  llvm::Value* Remainder(llvm::Value* x, llvm::Value* y);
  // Calls a function of scalars, of this module, lane by lane.
  llvm::Value* CallByLanes(llvm::Function* function, llvm::ArrayRef<llvm::Value*> args);
  llvm::Value* MaxMin(bool max, ir::DType dtype, llvm::Value* a, llvm::Value* b);
  llvm::Value* Sign(ir::DType dtype, llvm::Value* v);
  llvm::Value* Bits(ir::ScalarOp op, ir::DType dtype, llvm::ArrayRef<llvm::Value*> args);
  llvm::Value* Compare(ir::ScalarOp op, ir::DType dtype, llvm::Value* a, llvm::Value* b);
  llvm::Value* Bitcast(ir::DType from, ir::DType to, llvm::Value* v);
  llvm::Value* Philox(llvm::Value* key, llvm::Value* index, llvm::Value* stream);
  llvm::Value* Dot2(llvm::Value* a, llvm::Value* b, llvm::Value* c);
  llvm::Value* Dot2InHardware(llvm::Value* a, llvm::Value* b, llvm::Value* c);
  llvm::Value* Transcendental(ir::ScalarOp op, ir::DType dtype, llvm::ArrayRef<llvm::Value*> args);

  llvm::Value* WidenF16(llvm::Value* bits);
  llvm::Value* NarrowF16(llvm::Value* v);
  llvm::Value* WidenBF16(llvm::Value* bits);
  llvm::Value* NarrowBF16(llvm::Value* v);

  // Types with the lanes of `like`.
  llvm::Type* Like(llvm::Value* like, ir::DType dtype);
  llvm::Constant* Int(llvm::Value* like, uint64_t value);
  llvm::Constant* Float(llvm::Value* like, double value);

  Builder& b_;
  const TargetInfo& target_;
  bool use_fma_;
};

}  // namespace tenon::codegen

#endif  // TENON_CODEGEN_LLVM_SCALAR_EMITTER_H_
