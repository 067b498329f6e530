// ProgramEmitter: what an entry checks of its arguments before it does anything.
//
// The way in is one combined test. Only where it fails a function out of line, never on a fast
// path, goes through the checks one by one and reports the first that failed. Every thread checks
// the same values, so all of them return before any barrier.
#include <map>

#include "tenon/codegen/llvm/kernel_emitter.h"
#include "tenon/codegen/llvm/layouts.h"
#include "tenon/codegen/llvm/program_emitter.h"

namespace tenon::codegen {

using kernel::BufferKind;
using llvm::BasicBlock;
using llvm::Value;

ProgramEmitter::Check ProgramEmitter::ThreadCheck() {
  Value* outside =
      b_.CreateOr(b_.CreateICmpSLT(thread_, b_.getInt32(0)), b_.CreateICmpSGE(thread_, threads_));
  Value* most = b_.getInt32(static_cast<uint32_t>(target_.desc.max_threads));
  outside = b_.CreateOr(outside, b_.CreateICmpSGT(threads_, most));
  Value* team = LoadPointer(b_, FieldPointer(b_, frame_, FrameField::kTeam));
  Value* several = b_.CreateICmpSGT(threads_, b_.getInt32(1));
  Value* apart = b_.CreateAnd(several, b_.CreateIsNull(team));
  return {TENON_BAD_THREAD, 0, b_.CreateOr(outside, apart)};
}

std::vector<ProgramEmitter::Check> ProgramEmitter::ExtentChecks() {
  std::vector<Check> checks;
  for (size_t i = 0; i < program_.symbols.size(); ++i) {
    const kernel::Symbol& symbol = program_.symbols[i];
    // Unsigned, so that a negative extent is beyond every bound.
    Value* beyond = b_.CreateICmpUGT(environment_.at(symbol.name),
                                     b_.getInt64(static_cast<uint64_t>(symbol.bound)));
    checks.push_back({TENON_BAD_EXTENT, static_cast<int64_t>(i), beyond});
  }
  return checks;
}

// The arena and the prepared area, where these steps use them.
std::vector<ProgramEmitter::Check> ProgramEmitter::MemoryChecks(
    const std::vector<kernel::Step>& steps) {
  std::set<int> buffers;
  CollectBuffers(steps, &buffers);
  bool uses_arena = program_.scratch_bytes > 0, uses_prepared = false;
  for (int buffer : buffers) {
    uses_arena |= program_.buffers[buffer].kind == BufferKind::kArena;
    uses_prepared |= program_.buffers[buffer].kind == BufferKind::kPrepared;
  }
  std::vector<Check> checks;
  const auto check = [&](int64_t which, Value* pointer) {
    Value* address = b_.CreatePtrToInt(pointer, b_.getInt64Ty());
    Value* low = b_.CreateAnd(address, b_.getInt64(TENON_ARENA_ALIGNMENT - 1));
    Value* bad = b_.CreateOr(b_.CreateIsNull(pointer), b_.CreateICmpNE(low, b_.getInt64(0)));
    checks.push_back({TENON_BAD_MEMORY, which, bad});
  };
  if (uses_arena) check(0, arena_);
  if (uses_prepared) check(1, prepared_);
  return checks;
}

// One buffer a binding that `steps` use.
std::set<int> ProgramEmitter::BindingBuffers(const std::vector<kernel::Step>& steps) const {
  std::set<int> used, found, bindings;
  CollectBuffers(steps, &used);
  for (int buffer : used) {
    const kernel::Buffer& info = program_.buffers[buffer];
    if (info.kind != BufferKind::kBinding || !bindings.insert(info.binding).second) continue;
    found.insert(buffer);
  }
  return found;
}

// Tensors without elements may be nowhere.
Value* ProgramEmitter::IsMissing(int buffer) {
  const kernel::Buffer& info = program_.buffers[buffer];
  Value* is_null = b_.CreateIsNull(bindings_.at(info.binding));
  return b_.CreateAnd(is_null, b_.CreateICmpNE(DimValue(info.size), b_.getInt64(0)));
}

void ProgramEmitter::CheckArguments(const std::string& symbol,
                                    const std::vector<kernel::Step>& steps) {
  Value* bad = ThreadCheck().failed;
  for (const Check& check : ExtentChecks()) bad = b_.CreateOr(bad, check.failed);
  for (const Check& check : MemoryChecks(steps)) bad = b_.CreateOr(bad, check.failed);
  std::map<int64_t, Value*> addresses;  // of elements of one size, all bits together
  for (int buffer : BindingBuffers(steps)) {
    const kernel::Buffer& info = program_.buffers[buffer];
    bad = b_.CreateOr(bad, IsMissing(buffer));
    Value* address = b_.CreatePtrToInt(bindings_.at(info.binding), b_.getInt64Ty());
    Value*& together = addresses[ir::ByteSize(info.dtype)];
    together = together == nullptr ? address : b_.CreateOr(together, address);
  }
  for (const auto& [size, together] : addresses) {
    if (size == 1) continue;
    Value* low = b_.CreateAnd(together, b_.getInt64(static_cast<uint64_t>(size - 1)));
    bad = b_.CreateOr(bad, b_.CreateICmpNE(low, b_.getInt64(0)));
  }

  llvm::Function* refusal =
      llvm::Function::Create(function_->getFunctionType(), llvm::GlobalValue::InternalLinkage,
                             symbol + "_refuse", module_);
  SetFunctionAttributes(*refusal, target_);
  refusal->addFnAttr(llvm::Attribute::NoInline);
  refusal->addFnAttr(llvm::Attribute::Cold);
  BasicBlock* refuse = NewBlock("refuse");
  BasicBlock* run = NewBlock("run");
  b_.CreateCondBr(bad, refuse, run);
  b_.SetInsertPoint(refuse);
  b_.CreateRet(b_.CreateCall(refusal, {frame_, thread_, threads_}));
  EmitRefusal(refusal, steps);
  b_.SetInsertPoint(run);
}

// The checks in order; the first that fails is what the frame says, unless another thread was
// there before.
void ProgramEmitter::EmitRefusal(llvm::Function* function, const std::vector<kernel::Step>& steps) {
  ProgramEmitter own(program_, target_, kernel_symbols_, module_);
  own.function_ = function;
  own.frame_ = function->getArg(0);
  own.thread_ = function->getArg(1);
  own.threads_ = function->getArg(2);
  Builder& b = own.b_;
  b.SetInsertPoint(own.NewBlock("entry"));
  own.LoadFrame(steps);
  BasicBlock* record = own.NewBlock("record");
  auto* status = llvm::PHINode::Create(b.getInt32Ty(), 4, "status", record);
  auto* value = llvm::PHINode::Create(b.getInt64Ty(), 4, "value", record);
  const auto report = [&](const Check& check, Value* what) {
    BasicBlock* next = own.NewBlock("next");
    status->addIncoming(b.getInt32(check.status), b.GetInsertBlock());
    value->addIncoming(what, b.GetInsertBlock());
    b.CreateCondBr(check.failed, record, next);
    b.SetInsertPoint(next);
  };
  const auto report_constant = [&](const Check& check) {
    report(check, b.getInt64(static_cast<uint64_t>(check.value)));
  };
  report(own.ThreadCheck(), b.CreateSExt(own.thread_, b.getInt64Ty()));
  for (const Check& check : own.ExtentChecks()) report_constant(check);
  for (const Check& check : own.MemoryChecks(steps)) report_constant(check);
  for (int buffer : own.BindingBuffers(steps)) {
    const kernel::Buffer& info = program_.buffers[buffer];
    report_constant({TENON_MISSING_BUFFER, info.binding, own.IsMissing(buffer)});
    Value* address = b.CreatePtrToInt(own.bindings_.at(info.binding), b.getInt64Ty());
    const auto mask = static_cast<uint64_t>(ir::ByteSize(info.dtype) - 1);
    Value* low = b.CreateAnd(address, b.getInt64(mask));
    report_constant({TENON_MISALIGNED_BUFFER, info.binding, b.CreateICmpNE(low, b.getInt64(0))});
  }
  b.CreateUnreachable();

  b.SetInsertPoint(record);
  BasicBlock* first = own.NewBlock("first");
  BasicBlock* end = own.NewBlock("end");
  b.CreateCondBr(SetFirstStatus(b, target_, own.frame_, status), first, end);
  b.SetInsertPoint(first);
  b.CreateAlignedStore(b.getInt32(-1), FieldPointer(b, own.frame_, FrameField::kFaultSite),
                       llvm::Align(4));
  b.CreateAlignedStore(value, FieldPointer(b, own.frame_, FrameField::kFaultValue), llvm::Align(8));
  b.CreateBr(end);
  b.SetInsertPoint(end);
  b.CreateRet(status);
}

}  // namespace tenon::codegen
