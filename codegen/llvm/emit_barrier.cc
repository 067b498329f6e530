// ProgramEmitter: the barrier of runtime/abi.h and the floating-point control state.
#include <llvm/IR/Constants.h>
#include <llvm/IR/InlineAsm.h>
#include <llvm/IR/Intrinsics.h>
#include <llvm/IR/IntrinsicsAArch64.h>
#include <llvm/IR/IntrinsicsARM.h>
#include <llvm/IR/IntrinsicsX86.h>

#include "tenon/codegen/llvm/kernel_emitter.h"
#include "tenon/codegen/llvm/layouts.h"
#include "tenon/codegen/llvm/program_emitter.h"
#include "tenon/ir/check.h"

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

}  // namespace

// i32 barrier(frame, threads): gives the status to leave with, TENON_OK to go on.
llvm::Function* ProgramEmitter::BarrierFunction() {
  if (barrier_ != nullptr) return barrier_;
  auto* type = llvm::FunctionType::get(b_.getInt32Ty(), {b_.getPtrTy(), b_.getInt32Ty()}, false);
  barrier_ = llvm::Function::Create(type, llvm::GlobalValue::InternalLinkage, "barrier", module_);
  SetFunctionAttributes(*barrier_, target_);
  barrier_->addFnAttr(llvm::Attribute::NoInline);
  llvm::IRBuilderBase::InsertPointGuard guard(b_);
  if (target_.desc.max_threads > 1) {
    EmitArrival(barrier_);
  } else {
    b_.SetInsertPoint(BasicBlock::Create(context_, "entry", barrier_));
    b_.CreateRet(b_.CreateAlignedLoad(b_.getInt32Ty(),
                                      FieldPointer(b_, barrier_->getArg(0), FrameField::kStatus),
                                      llvm::Align(4)));
  }
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
  b_.CreateRet(
      AtomicLoad(b_, FieldPointer(b_, frame, FrameField::kStatus), AtomicOrdering::Monotonic));

  b_.SetInsertPoint(together);
  Value* team = LoadPointer(b_, FieldPointer(b_, frame, FrameField::kTeam));
  Value* stop = AtomicLoad(b_, FieldPointer(b_, team, TeamField::kStop), AtomicOrdering::Acquire);
  b_.CreateCondBr(b_.CreateICmpNE(stop, b_.getInt32(TENON_OK)), stopped, arrive);
  b_.SetInsertPoint(stopped);
  b_.CreateRet(stop);

  b_.SetInsertPoint(arrive);
  Value* seen = AtomicLoad(b_, FieldPointer(b_, team, TeamField::kEpoch), AtomicOrdering::Acquire);
  Value* before =
      AddOne(b_, FieldPointer(b_, team, TeamField::kArrived), AtomicOrdering::AcquireRelease);
  Value* count = b_.CreateAdd(before, b_.getInt32(1));
  b_.CreateCondBr(b_.CreateICmpEQ(count, threads), last, wait);

  // Only the last one is here: `arrived` and `stop` are its own until it moves the epoch. `stop` is
  // never cleared, so that it cannot undo a cancellation.
  b_.SetInsertPoint(last);
  BasicBlock* faulted = block("faulted");
  BasicBlock* release = block("release");
  AtomicStore(b_, b_.getInt32(0), FieldPointer(b_, team, TeamField::kArrived),
              AtomicOrdering::Monotonic);
  Value* status =
      AtomicLoad(b_, FieldPointer(b_, frame, FrameField::kStatus), AtomicOrdering::Monotonic);
  b_.CreateCondBr(b_.CreateICmpNE(status, b_.getInt32(TENON_OK)), faulted, release);
  b_.SetInsertPoint(faulted);
  AtomicStore(b_, status, FieldPointer(b_, team, TeamField::kStop), AtomicOrdering::Monotonic);
  b_.CreateBr(release);
  b_.SetInsertPoint(release);
  EmitRelease(team);
  b_.CreateRet(AtomicLoad(b_, FieldPointer(b_, team, TeamField::kStop), AtomicOrdering::Acquire));

  b_.SetInsertPoint(wait);
  EmitWait(function, team, seen);
}

// Moves the epoch and wakes those that have parked. Sequentially consistent, as are the callbacks'
// own accesses: either the sleeper sees the new epoch or this sees `parked`.
void ProgramEmitter::EmitRelease(Value* team) {
  llvm::Function* function = b_.GetInsertBlock()->getParent();
  BasicBlock* wake = BasicBlock::Create(context_, "wake", function);
  BasicBlock* end = BasicBlock::Create(context_, "released", function);
  Value* epoch = FieldPointer(b_, team, TeamField::kEpoch);
  AddOne(b_, epoch, AtomicOrdering::SequentiallyConsistent);
  Value* parked = AtomicLoad(b_, FieldPointer(b_, team, TeamField::kParked),
                             AtomicOrdering::SequentiallyConsistent);
  b_.CreateCondBr(b_.CreateICmpNE(parked, b_.getInt32(0)), wake, end);
  b_.SetInsertPoint(wake);
  const auto load = [&](TeamField field) { return LoadPointer(b_, FieldPointer(b_, team, field)); };
  Value* callback = load(TeamField::kWake);
  Value* context = load(TeamField::kContext);
  auto* type = llvm::FunctionType::get(b_.getVoidTy(), {b_.getPtrTy(), b_.getPtrTy()}, false);
  b_.CreateCall(type, callback, {context, epoch});
  b_.CreateBr(end);
  b_.SetInsertPoint(end);
}

void ProgramEmitter::EmitPause() {
  if (target_.pause != llvm::Intrinsic::not_intrinsic) {
    llvm::SmallVector<Value*, 1> hint;
    if (target_.pause == llvm::Intrinsic::aarch64_hint) hint.push_back(b_.getInt32(1));  // yield
    b_.CreateIntrinsic(b_.getVoidTy(), target_.pause, hint);
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
  Value* epoch = FieldPointer(b_, team, TeamField::kEpoch);
  Value* spins = b_.CreateAlignedLoad(b_.getInt32Ty(), FieldPointer(b_, team, TeamField::kSpins),
                                      llvm::Align(4));
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
  const auto load = [&](TeamField field) { return LoadPointer(b_, FieldPointer(b_, team, field)); };
  auto* type = llvm::FunctionType::get(b_.getInt32Ty(),
                                       {b_.getPtrTy(), b_.getPtrTy(), b_.getInt32Ty()}, false);
  Value* callback = load(TeamField::kWait);
  Value* context = load(TeamField::kContext);
  Value* status = b_.CreateCall(type, callback, {context, epoch, seen});
  b_.CreateCondBr(b_.CreateICmpNE(status, b_.getInt32(TENON_OK)), cancel, through);

  b_.SetInsertPoint(cancel);
  EmitCancel(team, function->getArg(0), status);

  b_.SetInsertPoint(through);
  b_.CreateRet(AtomicLoad(b_, FieldPointer(b_, team, TeamField::kStop), AtomicOrdering::Acquire));
}

// The status first, then `stop`, then the epoch: who sees a later one sees the earlier ones.
void ProgramEmitter::EmitCancel(Value* team, Value* frame, Value* status) {
  SetFirstStatus(b_, target_, frame, status, AtomicOrdering::AcquireRelease);
  AtomicStore(b_, status, FieldPointer(b_, team, TeamField::kStop), AtomicOrdering::Release);
  EmitRelease(team);
  b_.CreateRet(status);
}

// Round to nearest, no flushing of subnormals, all exceptions masked.
Value* ProgramEmitter::SetFloatingPointControl() {
  switch (target_.float_control) {
    case FloatControl::kNone:
      return nullptr;
    case FloatControl::kMxcsr: {
      llvm::AllocaInst* saved = b_.CreateAlloca(b_.getInt32Ty());
      llvm::AllocaInst* wanted = b_.CreateAlloca(b_.getInt32Ty());
      b_.CreateIntrinsic(llvm::Intrinsic::x86_sse_stmxcsr, {saved});
      b_.CreateStore(b_.getInt32(0x1f80), wanted);
      b_.CreateIntrinsic(llvm::Intrinsic::x86_sse_ldmxcsr, {wanted});
      return saved;
    }
    case FloatControl::kFpcr: {
      Value* saved = b_.CreateIntrinsic(llvm::Intrinsic::aarch64_get_fpcr, {});
      b_.CreateIntrinsic(llvm::Intrinsic::aarch64_set_fpcr, {b_.getInt64(0)});
      return saved;
    }
    case FloatControl::kFpscr: {
      Value* saved = b_.CreateIntrinsic(llvm::Intrinsic::arm_get_fpscr, {});
      b_.CreateIntrinsic(llvm::Intrinsic::arm_set_fpscr, {b_.getInt32(0)});
      return saved;
    }
    case FloatControl::kFrm: {
      // Reads the rounding direction and sets it to the nearest, 0: there is no other control.
      auto* type = llvm::FunctionType::get(b_.getInt64Ty(), {}, false);
      return b_.CreateCall(type, llvm::InlineAsm::get(type, "fsrmi $0, 0", "=r", true));
    }
  }
  TENON_CHECK(false);
}

void ProgramEmitter::RestoreFloatingPointControl(Value* saved) {
  switch (target_.float_control) {
    case FloatControl::kNone:
      return;
    case FloatControl::kMxcsr:
      b_.CreateIntrinsic(llvm::Intrinsic::x86_sse_ldmxcsr, {saved});
      return;
    case FloatControl::kFpcr:
      b_.CreateIntrinsic(llvm::Intrinsic::aarch64_set_fpcr, {saved});
      return;
    case FloatControl::kFpscr:
      b_.CreateIntrinsic(llvm::Intrinsic::arm_set_fpscr, {saved});
      return;
    case FloatControl::kFrm: {
      auto* type = llvm::FunctionType::get(b_.getVoidTy(), {b_.getInt64Ty()}, false);
      b_.CreateCall(type, llvm::InlineAsm::get(type, "fsrm $0", "r", true), {saved});
      return;
    }
  }
}

}  // namespace tenon::codegen
