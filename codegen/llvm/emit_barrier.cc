// ProgramEmitter: the barrier of runtime/abi.h and the floating-point control state.
#include <llvm/IR/Constants.h>
#include <llvm/IR/Intrinsics.h>
#include <llvm/IR/IntrinsicsAArch64.h>

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

Value* AddOne(Builder& b, Value* pointer) {
  return b.CreateAtomicRMW(llvm::AtomicRMWInst::Add, pointer, b.getInt32(1), llvm::Align(4),
                           AtomicOrdering::SequentiallyConsistent);
}

// Whether `arrived` has got as far as `target`. Both wrap, and are never far apart.
Value* Reaches(Builder& b, Value* arrived, Value* target) {
  return b.CreateICmpSGE(b.CreateSub(arrived, target), b.getInt32(0));
}

}  // namespace

void ProgramEmitter::EmitBarrier() {
  LeaveUnlessOk(b_.CreateCall(BarrierFunction(), {frame_, threads_, passed_}));
}

// The number of barriers that this thread has passed in this run, which the entry keeps.
Value* ProgramEmitter::StartPassed() {
  if (target_.desc.max_threads == 1) return llvm::ConstantPointerNull::get(b_.getPtrTy());
  Value* passed = b_.CreateAlloca(b_.getInt32Ty());
  b_.CreateAlignedStore(b_.getInt32(0), passed, llvm::Align(4));
  return passed;
}

// i32 barrier(frame, threads, passed): gives the status to leave with, TENON_OK to go on.
llvm::Function* ProgramEmitter::BarrierFunction() {
  if (barrier_ != nullptr) return barrier_;
  auto* type = llvm::FunctionType::get(b_.getInt32Ty(),
                                       {b_.getPtrTy(), b_.getInt32Ty(), b_.getPtrTy()}, false);
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
  Value* passed = function->getArg(2);
  BasicBlock* entry = block("entry");
  BasicBlock* alone = block("alone");
  BasicBlock* together = block("together");
  BasicBlock* faulted = block("faulted");
  BasicBlock* arrive = block("arrive");
  BasicBlock* last = block("last");
  BasicBlock* wait = block("wait");
  BasicBlock* through = block("through");

  b_.SetInsertPoint(entry);
  Value* status =
      AtomicLoad(b_, FieldPointer(b_, frame, FrameField::kStatus), AtomicOrdering::Monotonic);
  b_.CreateCondBr(b_.CreateICmpEQ(threads, b_.getInt32(1)), alone, together);
  b_.SetInsertPoint(alone);
  b_.CreateRet(status);

  b_.SetInsertPoint(together);
  Value* team = LoadPointer(b_, FieldPointer(b_, frame, FrameField::kTeam));
  Value* number = b_.CreateAlignedLoad(b_.getInt32Ty(), passed, llvm::Align(4));
  Value* next = b_.CreateAdd(number, b_.getInt32(1));
  b_.CreateAlignedStore(next, passed, llvm::Align(4));
  Value* target = b_.CreateMul(next, threads);
  Value* stop = b_.CreateGEP(b_.getInt32Ty(), FieldPointer(b_, team, TeamField::kStop),
                             b_.CreateAnd(number, b_.getInt32(1)));
  b_.CreateCondBr(b_.CreateICmpNE(status, b_.getInt32(TENON_OK)), faulted, arrive);

  // A fault of the phase that ends here: nobody gets beyond this barrier without this thread.
  b_.SetInsertPoint(faulted);
  AtomicStore(b_, status, stop, AtomicOrdering::Monotonic);
  b_.CreateBr(arrive);

  b_.SetInsertPoint(arrive);
  Value* before = AddOne(b_, FieldPointer(b_, team, TeamField::kArrived));
  Value* count = b_.CreateAdd(before, b_.getInt32(1));
  b_.CreateCondBr(Reaches(b_, count, target), last, wait);
  b_.SetInsertPoint(last);
  EmitWake(team);
  b_.CreateBr(through);
  b_.SetInsertPoint(wait);
  EmitWait(frame, team, target, stop, through);

  b_.SetInsertPoint(through);
  b_.CreateRet(AtomicLoad(b_, stop, AtomicOrdering::Acquire));
}

// Wakes those that have parked, after `arrived` was added to. Sequentially consistent both, as are
// the callbacks' own accesses: either the sleeper sees the new count or this sees `parked`.
void ProgramEmitter::EmitWake(Value* team) {
  llvm::Function* function = b_.GetInsertBlock()->getParent();
  BasicBlock* wake = BasicBlock::Create(context_, "wake", function);
  BasicBlock* end = BasicBlock::Create(context_, "released", function);
  Value* parked = AtomicLoad(b_, FieldPointer(b_, team, TeamField::kParked),
                             AtomicOrdering::SequentiallyConsistent);
  b_.CreateCondBr(b_.CreateICmpNE(parked, b_.getInt32(0)), wake, end);
  b_.SetInsertPoint(wake);
  const auto load = [&](TeamField field) { return LoadPointer(b_, FieldPointer(b_, team, field)); };
  Value* callback = load(TeamField::kWake);
  Value* context = load(TeamField::kContext);
  auto* type = llvm::FunctionType::get(b_.getVoidTy(), {b_.getPtrTy(), b_.getPtrTy()}, false);
  b_.CreateCall(type, callback, {context, FieldPointer(b_, team, TeamField::kArrived)});
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

// `arrived` is looked at before `stop`: where `stop` was still clear, a cancellation changes
// `arrived` from what was seen, and `wait` does not miss it.
void ProgramEmitter::EmitWait(Value* frame, Value* team, Value* target, Value* stop,
                              BasicBlock* through) {
  BasicBlock* before = b_.GetInsertBlock();
  llvm::Function* function = before->getParent();
  const auto block = [&](const char* name) { return BasicBlock::Create(context_, name, function); };
  BasicBlock* poll = block("poll");
  BasicBlock* missing = block("missing");
  BasicBlock* again = block("again");
  BasicBlock* pause = block("pause");
  BasicBlock* park = block("park");
  BasicBlock* cancel = block("cancel");
  Value* arrived = FieldPointer(b_, team, TeamField::kArrived);
  Value* spins = b_.CreateAlignedLoad(b_.getInt32Ty(), FieldPointer(b_, team, TeamField::kSpins),
                                      llvm::Align(4));
  b_.CreateBr(poll);

  b_.SetInsertPoint(poll);
  llvm::PHINode* left = b_.CreatePHI(b_.getInt32Ty(), 3);
  left->addIncoming(spins, before);
  Value* seen = AtomicLoad(b_, arrived, AtomicOrdering::Acquire);
  b_.CreateCondBr(Reaches(b_, seen, target), through, missing);
  b_.SetInsertPoint(missing);
  Value* stopped = AtomicLoad(b_, stop, AtomicOrdering::Acquire);
  b_.CreateCondBr(b_.CreateICmpNE(stopped, b_.getInt32(TENON_OK)), through, again);
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
  Value* status = b_.CreateCall(type, callback, {context, arrived, seen});
  left->addIncoming(b_.getInt32(0), park);
  b_.CreateCondBr(b_.CreateICmpNE(status, b_.getInt32(TENON_OK)), cancel, poll);

  b_.SetInsertPoint(cancel);
  EmitCancel(team, frame, status);
}

// The status first, then `stop`, then the count: who sees a later one sees the earlier ones. Both
// words of `stop`, as others may be at this barrier or, through it, at the next one.
void ProgramEmitter::EmitCancel(Value* team, Value* frame, Value* status) {
  SetFirstStatus(b_, target_, frame, status, AtomicOrdering::AcquireRelease);
  for (TeamField stop : {TeamField::kStop, TeamField::kOddStop}) {
    AtomicStore(b_, status, FieldPointer(b_, team, stop), AtomicOrdering::Release);
  }
  AddOne(b_, FieldPointer(b_, team, TeamField::kArrived));
  EmitWake(team);
  b_.CreateRet(status);
}

}  // namespace tenon::codegen
