// ProgramEmitter: entries and their steps.
#include <llvm/IR/Constants.h>
#include <llvm/IR/Intrinsics.h>
#include <llvm/TargetParser/Triple.h>

#include "tenon/codegen/artifact.h"
#include "tenon/codegen/llvm/kernel_emitter.h"
#include "tenon/codegen/llvm/layouts.h"
#include "tenon/codegen/llvm/program_emitter.h"
#include "tenon/ir/check.h"

namespace tenon::codegen {

using kernel::BufferKind;
using kernel::Step;
using llvm::BasicBlock;
using llvm::Value;

ProgramEmitter::ProgramEmitter(const kernel::Program& program, const TargetInfo& target,
                               std::vector<std::string> kernel_symbols, llvm::Module& module)
    : program_(program),
      target_(target),
      kernel_symbols_(std::move(kernel_symbols)),
      module_(module),
      context_(module.getContext()),
      b_(context_, llvm::TargetFolder(module.getDataLayout())) {}

BasicBlock* ProgramEmitter::NewBlock(const char* name) {
  return BasicBlock::Create(context_, name, function_);
}

void ProgramEmitter::EmitEntry(const std::string& symbol, const std::vector<Step>& steps, Runs runs,
                               EntryClocks clocks) {
  llvm::Type* i32 = b_.getInt32Ty();
  auto* type = llvm::FunctionType::get(i32, {b_.getPtrTy(), i32, i32}, false);
  function_ = llvm::Function::Create(type, llvm::GlobalValue::ExternalLinkage, symbol, module_);
  SetFunctionAttributes(*function_, target_);
  frame_ = function_->getArg(0);
  thread_ = function_->getArg(1);
  threads_ = function_->getArg(2);
  moving_.clear();
  environment_.clear();
  clock_row_ = event_row_ = nullptr;

  b_.SetInsertPoint(NewBlock("entry"));
  passed_ = StartPassed();
  if (runs == Runs::kOne) RequestMatrixRegisters();
  if (steps.empty()) {
    b_.CreateRet(b_.getInt32(TENON_OK));
    return;
  }
  leave_ = BasicBlock::Create(context_, "leave");
  result_ = llvm::PHINode::Create(i32, 4, "result", leave_);
  last_run_ = llvm::PHINode::Create(b_.getInt64Ty(), 4, "last_run", leave_);
  run_ = b_.getInt64(0);
  LoadFrame();
  CheckArguments(symbol, steps);
  SetFloatingPointControl();
  if (clocks.on) StartClocks(clocks.events);
  switch (runs) {
    case Runs::kOne:
      EmitSteps(steps);
      break;
    case Runs::kMany:
      EmitRuns(steps);
      break;
  }
  Value* status =
      b_.CreateAlignedLoad(i32, FieldPointer(b_, frame_, FrameField::kStatus), llvm::Align(4));
  Leave(status);
  leave_->insertInto(function_);
  b_.SetInsertPoint(leave_);
  RestoreFloatingPointControl();
  // All threads leave with the same run: one of them says which.
  BasicBlock* first = NewBlock("first");
  BasicBlock* end = NewBlock("end");
  b_.CreateCondBr(b_.CreateICmpEQ(thread_, b_.getInt32(0)), first, end);
  b_.SetInsertPoint(first);
  b_.CreateAlignedStore(last_run_, FieldPointer(b_, frame_, FrameField::kRun), llvm::Align(8));
  b_.CreateBr(end);
  b_.SetInsertPoint(end);
  b_.CreateRet(result_);
}

// Whether a binding's buffer moves from run to run.
bool ProgramEmitter::Moves(const kernel::Binding& binding) {
  return binding.is_output ? binding.donated_input < 0 : binding.kind == ir::InputKind::kInput;
}

// The steps, `runs` times. No thread begins a run before all have ended the one before: nothing is
// known here of which buffers the two of them share.
void ProgramEmitter::EmitRuns(const std::vector<Step>& steps) {
  llvm::Type* i64 = b_.getInt64Ty();
  std::map<int, Value*> first;
  for (int buffer : BindingBuffers(steps)) {
    const int binding = program_.buffers[buffer].binding;
    if (Moves(program_.bindings[binding])) first[binding] = LoadPointer(b_, table_, binding);
  }
  BasicBlock* before = b_.GetInsertBlock();
  BasicBlock* head = NewBlock("run_again");
  b_.CreateBr(head);
  b_.SetInsertPoint(head);
  llvm::PHINode* run = b_.CreatePHI(i64, 2);
  run->addIncoming(b_.getInt64(0), before);
  for (const auto& [binding, pointer] : first) {
    llvm::PHINode* moved = b_.CreatePHI(b_.getPtrTy(), 2);
    moved->addIncoming(pointer, before);
    moving_[binding] = moved;
  }
  run_ = run;
  EmitSteps(steps);

  // What one run alone has no need of is read behind it, and what it is done with is not kept: a
  // small program's time is such loads and spills.
  Value* next = b_.CreateAdd(run, b_.getInt64(1));
  Value* asked =
      b_.CreateAlignedLoad(i64, FieldPointer(b_, frame_, FrameField::kRuns), llvm::Align(8));
  BasicBlock* turn = NewBlock("turn");
  BasicBlock* done = BasicBlock::Create(context_, "done");
  b_.CreateCondBr(b_.CreateICmpSLT(next, asked), turn, done);
  b_.SetInsertPoint(turn);
  EmitBarrier();
  Value* strides = LoadPointer(b_, FieldPointer(b_, frame_, FrameField::kStrides));
  Value* table = LoadPointer(b_, FieldPointer(b_, frame_, FrameField::kBuffers));
  for (const auto& [binding, moved] : moving_) {
    Value* stride = b_.CreateAlignedLoad(
        i64, FieldPointer(b_, strides, 8 * static_cast<size_t>(binding)), llvm::Align(8));
    Value* pointer =
        b_.CreateGEP(b_.getInt8Ty(), LoadPointer(b_, table, binding), b_.CreateMul(next, stride));
    moved->addIncoming(pointer, b_.GetInsertBlock());
  }
  run->addIncoming(next, b_.GetInsertBlock());
  b_.CreateBr(head);
  done->insertInto(function_);
  b_.SetInsertPoint(done);
}

void ProgramEmitter::CollectBuffers(const std::vector<Step>& steps, std::set<int>* buffers) const {
  for (const Step& step : steps) {
    switch (step.kind) {
      case Step::Kind::kLaunch:
        for (const kernel::BufferArg& arg : step.launch.args) buffers->insert(arg.buffer);
        break;
      case Step::Kind::kBarrier:
        break;
      case Step::Kind::kRepeat:
        CollectBuffers(step.repeat.body, buffers);
        break;
      case Step::Kind::kWhile:
        buffers->insert(step.loop.predicate);
        CollectBuffers(step.loop.condition, buffers);
        CollectBuffers(step.loop.body, buffers);
        break;
      case Step::Kind::kBranch:
        buffers->insert(step.branch.predicate);
        CollectBuffers(step.branch.if_true, buffers);
        CollectBuffers(step.branch.if_false, buffers);
        break;
    }
  }
}

void ProgramEmitter::LoadFrame() {
  const auto load = [&](FrameField field) {
    return LoadPointer(b_, FieldPointer(b_, frame_, field));
  };
  if (!program_.symbols.empty()) {
    Value* extents = load(FrameField::kExtents);
    for (size_t i = 0; i < program_.symbols.size(); ++i) {
      environment_[program_.symbols[i].name] =
          b_.CreateAlignedLoad(b_.getInt64Ty(), FieldPointer(b_, extents, 8 * i), llvm::Align(8));
    }
  }
  arena_ = load(FrameField::kArena);
  prepared_ = load(FrameField::kPrepared);
  // Each thread's scratch memory follows the arena.
  Value* offset =
      b_.CreateMul(b_.CreateZExt(thread_, b_.getInt64Ty()), b_.getInt64(program_.scratch_bytes));
  Value* arena_end = b_.getInt64((program_.arena_bytes + 63) / 64 * 64);
  scratch_ = b_.CreateGEP(b_.getInt8Ty(), arena_, b_.CreateAdd(offset, arena_end));

  if (!program_.bindings.empty()) table_ = load(FrameField::kBuffers);
}

void ProgramEmitter::EmitSteps(const std::vector<Step>& steps) {
  for (const Step& step : steps) {
    switch (step.kind) {
      case Step::Kind::kLaunch:
        EmitLaunch(step.launch);
        EmitClock();
        break;
      case Step::Kind::kBarrier:
        EmitBarrier();
        EmitClock();
        break;
      case Step::Kind::kRepeat:
        EmitRepeat(step.repeat);
        break;
      case Step::Kind::kWhile:
        EmitWhile(step.loop);
        break;
      case Step::Kind::kBranch:
        EmitBranch(step.branch);
        break;
    }
  }
}

Value* ProgramEmitter::ReadCounter() {
  // AArch64's cycle counter is not for user programs; its steady one is.
  const llvm::Intrinsic::ID counter = llvm::Triple(module_.getTargetTriple()).isX86()
                                          ? llvm::Intrinsic::readcyclecounter
                                          : llvm::Intrinsic::readsteadycounter;
  return b_.CreateIntrinsic(b_.getInt64Ty(), counter, {});
}

void ProgramEmitter::StartClocks(int64_t events) {
  Value* table = LoadPointer(b_, FieldPointer(b_, frame_, FrameField::kBuffers));
  Value* clocks = LoadPointer(b_, table, static_cast<int>(program_.bindings.size()));
  const auto row = [&](Value* rows, Value* number, int64_t entries) {
    return b_.CreateGEP(b_.getInt8Ty(), rows,
                        b_.CreateMul(b_.CreateZExt(number, b_.getInt64Ty()),
                                     b_.getInt64(static_cast<uint64_t>(8 * entries))));
  };
  const int64_t slots = ClockSlots(program_);
  clock_row_ = row(clocks, thread_, slots);
  events_ = events;
  if (events > 0) event_row_ = row(row(clocks, threads_, slots), thread_, 1 + 2 * events);
  Value* now = ReadCounter();
  b_.CreateAlignedStore(now, clock_row_, llvm::Align(8));
  NoteEvent(0, now);
  next_clock_ = 1;
}

// Where there is no room left, the last pair is written again: no branch, and nothing is lost that
// would have been kept.
void ProgramEmitter::NoteEvent(int slot, Value* now) {
  if (event_row_ == nullptr) return;
  llvm::Type* i64 = b_.getInt64Ty();
  Value* noted = b_.CreateAlignedLoad(i64, event_row_, llvm::Align(8));
  Value* last = b_.getInt64(static_cast<uint64_t>(events_ - 1));
  Value* at = b_.CreateSelect(b_.CreateICmpULT(noted, last), noted, last);
  Value* pair = b_.CreateGEP(b_.getInt8Ty(), event_row_,
                             b_.CreateAdd(b_.CreateMul(at, b_.getInt64(16)), b_.getInt64(8)));
  b_.CreateAlignedStore(b_.getInt64(static_cast<uint64_t>(slot)), pair, llvm::Align(8));
  b_.CreateAlignedStore(now, FieldPointer(b_, pair, size_t{8}), llvm::Align(8));
  b_.CreateAlignedStore(b_.CreateAdd(noted, b_.getInt64(1)), event_row_, llvm::Align(8));
}

void ProgramEmitter::EmitClock() {
  if (clock_row_ == nullptr) return;
  Value* now = ReadCounter();
  NoteEvent(next_clock_, now);
  Value* slot = FieldPointer(b_, clock_row_, 8 * static_cast<size_t>(next_clock_++));
  Value* last = b_.CreateAlignedLoad(b_.getInt64Ty(), clock_row_, llvm::Align(8));
  Value* sum = b_.CreateAlignedLoad(b_.getInt64Ty(), slot, llvm::Align(8));
  b_.CreateAlignedStore(b_.CreateAdd(sum, b_.CreateSub(now, last)), slot, llvm::Align(8));
  b_.CreateAlignedStore(now, clock_row_, llvm::Align(8));
}

void ProgramEmitter::Leave(Value* status) {
  result_->addIncoming(status, b_.GetInsertBlock());
  last_run_->addIncoming(run_, b_.GetInsertBlock());
  b_.CreateBr(leave_);
}

void ProgramEmitter::LeaveUnlessOk(Value* status) {
  BasicBlock* next = NewBlock("next");
  result_->addIncoming(status, b_.GetInsertBlock());
  last_run_->addIncoming(run_, b_.GetInsertBlock());
  b_.CreateCondBr(b_.CreateICmpEQ(status, b_.getInt32(TENON_OK)), next, leave_);
  b_.SetInsertPoint(next);
}

// Polynomials over symbols and loop variables; atoms may be floor divisions.
Value* ProgramEmitter::DimValue(const ir::Dim& dim) {
  Value* sum = b_.getInt64(static_cast<uint64_t>(dim.constant_term()));
  for (const ir::Dim::Term& term : dim.terms()) {
    Value* product = b_.getInt64(static_cast<uint64_t>(term.coefficient));
    for (const ir::Dim::Atom& atom : term.factors) {
      Value* factor = nullptr;
      if (!atom.symbol.empty()) {
        const auto found = environment_.find(atom.symbol);
        TENON_CHECK(found != environment_.end());
        factor = found->second;
      } else {
        const ir::Dim numerator = atom.Numerator();
        Value* n = DimValue(numerator);
        Value* d = b_.getInt64(static_cast<uint64_t>(atom.divisor));
        const std::optional<int64_t> low = numerator.LowerBound();
        if (low.has_value() && *low >= 0) {
          factor = b_.CreateUDiv(n, d);
        } else {
          // Truncation rounds up where there is a rest and the numerator is negative.
          Value* negative_rest = b_.CreateICmpSLT(b_.CreateSRem(n, d), b_.getInt64(0));
          factor = b_.CreateSub(b_.CreateSDiv(n, d), b_.CreateZExt(negative_rest, b_.getInt64Ty()));
        }
      }
      product = b_.CreateMul(product, factor);
    }
    sum = b_.CreateAdd(sum, product);
  }
  return sum;
}

Value* ProgramEmitter::ConstantPointer(int buffer) {
  llvm::GlobalVariable*& global = constants_[buffer];
  if (global == nullptr) {
    const kernel::Buffer& info = program_.buffers[buffer];
    const auto* bytes = reinterpret_cast<const char*>(info.literal.bytes());
    llvm::Constant* data = llvm::ConstantDataArray::getRaw(
        llvm::StringRef(bytes, info.literal.byte_size()), info.literal.byte_size(), b_.getInt8Ty());
    global = new llvm::GlobalVariable(module_, data->getType(), /*isConstant=*/true,
                                      llvm::GlobalValue::PrivateLinkage, data, "constant");
    global->setAlignment(llvm::Align(64));
  }
  return global;
}

Value* ProgramEmitter::BufferPointer(int buffer) {
  const kernel::Buffer& info = program_.buffers[buffer];
  switch (info.kind) {
    case BufferKind::kBinding: {
      // Loaded where it is used: hundreds of pointers that live all through the entry would only be
      // spilled, and cost the register allocator more than all the rest.
      const auto moving = moving_.find(info.binding);
      return moving != moving_.end() ? moving->second : LoadPointer(b_, table_, info.binding);
    }
    case BufferKind::kConstant:
      return ConstantPointer(buffer);
    case BufferKind::kArena:
      return b_.CreateGEP(b_.getInt8Ty(), arena_, b_.getInt64(info.offset));
    case BufferKind::kPrepared:
      return b_.CreateGEP(b_.getInt8Ty(), prepared_, b_.getInt64(info.offset));
  }
  TENON_CHECK(false);
}

Value* ProgramEmitter::SitesOf(int kernel) {
  llvm::Constant*& table = sites_[kernel];
  if (table == nullptr) {
    std::vector<uint32_t> sites;
    VisitFaults(program_.kernels[kernel].body, [&](const kernel::Instr& instr) {
      sites.push_back(static_cast<uint32_t>(instr.site));
    });
    llvm::Constant* data = llvm::ConstantDataArray::get(context_, sites);
    table = new llvm::GlobalVariable(module_, data->getType(), /*isConstant=*/true,
                                     llvm::GlobalValue::PrivateLinkage, data, "sites");
  }
  return table;
}

void ProgramEmitter::EmitLaunch(const kernel::Launch& launch) {
  const kernel::Kernel& kernel = program_.kernels[launch.kernel];
  std::vector<Value*> args;
  for (const kernel::BufferArg& arg : launch.args) {
    const int64_t bytes = ir::ByteSize(program_.buffers[arg.buffer].dtype);
    Value* offset = b_.CreateMul(DimValue(arg.offset), b_.getInt64(bytes));
    args.push_back(b_.CreateGEP(b_.getInt8Ty(), BufferPointer(arg.buffer), offset));
  }
  for (const ir::Dim& symbol : launch.symbols) args.push_back(DimValue(symbol));
  const KernelArguments arguments(kernel);
  args.insert(args.end(), {thread_, threads_});
  if (arguments.scratch) args.push_back(scratch_);
  if (arguments.faults) args.insert(args.end(), {frame_, SitesOf(launch.kernel)});
  const std::string& symbol = kernel_symbols_[launch.kernel];
  llvm::Function* function = module_.getFunction(symbol);
  if (function == nullptr) {
    function = llvm::Function::Create(arguments.Type(context_), llvm::GlobalValue::ExternalLinkage,
                                      symbol, module_);
    function->setVisibility(llvm::GlobalValue::HiddenVisibility);
    function->setDSOLocal(true);
    function->addFnAttr(llvm::Attribute::NoUnwind);
  }
  b_.CreateCall(function, args);
}

void ProgramEmitter::EmitRepeat(const kernel::Repeat& repeat) {
  Value* trips = DimValue(repeat.trip_count);
  BasicBlock* before = b_.GetInsertBlock();
  BasicBlock* body = NewBlock("repeat");
  BasicBlock* end = BasicBlock::Create(context_, "repeated");
  b_.CreateCondBr(b_.CreateICmpSGT(trips, b_.getInt64(0)), body, end);
  b_.SetInsertPoint(body);
  llvm::PHINode* count = b_.CreatePHI(b_.getInt64Ty(), 2);
  count->addIncoming(b_.getInt64(0), before);
  Value* next = b_.CreateAdd(count, b_.getInt64(1));
  Value*& variable = environment_[repeat.variable];
  Value* shadowed = variable;
  variable = repeat.reverse ? b_.CreateSub(trips, next) : static_cast<Value*>(count);
  EmitSteps(repeat.body);
  environment_[repeat.variable] = shadowed;
  count->addIncoming(next, b_.GetInsertBlock());
  b_.CreateCondBr(b_.CreateICmpSLT(next, trips), body, end);
  end->insertInto(function_);
  b_.SetInsertPoint(end);
}

// Every thread reads the predicate for itself, behind the barrier that ends what computes it.
Value* ProgramEmitter::EmitPredicate(int buffer) {
  Value* byte = b_.CreateAlignedLoad(b_.getInt8Ty(), BufferPointer(buffer), llvm::Align(1));
  return b_.CreateICmpNE(byte, b_.getInt8(0));
}

void ProgramEmitter::EmitWhile(const kernel::WhileLoop& loop) {
  BasicBlock* condition = NewBlock("while");
  BasicBlock* body = BasicBlock::Create(context_, "do");
  BasicBlock* end = BasicBlock::Create(context_, "done");
  b_.CreateBr(condition);
  b_.SetInsertPoint(condition);
  EmitSteps(loop.condition);
  b_.CreateCondBr(EmitPredicate(loop.predicate), body, end);
  body->insertInto(function_);
  b_.SetInsertPoint(body);
  EmitSteps(loop.body);
  b_.CreateBr(condition);
  end->insertInto(function_);
  b_.SetInsertPoint(end);
}

void ProgramEmitter::EmitBranch(const kernel::Branch& branch) {
  BasicBlock* if_true = NewBlock("if_true");
  BasicBlock* if_false = BasicBlock::Create(context_, "if_false");
  BasicBlock* end = BasicBlock::Create(context_, "endif");
  b_.CreateCondBr(EmitPredicate(branch.predicate), if_true, if_false);
  b_.SetInsertPoint(if_true);
  EmitSteps(branch.if_true);
  b_.CreateBr(end);
  if_false->insertInto(function_);
  b_.SetInsertPoint(if_false);
  EmitSteps(branch.if_false);
  b_.CreateBr(end);
  end->insertInto(function_);
  b_.SetInsertPoint(end);
}

}  // namespace tenon::codegen
