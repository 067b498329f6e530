// ProgramEmitter: what an entry checks of its arguments before it does anything.
//
// The checks are a function of their own, which reports the first that fails. What can be said of
// buffers in numbers stands in a table: a step with hundreds of parameters has as much code as one
// with three. Every thread checks the same values, so all of them return before any barrier.
#include <llvm/IR/Constants.h>
#include <llvm/IR/InlineAsm.h>
#include <llvm/TargetParser/Triple.h>

#include <algorithm>

#include "tenon/codegen/llvm/kernel_emitter.h"
#include "tenon/codegen/llvm/layouts.h"
#include "tenon/codegen/llvm/program_emitter.h"

namespace tenon::codegen {

using kernel::BufferKind;
using llvm::BasicBlock;
using llvm::Value;

void ProgramEmitter::Refuse(tenon_status status, Value* value, Value* failed) {
  BasicBlock* next = NewBlock("next");
  result_->addIncoming(b_.getInt32(status), b_.GetInsertBlock());
  refused_->addIncoming(value, b_.GetInsertBlock());
  b_.CreateCondBr(failed, result_->getParent(), next);
  b_.SetInsertPoint(next);
}

void ProgramEmitter::CheckThread() {
  Value* thread = b_.CreateSExt(thread_, b_.getInt64Ty());
  const auto refuse = [&](Value* failed) { Refuse(TENON_BAD_THREAD, thread, failed); };
  // Unsigned, so that negative numbers are beyond every bound.
  const int most = target_.desc.max_threads;
  refuse(b_.CreateICmpUGE(thread_, threads_));
  refuse(b_.CreateICmpUGT(threads_, b_.getInt32(static_cast<uint32_t>(most))));
  if (most == 1) return;
  BasicBlock* several = NewBlock("several");
  BasicBlock* together = BasicBlock::Create(context_, "together");
  b_.CreateCondBr(b_.CreateICmpEQ(threads_, b_.getInt32(1)), together, several);
  b_.SetInsertPoint(several);
  refuse(b_.CreateIsNull(LoadPointer(b_, FieldPointer(b_, frame_, FrameField::kTeam))));
  b_.CreateBr(together);
  together->insertInto(function_);
  b_.SetInsertPoint(together);
}

void ProgramEmitter::CheckExtents() {
  for (size_t i = 0; i < program_.symbols.size(); ++i) {
    const kernel::Symbol& symbol = program_.symbols[i];
    // Unsigned, so that a negative extent is beyond every bound.
    Value* beyond = b_.CreateICmpUGT(environment_.at(symbol.name),
                                     b_.getInt64(static_cast<uint64_t>(symbol.bound)));
    Refuse(TENON_BAD_EXTENT, b_.getInt64(i), beyond);
  }
}

bool ProgramEmitter::Uses(const std::vector<kernel::Step>& steps, BufferKind kind) const {
  std::set<int> buffers;
  CollectBuffers(steps, &buffers);
  return std::any_of(buffers.begin(), buffers.end(),
                     [&](int buffer) { return program_.buffers[buffer].kind == kind; });
}

bool ProgramEmitter::UsesArena(const std::vector<kernel::Step>& steps) const {
  return program_.scratch_bytes > 0 || Uses(steps, BufferKind::kArena);
}

bool ProgramEmitter::UsesPrepared(const std::vector<kernel::Step>& steps) const {
  return Uses(steps, BufferKind::kPrepared);
}

// The arena and the prepared area, where these steps use them.
void ProgramEmitter::CheckMemory(const std::vector<kernel::Step>& steps) {
  const auto check = [&](uint64_t which, Value* pointer) {
    Value* address = b_.CreatePtrToInt(pointer, b_.getInt64Ty());
    Value* low = b_.CreateAnd(address, b_.getInt64(TENON_ARENA_ALIGNMENT - 1));
    Value* bad = b_.CreateOr(b_.CreateIsNull(pointer), b_.CreateICmpNE(low, b_.getInt64(0)));
    Refuse(TENON_BAD_MEMORY, b_.getInt64(which), bad);
  };
  if (UsesArena(steps)) check(0, arena_);
  if (UsesPrepared(steps)) check(1, prepared_);
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

void ProgramEmitter::CheckBindings(const std::vector<kernel::Step>& steps) {
  std::vector<int> fixed;
  for (int buffer : BindingBuffers(steps)) {
    const kernel::Buffer& info = program_.buffers[buffer];
    if (info.size.is_constant()) {
      fixed.push_back(buffer);
      continue;
    }
    Value* binding = b_.getInt64(static_cast<uint64_t>(info.binding));
    Value* pointer = LoadPointer(b_, table_, info.binding);
    // Tensors without elements may be nowhere.
    Value* has_elements = b_.CreateICmpNE(DimValue(info.size), b_.getInt64(0));
    Refuse(TENON_MISSING_BUFFER, binding, b_.CreateAnd(b_.CreateIsNull(pointer), has_elements));
    Value* address = b_.CreatePtrToInt(pointer, b_.getInt64Ty());
    const auto mask = static_cast<uint64_t>(ir::ByteSize(info.dtype) - 1);
    Value* low = b_.CreateAnd(address, b_.getInt64(mask));
    Refuse(TENON_MISALIGNED_BUFFER, binding, b_.CreateICmpNE(low, b_.getInt64(0)));
  }
  if (!fixed.empty()) CheckBindingTable(fixed);
}

// Buffers of known sizes. A row: the binding, the bits of its address that have to be zero, whether
// it has elements.
void ProgramEmitter::CheckBindingTable(const std::vector<int>& buffers) {
  std::vector<uint32_t> rows;
  for (int buffer : buffers) {
    const kernel::Buffer& info = program_.buffers[buffer];
    rows.push_back(static_cast<uint32_t>(info.binding));
    rows.push_back(static_cast<uint32_t>(ir::ByteSize(info.dtype) - 1));
    rows.push_back(info.size == ir::Dim(0) ? 0 : 1);
  }
  llvm::Constant* data = llvm::ConstantDataArray::get(context_, rows);
  auto* table =
      new llvm::GlobalVariable(module_, data->getType(), /*isConstant=*/true,
                               llvm::GlobalValue::PrivateLinkage, data, "checked_buffers");
  table->setAlignment(llvm::Align(4));
  llvm::Type* i64 = b_.getInt64Ty();
  BasicBlock* before = b_.GetInsertBlock();
  BasicBlock* head = NewBlock("buffer");
  BasicBlock* done = NewBlock("done");
  b_.CreateBr(head);
  b_.SetInsertPoint(head);
  llvm::PHINode* row = b_.CreatePHI(i64, 2);
  row->addIncoming(b_.getInt64(0), before);
  Value* at = b_.CreateGEP(b_.getInt8Ty(), table, b_.CreateMul(row, b_.getInt64(12)));
  const auto column = [&](size_t i) -> Value* {
    Value* field = FieldPointer(b_, at, 4 * i);
    return b_.CreateZExt(b_.CreateAlignedLoad(b_.getInt32Ty(), field, llvm::Align(4)), i64);
  };
  Value* binding = column(0);
  Value* offset = b_.CreateMul(binding, b_.getInt64(PointerBytes(b_)));
  Value* pointer = LoadPointer(b_, b_.CreateGEP(b_.getInt8Ty(), table_, offset));
  Value* has_elements = b_.CreateICmpNE(column(2), b_.getInt64(0));
  Refuse(TENON_MISSING_BUFFER, binding, b_.CreateAnd(b_.CreateIsNull(pointer), has_elements));
  Value* low = b_.CreateAnd(b_.CreatePtrToInt(pointer, i64), column(1));
  Refuse(TENON_MISALIGNED_BUFFER, binding, b_.CreateICmpNE(low, b_.getInt64(0)));
  Value* next = b_.CreateAdd(row, b_.getInt64(1));
  row->addIncoming(next, b_.GetInsertBlock());
  b_.CreateCondBr(b_.CreateICmpULT(next, b_.getInt64(buffers.size())), head, done);
  b_.SetInsertPoint(done);
}

// Whether anything may be wrong with the arguments of a small program, whose time a call of the
// checks would be: they are not called where one thread runs it alone and no memory is missing or
// misaligned. Null where there are many buffers, extents to be checked, or code is to be short.
Value* ProgramEmitter::NeedsChecks(const std::vector<kernel::Step>& steps) {
  constexpr size_t kFew = 8;
  const std::set<int> buffers = BindingBuffers(steps);
  const bool few = buffers.size() <= kFew && program_.symbols.empty();
  if (!few || target_.desc.pointer_bytes < 8) return nullptr;
  Value* others = b_.CreateOr(thread_, b_.CreateXor(threads_, b_.getInt32(1)));
  Value* missing = b_.CreateICmpNE(others, b_.getInt32(0));
  std::map<uint64_t, Value*> addresses;  // all that need the same bits to be zero
  const auto add = [&](Value* pointer, int64_t alignment, bool has_elements) {
    if (has_elements) missing = b_.CreateOr(missing, b_.CreateIsNull(pointer));
    Value* address = b_.CreatePtrToInt(pointer, b_.getInt64Ty());
    Value*& same = addresses[static_cast<uint64_t>(alignment - 1)];
    same = same == nullptr ? address : b_.CreateOr(same, address);
  };
  for (int buffer : buffers) {
    const kernel::Buffer& info = program_.buffers[buffer];
    add(LoadPointer(b_, table_, info.binding), ir::ByteSize(info.dtype),
        !(info.size == ir::Dim(0)));
  }
  if (UsesArena(steps)) add(arena_, TENON_ARENA_ALIGNMENT, true);
  if (UsesPrepared(steps)) add(prepared_, TENON_ARENA_ALIGNMENT, true);
  Value* low = b_.getInt64(0);
  for (const auto& [mask, address] : addresses) {
    low = b_.CreateOr(low, b_.CreateAnd(address, b_.getInt64(mask)));
  }
  return b_.CreateOr(missing, b_.CreateICmpNE(low, b_.getInt64(0)));
}

void ProgramEmitter::CheckArguments(const std::string& symbol,
                                    const std::vector<kernel::Step>& steps) {
  llvm::Function* checks = llvm::Function::Create(
      function_->getFunctionType(), llvm::GlobalValue::InternalLinkage, symbol + "_check", module_);
  SetFunctionAttributes(*checks, target_);
  EmitChecks(checks, steps);
  BasicBlock* refuse = NewBlock("refuse");
  BasicBlock* run = NewBlock("run");
  if (Value* needs_checks = NeedsChecks(steps)) {
    BasicBlock* check = NewBlock("check");
    b_.CreateCondBr(needs_checks, check, run);
    b_.SetInsertPoint(check);
  }
  Value* status = b_.CreateCall(checks, {frame_, thread_, threads_});
  b_.CreateCondBr(b_.CreateICmpEQ(status, b_.getInt32(TENON_OK)), run, refuse);
  b_.SetInsertPoint(refuse);
  b_.CreateRet(status);
  b_.SetInsertPoint(run);
}

// The checks in order; the first that fails is what the frame says, unless another thread was
// there before.
void ProgramEmitter::EmitChecks(llvm::Function* function, const std::vector<kernel::Step>& steps) {
  ProgramEmitter own(program_, target_, kernel_symbols_, module_);
  own.function_ = function;
  own.frame_ = function->getArg(0);
  own.thread_ = function->getArg(1);
  own.threads_ = function->getArg(2);
  Builder& b = own.b_;
  b.SetInsertPoint(own.NewBlock("entry"));
  BasicBlock* record = own.NewBlock("record");
  own.result_ = llvm::PHINode::Create(b.getInt32Ty(), 4, "status", record);
  own.refused_ = llvm::PHINode::Create(b.getInt64Ty(), 4, "value", record);
  own.LoadFrame();
  own.CheckThread();
  own.CheckExtents();
  own.CheckMemory(steps);
  own.CheckBindings(steps);
  b.CreateRet(b.getInt32(TENON_OK));

  b.SetInsertPoint(record);
  own.LeaveWith(own.result_, own.refused_);
}

// Returns with a status, which the frame takes note of where it is the first.
void ProgramEmitter::LeaveWith(Value* status, Value* value) {
  BasicBlock* first = NewBlock("first");
  BasicBlock* end = NewBlock("end");
  b_.CreateCondBr(SetFirstStatus(b_, target_, frame_, status), first, end);
  b_.SetInsertPoint(first);
  b_.CreateAlignedStore(b_.getInt32(-1), FieldPointer(b_, frame_, FrameField::kFaultSite),
                        llvm::Align(4));
  b_.CreateAlignedStore(value, FieldPointer(b_, frame_, FrameField::kFaultValue), llvm::Align(8));
  b_.CreateBr(end);
  b_.SetInsertPoint(end);
  b_.CreateRet(status);
}

// Linux gives the matrix registers of x86 to processes that ask for them, once for all threads. To
// ask again does no harm. No library is called: this is arch_prctl(ARCH_REQ_XCOMP_PERM, tile data).
void ProgramEmitter::RequestMatrixRegisters() {
  if (!target_.matrix_registers || !llvm::Triple(module_.getTargetTriple()).isOSLinux()) return;
  bool used = false;
  for (const kernel::Kernel& kernel : program_.kernels) {
    used = used || UsesMatrixRegisters(kernel, kernel.body);
  }
  if (!used) return;
  constexpr uint64_t kArchPrctl = 158, kRequestPermission = 0x1023, kTileData = 18;
  llvm::Type* i64 = b_.getInt64Ty();
  llvm::InlineAsm* call = llvm::InlineAsm::get(
      llvm::FunctionType::get(i64, {i64, i64, i64}, false), "syscall",
      "={ax},{ax},{di},{si},~{rcx},~{r11},~{memory},~{dirflag},~{fpsr},~{flags}", true);
  Value* error = b_.CreateCall(
      call, {b_.getInt64(kArchPrctl), b_.getInt64(kRequestPermission), b_.getInt64(kTileData)});
  BasicBlock* refuse = NewBlock("refuse");
  BasicBlock* given = NewBlock("given");
  b_.CreateCondBr(b_.CreateICmpNE(error, b_.getInt64(0)), refuse, given);
  b_.SetInsertPoint(refuse);
  LeaveWith(b_.getInt32(TENON_NO_REGISTERS), error);
  b_.SetInsertPoint(given);
}

}  // namespace tenon::codegen
