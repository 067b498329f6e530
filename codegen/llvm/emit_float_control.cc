// ProgramEmitter: the register of floating-point control while an entry runs.
//
// Round to nearest, no flushing of subnormals, all exceptions masked. Nearly every caller has that
// already, and writing the register costs x86 as much as a small product of matrices: it is written
// only where it differs.
#include <llvm/IR/InlineAsm.h>
#include <llvm/IR/IntrinsicsAArch64.h>
#include <llvm/IR/IntrinsicsARM.h>
#include <llvm/IR/IntrinsicsX86.h>

#include "tenon/codegen/llvm/program_emitter.h"
#include "tenon/ir/check.h"

namespace tenon::codegen {

using llvm::Value;

namespace {

// The bits of MXCSR but for the flags of exceptions that were raised, and what they shall be.
constexpr uint32_t kMxcsrControl = 0xffc0, kMxcsrWanted = 0x1f80;

}  // namespace

void ProgramEmitter::SetFloatingPointControl() {
  saved_control_ = control_differs_ = nullptr;
  switch (target_.float_control) {
    case FloatControl::kNone:
      return;
    case FloatControl::kMxcsr: {
      Value* wanted = StackWord();
      saved_control_ = StackWord();
      b_.CreateIntrinsic(llvm::Intrinsic::x86_sse_stmxcsr, {saved_control_});
      Value* bits = b_.CreateAlignedLoad(b_.getInt32Ty(), saved_control_, llvm::Align(4));
      control_differs_ = b_.CreateICmpNE(b_.CreateAnd(bits, b_.getInt32(kMxcsrControl)),
                                         b_.getInt32(kMxcsrWanted));
      WhereControlDiffers([&] {
        b_.CreateStore(b_.getInt32(kMxcsrWanted), wanted);
        b_.CreateIntrinsic(llvm::Intrinsic::x86_sse_ldmxcsr, {wanted});
      });
      return;
    }
    case FloatControl::kFpcr:
      saved_control_ = b_.CreateIntrinsic(llvm::Intrinsic::aarch64_get_fpcr, {});
      control_differs_ = b_.CreateICmpNE(saved_control_, b_.getInt64(0));
      WhereControlDiffers(
          [&] { b_.CreateIntrinsic(llvm::Intrinsic::aarch64_set_fpcr, {b_.getInt64(0)}); });
      return;
    case FloatControl::kFpscr:
      saved_control_ = b_.CreateIntrinsic(llvm::Intrinsic::arm_get_fpscr, {});
      b_.CreateIntrinsic(llvm::Intrinsic::arm_set_fpscr, {b_.getInt32(0)});
      return;
    case FloatControl::kFrm: {
      // Reads the rounding direction and sets it to the nearest, 0: there is no other control.
      auto* type = llvm::FunctionType::get(b_.getInt64Ty(), {}, false);
      saved_control_ = b_.CreateCall(type, llvm::InlineAsm::get(type, "fsrmi $0, 0", "=r", true));
      return;
    }
  }
  TENON_CHECK(false);
}

void ProgramEmitter::RestoreFloatingPointControl() {
  switch (target_.float_control) {
    case FloatControl::kNone:
      return;
    case FloatControl::kMxcsr:
      WhereControlDiffers(
          [&] { b_.CreateIntrinsic(llvm::Intrinsic::x86_sse_ldmxcsr, {saved_control_}); });
      return;
    case FloatControl::kFpcr:
      WhereControlDiffers(
          [&] { b_.CreateIntrinsic(llvm::Intrinsic::aarch64_set_fpcr, {saved_control_}); });
      return;
    case FloatControl::kFpscr:
      b_.CreateIntrinsic(llvm::Intrinsic::arm_set_fpscr, {saved_control_});
      return;
    case FloatControl::kFrm: {
      auto* type = llvm::FunctionType::get(b_.getVoidTy(), {b_.getInt64Ty()}, false);
      b_.CreateCall(type, llvm::InlineAsm::get(type, "fsrm $0", "r", true), {saved_control_});
      return;
    }
  }
}

// In the function's first block, where the stack grows by a constant.
Value* ProgramEmitter::StackWord() {
  llvm::IRBuilderBase::InsertPointGuard guard(b_);
  llvm::BasicBlock& first = function_->getEntryBlock();
  b_.SetInsertPoint(&first, first.begin());
  return b_.CreateAlloca(b_.getInt32Ty());
}

void ProgramEmitter::WhereControlDiffers(const std::function<void()>& body) {
  llvm::BasicBlock* differs = NewBlock("differs");
  llvm::BasicBlock* same = NewBlock("same");
  b_.CreateCondBr(control_differs_, differs, same);
  b_.SetInsertPoint(differs);
  body();
  b_.CreateBr(same);
  b_.SetInsertPoint(same);
}

}  // namespace tenon::codegen
