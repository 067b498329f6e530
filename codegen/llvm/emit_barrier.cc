// ProgramEmitter: the barrier of runtime/abi.h and the floating-point control state.
#include <llvm/IR/Constants.h>
#include <llvm/IR/Intrinsics.h>
#include <llvm/IR/IntrinsicsAArch64.h>
#include <llvm/IR/IntrinsicsX86.h>

#include "tenon/codegen/llvm/kernel_emitter.h"
#include "tenon/codegen/llvm/layouts.h"
#include "tenon/codegen/llvm/program_emitter.h"

namespace tenon::codegen {

using llvm::AtomicOrdering;
using llvm::BasicBlock;
using llvm::Value;

namespace {

Value* AtomicLoad(Builder& b, Value* pointer, AtomicOrdering ordering) {
  llvm::LoadInst* load = b.CreateAlignedLoad(b.getInt32Ty(), pointer, llvm::Align(4));
  load->setAtomic(ordering);
  return load;
}

void AtomicStore(Builder& b, Value* value, Value* pointer, AtomicOrdering ordering) {
  b.CreateAlignedStore(value, pointer, llvm::Align(4))->setAtomic(ordering);
}

Value* AddOne(Builder& b, Value* pointer, AtomicOrdering ordering) {
  return b.CreateAtomicRMW(llvm::AtomicRMWInst::Add, pointer, b.getInt32(1), llvm::Align(4),
                           ordering);
}

Value* TeamField(Builder& b, Value* team, size_t offset) { return FieldPointer(b, team, offset); }

}  // namespace

// i32 barrier(frame, threads): gives the status to leave with, TENON_OK to go on.
llvm::Function* ProgramEmitter::BarrierFunction() {
  if (barrier_ != nullptr) return barrier_;
  auto* type = llvm::FunctionType::get(b_.getInt32Ty(), {b_.getPtrTy(), b_.getInt32Ty()}, false);
  barrier_ = llvm::Function::Create(type, llvm::GlobalValue::InternalLinkage, "barrier", module_);
  SetFunctionAttributes(*barrier_, target_);
  barrier_->addFnAttr(llvm::Attribute::NoInline);
  llvm::IRBuilderBase::InsertPointGuard guard(b_);
  EmitArrival(barrier_);
  return barrier_;
}

void ProgramEmitter::EmitArrival(llvm::Function* function) {
  const auto block = [&](const char* name) { return BasicBlock::Create(context_, name, function); };
  Value* frame = function->getArg(0);
  Value* threads = function->getArg(1);
  BasicBlock* entry = block("entry");
  BasicBlock* alone = block("alone");
  BasicBlock* together = block("together");
  BasicBlock* stopped = block("stopped");
  BasicBlock* arrive = block("arrive");
  BasicBlock* last = block("last");
  BasicBlock* wait = block("wait");

  b_.SetInsertPoint(entry);
  b_.CreateCondBr(b_.CreateICmpEQ(threads, b_.getInt32(1)), alone, together);
  b_.SetInsertPoint(alone);
  b_.CreateRet(AtomicLoad(b_, FieldPointer(b_, frame, offsetof(tenon_frame, status)),
                          AtomicOrdering::Monotonic));

  b_.SetInsertPoint(together);
  Value* team = b_.CreateAlignedLoad(
      b_.getPtrTy(), FieldPointer(b_, frame, offsetof(tenon_frame, team)), llvm::Align(8));
  Value* stop =
      AtomicLoad(b_, TeamField(b_, team, offsetof(tenon_team, stop)), AtomicOrdering::Acquire);
  b_.CreateCondBr(b_.CreateICmpNE(stop, b_.getInt32(TENON_OK)), stopped, arrive);
  b_.SetInsertPoint(stopped);
  b_.CreateRet(stop);

  b_.SetInsertPoint(arrive);
  Value* seen =
      AtomicLoad(b_, TeamField(b_, team, offsetof(tenon_team, epoch)), AtomicOrdering::Acquire);
  Value* before = AddOne(b_, TeamField(b_, team, offsetof(tenon_team, arrived)),
                         AtomicOrdering::AcquireRelease);
  Value* count = b_.CreateAdd(before, b_.getInt32(1));
  b_.CreateCondBr(b_.CreateICmpEQ(count, threads), last, wait);

  // Only the last one is here: `arrived` and `stop` are its own until it moves the epoch. `stop` is
  // never cleared, so that it cannot undo a cancellation.
  b_.SetInsertPoint(last);
  BasicBlock* faulted = block("faulted");
  BasicBlock* release = block("release");
  AtomicStore(b_, b_.getInt32(0), TeamField(b_, team, offsetof(tenon_team, arrived)),
              AtomicOrdering::Monotonic);
  Value* status = AtomicLoad(b_, FieldPointer(b_, frame, offsetof(tenon_frame, status)),
                             AtomicOrdering::Monotonic);
  b_.CreateCondBr(b_.CreateICmpNE(status, b_.getInt32(TENON_OK)), faulted, release);
  b_.SetInsertPoint(faulted);
  AtomicStore(b_, status, TeamField(b_, team, offsetof(tenon_team, stop)),
              AtomicOrdering::Monotonic);
  b_.CreateBr(release);
  b_.SetInsertPoint(release);
  EmitRelease(team);
  b_.CreateRet(
      AtomicLoad(b_, TeamField(b_, team, offsetof(tenon_team, stop)), AtomicOrdering::Acquire));

  b_.SetInsertPoint(wait);
  EmitWait(function, team, seen);
}

// Moves the epoch and wakes those that have parked. Sequentially consistent, as are the callbacks'
// own accesses: either the sleeper sees the new epoch or this sees `parked`.
void ProgramEmitter::EmitRelease(Value* team) {
  llvm::Function* function = b_.GetInsertBlock()->getParent();
  BasicBlock* wake = BasicBlock::Create(context_, "wake", function);
  BasicBlock* end = BasicBlock::Create(context_, "released", function);
  Value* epoch = TeamField(b_, team, offsetof(tenon_team, epoch));
  AddOne(b_, epoch, AtomicOrdering::SequentiallyConsistent);
  Value* parked = AtomicLoad(b_, TeamField(b_, team, offsetof(tenon_team, parked)),
                             AtomicOrdering::SequentiallyConsistent);
  b_.CreateCondBr(b_.CreateICmpNE(parked, b_.getInt32(0)), wake, end);
  b_.SetInsertPoint(wake);
  const auto load = [&](size_t offset) {
    return b_.CreateAlignedLoad(b_.getPtrTy(), TeamField(b_, team, offset), llvm::Align(8));
  };
  Value* callback = load(offsetof(tenon_team, wake));
  Value* context = load(offsetof(tenon_team, context));
  auto* type = llvm::FunctionType::get(b_.getVoidTy(), {b_.getPtrTy(), b_.getPtrTy()}, false);
  b_.CreateCall(type, callback, {context, epoch});
  b_.CreateBr(end);
  b_.SetInsertPoint(end);
}

void ProgramEmitter::EmitPause() {
  if (target_.x86) {
    b_.CreateIntrinsic(llvm::Intrinsic::x86_sse2_pause, {});
  } else {
    b_.CreateIntrinsic(llvm::Intrinsic::aarch64_hint, {b_.getInt32(1)});  // yield
  }
}

void ProgramEmitter::EmitWait(llvm::Function* function, Value* team, Value* seen) {
  const auto block = [&](const char* name) { return BasicBlock::Create(context_, name, function); };
  BasicBlock* before = b_.GetInsertBlock();
  BasicBlock* poll = block("poll");
  BasicBlock* pause = block("pause");
  BasicBlock* park = block("park");
  BasicBlock* cancel = block("cancel");
  BasicBlock* through = block("through");
  Value* epoch = TeamField(b_, team, offsetof(tenon_team, epoch));
  Value* spins = b_.CreateAlignedLoad(
      b_.getInt32Ty(), TeamField(b_, team, offsetof(tenon_team, spins)), llvm::Align(4));
  b_.CreateBr(poll);

  b_.SetInsertPoint(poll);
  llvm::PHINode* left = b_.CreatePHI(b_.getInt32Ty(), 2);
  left->addIncoming(spins, before);
  Value* moved = b_.CreateICmpNE(AtomicLoad(b_, epoch, AtomicOrdering::Acquire), seen);
  BasicBlock* again = block("again");
  b_.CreateCondBr(moved, through, again);
  b_.SetInsertPoint(again);
  b_.CreateCondBr(b_.CreateICmpEQ(left, b_.getInt32(0)), park, pause);
  b_.SetInsertPoint(pause);
  EmitPause();
  left->addIncoming(b_.CreateSub(left, b_.getInt32(1)), pause);
  b_.CreateBr(poll);

  b_.SetInsertPoint(park);
  const auto load = [&](size_t offset) {
    return b_.CreateAlignedLoad(b_.getPtrTy(), TeamField(b_, team, offset), llvm::Align(8));
  };
  auto* type = llvm::FunctionType::get(b_.getInt32Ty(),
                                       {b_.getPtrTy(), b_.getPtrTy(), b_.getInt32Ty()}, false);
  Value* callback = load(offsetof(tenon_team, wait));
  Value* context = load(offsetof(tenon_team, context));
  Value* status = b_.CreateCall(type, callback, {context, epoch, seen});
  b_.CreateCondBr(b_.CreateICmpNE(status, b_.getInt32(TENON_OK)), cancel, through);

  b_.SetInsertPoint(cancel);
  EmitCancel(team, function->getArg(0), status);

  b_.SetInsertPoint(through);
  b_.CreateRet(
      AtomicLoad(b_, TeamField(b_, team, offsetof(tenon_team, stop)), AtomicOrdering::Acquire));
}

// The status first, then `stop`, then the epoch: who sees a later one sees the earlier ones.
void ProgramEmitter::EmitCancel(Value* team, Value* frame, Value* status) {
  b_.CreateAtomicCmpXchg(FieldPointer(b_, frame, offsetof(tenon_frame, status)),
                         b_.getInt32(TENON_OK), status, llvm::Align(4),
                         AtomicOrdering::AcquireRelease, AtomicOrdering::Acquire);
  AtomicStore(b_, status, TeamField(b_, team, offsetof(tenon_team, stop)), AtomicOrdering::Release);
  EmitRelease(team);
  b_.CreateRet(status);
}

// Round to nearest, no flushing of subnormals, all exceptions masked.
Value* ProgramEmitter::SetFloatingPointControl() {
  if (target_.x86) {
    llvm::AllocaInst* saved = b_.CreateAlloca(b_.getInt32Ty());
    llvm::AllocaInst* wanted = b_.CreateAlloca(b_.getInt32Ty());
    b_.CreateIntrinsic(llvm::Intrinsic::x86_sse_stmxcsr, {saved});
    b_.CreateStore(b_.getInt32(0x1f80), wanted);
    b_.CreateIntrinsic(llvm::Intrinsic::x86_sse_ldmxcsr, {wanted});
    return saved;
  }
  Value* saved = b_.CreateIntrinsic(llvm::Intrinsic::aarch64_get_fpcr, {});
  b_.CreateIntrinsic(llvm::Intrinsic::aarch64_set_fpcr, {b_.getInt64(0)});
  return saved;
}

void ProgramEmitter::RestoreFloatingPointControl(Value* saved) {
  if (target_.x86) {
    b_.CreateIntrinsic(llvm::Intrinsic::x86_sse_ldmxcsr, {saved});
  } else {
    b_.CreateIntrinsic(llvm::Intrinsic::aarch64_set_fpcr, {saved});
  }
}

}  // namespace tenon::codegen
