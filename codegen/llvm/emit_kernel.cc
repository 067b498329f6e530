// KernelEmitter: the function around a kernel, and control flow.
#include <llvm/IR/Constants.h>
#include <llvm/IR/Intrinsics.h>
#include <llvm/IR/IntrinsicsX86.h>

#include <algorithm>

#include "tenon/codegen/llvm/kernel_emitter.h"
#include "tenon/codegen/llvm/layouts.h"
#include "tenon/ir/check.h"

namespace tenon::codegen {

using kernel::Block;
using kernel::Instr;
using kernel::Op;
using kernel::ValueId;
using llvm::BasicBlock;
using llvm::Value;

namespace {

int64_t LocalBytes(const kernel::Local& local) { return local.size * ir::ByteSize(local.dtype); }

}  // namespace

KernelArguments::KernelArguments(const kernel::Kernel& kernel)
    : buffers(static_cast<int>(kernel.params.size())),
      symbols(static_cast<int>(kernel.symbols.size())) {
  for (const kernel::Local& local : kernel.locals) scratch |= LocalBytes(local) > kStackLocalBytes;
  VisitFaults(kernel.body, [this](const Instr&) { faults = true; });
}

llvm::FunctionType* KernelArguments::Type(llvm::LLVMContext& context) const {
  llvm::Type* pointer = llvm::PointerType::getUnqual(context);
  llvm::Type* i32 = llvm::Type::getInt32Ty(context);
  std::vector<llvm::Type*> types(buffers, pointer);
  types.insert(types.end(), symbols, llvm::Type::getInt64Ty(context));
  types.insert(types.end(), {i32, i32});
  if (scratch) types.push_back(pointer);
  if (faults) types.insert(types.end(), {pointer, pointer});
  return llvm::FunctionType::get(llvm::Type::getVoidTy(context), types, /*isVarArg=*/false);
}

void SetFunctionAttributes(llvm::Function& function, const TargetInfo& target) {
  function.addFnAttr("target-cpu", target.desc.cpu);
  if (!target.desc.features.empty()) function.addFnAttr("target-features", target.desc.features);
  function.addFnAttr("prefer-vector-width", std::to_string(target.desc.vector_bits));
  function.addFnAttr("min-legal-vector-width", std::to_string(target.desc.vector_bits));
  function.addFnAttr("no-builtins");
  function.addFnAttr(llvm::Attribute::NoUnwind);
  function.setDSOLocal(true);
}

void VisitFaults(const Block& block, const std::function<void(const Instr&)>& visit) {
  for (const Instr& instr : block.instrs) {
    if (instr.op == Op::kFault) visit(instr);
    for (const Block& nested : instr.blocks) VisitFaults(nested, visit);
  }
}

KernelEmitter::KernelEmitter(const kernel::Kernel& kernel, const TargetInfo& target, bool use_fma,
                             llvm::Module& module)
    : kernel_(kernel),
      target_(target),
      module_(module),
      context_(module.getContext()),
      b_(context_, llvm::TargetFolder(module.getDataLayout())),
      scalars_(b_, target, use_fma),
      definitions_(kernel),
      values_(kernel.types.size()),
      in_matrix_(target.matrix_registers ? FindMatrixValues(kernel, definitions_)
                                         : std::vector<bool>(kernel.types.size(), false)) {
  VisitFaults(kernel.body, [this](const Instr& instr) {
    fault_numbers_.emplace(&instr, static_cast<int>(fault_numbers_.size()));
  });
}

llvm::Function* KernelEmitter::Emit(const std::string& symbol) {
  EmitPrologue(symbol);
  EmitBlock(kernel_.body);
  b_.CreateRetVoid();
  return function_;
}

void KernelEmitter::EmitPrologue(const std::string& symbol) {
  const KernelArguments arguments(kernel_);
  function_ = llvm::Function::Create(arguments.Type(context_), llvm::GlobalValue::ExternalLinkage,
                                     symbol, module_);
  SetFunctionAttributes(*function_, target_);
  function_->setVisibility(llvm::GlobalValue::HiddenVisibility);
  llvm::Argument* arg = function_->arg_begin();
  for (const kernel::Param& param : kernel_.params) {
    if (param.no_alias) arg->addAttr(llvm::Attribute::NoAlias);
    if (!param.written) arg->addAttr(llvm::Attribute::ReadOnly);
    buffers_.push_back(arg++);
  }
  for (int i = 0; i < arguments.symbols; ++i) symbols_.push_back(arg++);
  thread_ = arg++;
  threads_ = arg++;
  if (arguments.scratch) scratch_ = arg++;
  if (arguments.faults) {
    frame_ = arg++;
    sites_ = arg++;
  }
  b_.SetInsertPoint(BasicBlock::Create(context_, "entry", function_));
  EmitLocals();
}

void KernelEmitter::EmitLocals() {
  int64_t scratch_offset = 0;
  for (const kernel::Local& local : kernel_.locals) {
    const int64_t bytes = LocalBytes(local);
    if (bytes > kStackLocalBytes) {
      buffers_.push_back(b_.CreateGEP(b_.getInt8Ty(), scratch_, b_.getInt64(scratch_offset)));
      scratch_offset += (bytes + 63) / 64 * 64;
    } else {
      llvm::AllocaInst* memory =
          b_.CreateAlloca(llvm::ArrayType::get(b_.getInt8Ty(), bytes > 0 ? bytes : 1));
      memory->setAlignment(llvm::Align(64));
      buffers_.push_back(memory);
    }
  }
}

BasicBlock* KernelEmitter::NewBlock(const char* name) {
  return BasicBlock::Create(context_, name, function_);
}

KernelEmitter::Tiles KernelEmitter::EmitBlock(const Block& block) {
  for (const Instr& instr : block.instrs) {
    if (instr.op == Op::kYield) {
      Tiles yielded;
      for (ValueId v : instr.args) yielded.push_back(values_[v.index]);
      return yielded;
    }
    EmitInstr(instr);
  }
  return {};
}

void KernelEmitter::EmitInstr(const Instr& instr) {
  const auto define = [&](Tile tile) { values_[instr.results[0].index] = std::move(tile); };
  switch (instr.op) {
    case Op::kScalar:
      return define(EmitScalarOp(instr));
    case Op::kConst:
      return define(EmitConst(instr));
    case Op::kSymbol: {
      Tile tile(1, 1, 1);
      tile.parts[0] = symbols_[instr.integer];
      return define(std::move(tile));
    }
    case Op::kIota:
      return define(EmitIota(instr));
    case Op::kSplat:
      return define(EmitSplat(instr));
    case Op::kLoad:
      return define(in_matrix_[instr.results[0].index] ? EmitMatrixLoad(instr) : EmitLoad(instr));
    case Op::kStore:
      return in_matrix_[instr.args[0].index] ? EmitMatrixStore(instr) : EmitStore(instr);
    case Op::kPrefetch:
      return EmitPrefetch(instr);
    case Op::kTileDot:
      return define(EmitTileDot(instr));
    case Op::kReduceLanes:
      return define(EmitReduceLanes(instr));
    case Op::kReduceRows:
      return define(EmitReduceRows(instr));
    case Op::kTranspose:
      return define(EmitTranspose(instr));
    case Op::kExtract:
      return define(EmitExtract(instr));
    case Op::kRow:
      return define(EmitRow(instr));
    case Op::kConcatRows:
      return define(EmitConcatRows(instr));
    case Op::kFor:
      return EmitFor(instr);
    case Op::kIf:
      return EmitIf(instr);
    case Op::kParallel:
      return EmitParallel(instr);
    case Op::kFault:
      return EmitFault(instr);
    case Op::kFence:
      return EmitFence();
    case Op::kYield:
      break;  // EmitBlock's
  }
  TENON_CHECK(false);
}

KernelEmitter::Tiles KernelEmitter::Merge(const Tiles& a, BasicBlock* from_a, const Tiles& b,
                                          BasicBlock* from_b) {
  Tiles merged = a;
  for (size_t i = 0; i < a.size(); ++i) {
    for (size_t p = 0; p < a[i].parts.size(); ++p) {
      llvm::PHINode* phi = b_.CreatePHI(a[i].parts[p]->getType(), 2);
      phi->addIncoming(a[i].parts[p], from_a);
      phi->addIncoming(b[i].parts[p], from_b);
      merged[i].parts[p] = phi;
    }
  }
  return merged;
}

KernelEmitter::Tiles KernelEmitter::EmitBody(const Instr& instr, Value* i, const Tiles& carried) {
  const Block& body = instr.blocks[0];
  Tile variable(1, 1, 1);
  variable.parts[0] = i;
  values_[body.params[0].index] = std::move(variable);
  for (size_t c = 0; c < carried.size(); ++c) values_[body.params[c + 1].index] = carried[c];
  return EmitBlock(body);
}

// How often the body of a loop is repeated: as asked for, short of bodies that keep the machine
// busy as they are: several of those take several times as long to compile. (A register tile's
// second step is worth that, and stands in the loop as the schedule writes it.)
int KernelEmitter::Copies(const Instr& instr) const {
  constexpr int kBusy = 64;
  int instructions = 1;
  for (const Instr& inner : instr.blocks[0].instrs) {
    if (!inner.blocks.empty()) return instr.unroll > 1 ? instr.unroll : 1;
    const ValueId shape = inner.op == Op::kStore  ? inner.args[0]
                          : inner.results.empty() ? ValueId{}
                                                  : inner.results[0];
    if (!shape.valid()) continue;
    const kernel::Type& type = kernel_.type(shape);
    const int pieces = (type.lanes + target_.PieceLanes() - 1) / target_.PieceLanes();
    instructions += type.rows * pieces;
  }
  return std::clamp(kBusy / instructions, 1, std::max(instr.unroll, 1));
}

void KernelEmitter::EmitFor(const Instr& instr) {
  Value* low = Scalar(instr.args[0]);
  Value* high = Scalar(instr.args[1]);
  Tiles carried;
  for (size_t c = 2; c < instr.args.size(); ++c) {
    const bool in_matrix = in_matrix_[instr.blocks[0].params[c - 1].index];
    carried.push_back(in_matrix ? MatrixTile(instr.args[c]) : values_[instr.args[c].index]);
  }

  const auto* constant_low = llvm::dyn_cast<llvm::ConstantInt>(low);
  const auto* constant_high = llvm::dyn_cast<llvm::ConstantInt>(high);
  const int64_t step = instr.integer;
  if (instr.unroll == 0 && constant_low != nullptr && constant_high != nullptr) {
    for (int64_t i = constant_low->getSExtValue(); i < constant_high->getSExtValue(); i += step) {
      carried = EmitBody(instr, b_.getInt64(i), carried);
    }
  } else {
    const int copies = Copies(instr);
    if (copies > 1) {
      // Whole groups of iterations first; what is left follows one at a time.
      Value* groups_end = b_.CreateSub(high, b_.getInt64((copies - 1) * step));
      low = EmitLoop(instr, low, groups_end, copies, &carried);
    }
    EmitLoop(instr, low, high, 1, &carried);
  }
  for (size_t r = 0; r < instr.results.size(); ++r) {
    values_[instr.results[r].index] = std::move(carried[r]);
  }
}

Value* KernelEmitter::EmitLoop(const Instr& instr, Value* low, Value* high, int copies,
                               Tiles* carried) {
  const int64_t step = instr.integer;
  // A loop whose trips are known not to happen, or to happen, needs no test before it.
  const auto* any = llvm::dyn_cast<llvm::ConstantInt>(b_.CreateICmpSLT(low, high));
  if (any != nullptr && any->isZero()) return low;
  BasicBlock* before = b_.GetInsertBlock();
  BasicBlock* preheader = NewBlock("preheader");
  BasicBlock* header = NewBlock("loop");
  BasicBlock* exit = BasicBlock::Create(context_, "done");
  if (any != nullptr) {
    b_.CreateBr(preheader);
  } else {
    b_.CreateCondBr(b_.CreateICmpSLT(low, high), preheader, exit);
  }
  b_.SetInsertPoint(preheader);
  b_.CreateBr(header);

  b_.SetInsertPoint(header);
  llvm::PHINode* i = b_.CreatePHI(b_.getInt64Ty(), 2, "i");
  i->addIncoming(low, preheader);
  Tiles current = *carried;
  std::vector<llvm::PHINode*> phis;
  for (Tile& tile : current) {
    for (Value*& part : tile.parts) {
      llvm::PHINode* phi = b_.CreatePHI(part->getType(), 2);
      phi->addIncoming(part, preheader);
      part = phi;
      phis.push_back(phi);
    }
  }
  LoopAddresses addresses(kernel_, definitions_, values_, b_, instr, preheader, header, low,
                          target_.x86 ? i : nullptr, step * copies);
  LoopAddresses* around = loop_;
  const auto innermost = definitions_.innermost.find(&instr);
  loop_ = innermost != definitions_.innermost.end() && innermost->second ? &addresses : nullptr;
  for (int copy = 0; copy < copies; ++copy) {
    addresses.SetCopyOffset(copy * step);
    Value* variable = copy == 0 ? i : b_.CreateAdd(i, b_.getInt64(copy * step));
    current = EmitBody(instr, variable, current);
  }
  loop_ = around;

  BasicBlock* latch = b_.GetInsertBlock();
  addresses.Close(latch);
  Value* next = b_.CreateAdd(i, b_.getInt64(step * copies));
  i->addIncoming(next, latch);
  size_t p = 0;
  for (Tile& tile : current) {
    for (Value* part : tile.parts) phis[p++]->addIncoming(part, latch);
  }
  b_.CreateCondBr(b_.CreateICmpSLT(next, high), header, exit);
  exit->insertInto(function_);
  b_.SetInsertPoint(exit);
  if (any != nullptr) {
    *carried = std::move(current);
    return next;
  }
  llvm::PHINode* end = b_.CreatePHI(b_.getInt64Ty(), 2);
  end->addIncoming(low, before);
  end->addIncoming(next, latch);
  *carried = Merge(*carried, before, current, latch);
  return end;
}

void KernelEmitter::EmitIf(const Instr& instr) {
  BasicBlock* if_true = NewBlock("then");
  BasicBlock* if_false = BasicBlock::Create(context_, "else");
  BasicBlock* end = BasicBlock::Create(context_, "endif");
  b_.CreateCondBr(Scalar(instr.args[0]), if_true, if_false);
  const auto branch = [&](BasicBlock* entry, size_t block) {
    b_.SetInsertPoint(entry);
    Tiles yielded = block < instr.blocks.size() ? EmitBlock(instr.blocks[block]) : Tiles();
    for (size_t r = 0; r < instr.results.size(); ++r) {
      if (!in_matrix_[instr.results[r].index]) continue;
      yielded[r] = MatrixTile(instr.blocks[block].instrs.back().args[r]);
    }
    BasicBlock* last = b_.GetInsertBlock();
    b_.CreateBr(end);
    return std::make_pair(std::move(yielded), last);
  };
  const auto [from_true, true_end] = branch(if_true, 0);
  if_false->insertInto(function_);
  const auto [from_false, false_end] = branch(if_false, 1);
  end->insertInto(function_);
  b_.SetInsertPoint(end);
  if (instr.results.empty()) return;
  Tiles merged = Merge(from_true, true_end, from_false, false_end);
  for (size_t r = 0; r < instr.results.size(); ++r) {
    values_[instr.results[r].index] = std::move(merged[r]);
  }
}

// Thread t of T takes the chunks from t*n/T to (t+1)*n/T.
void KernelEmitter::EmitParallel(const Instr& instr) {
  Value* chunks = Scalar(instr.args[0]);
  Value *low = b_.getInt64(0), *high = chunks;
  const auto* count = llvm::dyn_cast<llvm::ConstantInt>(chunks);
  if (target_.desc.max_threads == 1) {
    // All of them.
  } else if (count != nullptr && count->isOne()) {
    // The last thread's, and no division, which takes as long as a small kernel's loads.
    Value* last = b_.CreateICmpEQ(b_.CreateAdd(thread_, b_.getInt32(1)), threads_);
    high = b_.CreateZExt(last, b_.getInt64Ty());
  } else {
    Value* thread = b_.CreateZExt(thread_, b_.getInt64Ty());
    Value* threads = b_.CreateZExt(threads_, b_.getInt64Ty());
    low = b_.CreateUDiv(b_.CreateMul(thread, chunks), threads);
    high = b_.CreateUDiv(b_.CreateMul(b_.CreateAdd(thread, b_.getInt64(1)), chunks), threads);
  }
  BasicBlock* before = b_.GetInsertBlock();
  BasicBlock* body = NewBlock("chunk");
  BasicBlock* end = BasicBlock::Create(context_, "chunks_done");
  b_.CreateCondBr(b_.CreateICmpSLT(low, high), body, end);
  b_.SetInsertPoint(body);
  llvm::PHINode* chunk = b_.CreatePHI(b_.getInt64Ty(), 2, "chunk");
  chunk->addIncoming(low, before);
  Tile variable(1, 1, 1);
  variable.parts[0] = chunk;
  values_[instr.blocks[0].params[0].index] = std::move(variable);
  EmitBlock(instr.blocks[0]);
  Value* next = b_.CreateAdd(chunk, b_.getInt64(1));
  chunk->addIncoming(next, b_.GetInsertBlock());
  b_.CreateCondBr(b_.CreateICmpSLT(next, high), body, end);
  end->insertInto(function_);
  b_.SetInsertPoint(end);
}

// The out-of-line part of a fault: the first one stores itself into the frame.
llvm::Function* KernelEmitter::FaultFunction() {
  if (fault_function_ != nullptr) return fault_function_;
  llvm::Type* i32 = b_.getInt32Ty();
  llvm::Type* pointer = b_.getPtrTy();
  auto* type = llvm::FunctionType::get(b_.getVoidTy(), {pointer, i32, i32, b_.getInt64Ty()}, false);
  fault_function_ =
      llvm::Function::Create(type, llvm::GlobalValue::InternalLinkage, "record_fault", module_);
  SetFunctionAttributes(*fault_function_, target_);
  fault_function_->addFnAttr(llvm::Attribute::NoInline);
  fault_function_->addFnAttr(llvm::Attribute::Cold);
  llvm::IRBuilderBase::InsertPointGuard guard(b_);
  Value* frame = fault_function_->getArg(0);
  BasicBlock* entry = BasicBlock::Create(context_, "entry", fault_function_);
  BasicBlock* first = BasicBlock::Create(context_, "first", fault_function_);
  BasicBlock* end = BasicBlock::Create(context_, "end", fault_function_);
  b_.SetInsertPoint(entry);
  Value* is_first = SetFirstStatus(b_, target_, frame, fault_function_->getArg(1));
  b_.CreateCondBr(is_first, first, end);
  b_.SetInsertPoint(first);
  b_.CreateAlignedStore(fault_function_->getArg(2), FieldPointer(b_, frame, FrameField::kFaultSite),
                        llvm::Align(4));
  b_.CreateAlignedStore(fault_function_->getArg(3),
                        FieldPointer(b_, frame, FrameField::kFaultValue), llvm::Align(8));
  b_.CreateBr(end);
  b_.SetInsertPoint(end);
  b_.CreateRetVoid();
  return fault_function_;
}

void KernelEmitter::EmitFault(const Instr& instr) {
  const int number = fault_numbers_.at(&instr);
  const Tile& condition = values_[instr.args[0].index];
  const Tile& value = values_[instr.args[1].index];
  for (int row = 0; row < condition.rows; ++row) {
    for (int piece = 0; piece < condition.pieces(); ++piece) {
      Value* lanes = condition.Part(row, piece);
      Value* found = value.At(row, piece);
      Value* any = lanes;
      const int count = condition.LanesOf(piece);
      if (count > 1) any = b_.CreateOrReduce(lanes);
      BasicBlock* fault = NewBlock("fault");
      BasicBlock* end = NewBlock("no_fault");
      b_.CreateCondBr(any, fault, end);
      b_.SetInsertPoint(fault);
      if (found->getType()->isVectorTy()) {
        Value* bits = b_.CreateBitCast(lanes, b_.getIntNTy(count));
        Value* first = b_.CreateBinaryIntrinsic(llvm::Intrinsic::cttz, bits, b_.getTrue());
        found = b_.CreateExtractElement(found, b_.CreateZExtOrTrunc(first, b_.getInt64Ty()));
      }
      Value* site = b_.CreateAlignedLoad(b_.getInt32Ty(),
                                         b_.CreateGEP(b_.getInt32Ty(), sites_, b_.getInt64(number)),
                                         llvm::Align(4));
      b_.CreateCall(FaultFunction(),
                    {frame_, b_.getInt32(static_cast<uint32_t>(instr.integer)), site, found});
      b_.CreateBr(end);
      b_.SetInsertPoint(end);
    }
  }
}

// Only x86's non-temporal stores are weakly ordered there; elsewhere a release fence covers them.
void KernelEmitter::EmitFence() {
  if (target_.x86) {
    b_.CreateIntrinsic(llvm::Intrinsic::x86_sse_sfence, {});
  } else if (target_.desc.max_threads > 1) {
    b_.CreateFence(llvm::AtomicOrdering::SequentiallyConsistent);
  }
}

}  // namespace tenon::codegen
