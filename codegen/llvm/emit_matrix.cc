// KernelEmitter: products of tiles, on matrix registers where the target has them.
//
// The registers are LLVM's to allocate (type x86_amx): it configures them before the first use,
// releases them when the function returns, and keeps what a loop carries in place.
#include <llvm/IR/Constants.h>
#include <llvm/IR/DerivedTypes.h>
#include <llvm/IR/IntrinsicsX86.h>

#include "absl/strings/str_cat.h"
#include "tenon/codegen/llvm/kernel_emitter.h"

namespace tenon::codegen {

using kernel::Instr;
using kernel::MemRef;
using kernel::ValueId;
using llvm::BasicBlock;
using llvm::Value;

bool UsesMatrixRegisters(const kernel::Kernel& kernel, const kernel::Block& block) {
  for (const Instr& instr : block.instrs) {
    if (instr.op == kernel::Op::kTileDot && FitsMatrixRegisters(kernel, instr)) return true;
    for (const kernel::Block& inner : instr.blocks) {
      if (UsesMatrixRegisters(kernel, inner)) return true;
    }
  }
  return false;
}

namespace {

Tile InRegister(Value* matrix) {
  Tile tile(1, 1, 1);
  tile.parts[0] = matrix;
  return tile;
}

bool IsZero(const Tile& tile) {
  for (Value* part : tile.parts) {
    const auto* constant = llvm::dyn_cast<llvm::Constant>(part);
    if (constant == nullptr || !constant->isNullValue()) return false;
  }
  return true;
}

}  // namespace

Value* KernelEmitter::StackMemory(int64_t bytes) {
  llvm::IRBuilderBase::InsertPointGuard guard(b_);
  BasicBlock& entry = function_->getEntryBlock();
  b_.SetInsertPoint(&entry, entry.begin());
  llvm::AllocaInst* memory = b_.CreateAlloca(llvm::ArrayType::get(b_.getInt8Ty(), bytes));
  memory->setAlignment(llvm::Align(64));
  return memory;
}

// Stores the tile's rows one behind the other.
void KernelEmitter::Spill(const Tile& tile, kernel::DType dtype, Value* memory) {
  const int64_t bytes = ir::ByteSize(dtype);
  for (int row = 0; row < tile.rows; ++row) {
    for (int piece = 0; piece < tile.pieces(); ++piece) {
      const int64_t at = (int64_t{row} * tile.lanes + int64_t{piece} * tile.piece_lanes) * bytes;
      b_.CreateAlignedStore(tile.Part(row, piece),
                            b_.CreateGEP(b_.getInt8Ty(), memory, b_.getInt64(at)),
                            llvm::Align(bytes));
    }
  }
}

Tile KernelEmitter::Reload(const kernel::Type& type, Value* memory) {
  const int64_t bytes = ir::ByteSize(type.dtype);
  Tile tile = NewTile(type);
  for (int row = 0; row < tile.rows; ++row) {
    for (int piece = 0; piece < tile.pieces(); ++piece) {
      const int64_t at = (int64_t{row} * tile.lanes + int64_t{piece} * tile.piece_lanes) * bytes;
      tile.Part(row, piece) = b_.CreateAlignedLoad(
          RegisterType(context_, type.dtype, tile.LanesOf(piece)),
          b_.CreateGEP(b_.getInt8Ty(), memory, b_.getInt64(at)), llvm::Align(bytes));
    }
  }
  return tile;
}

// Memory on its way between vectors and a matrix register.
Value* KernelEmitter::MatrixMemory() {
  if (matrix_memory_ == nullptr) matrix_memory_ = StackMemory(kMatrixRows * kMatrixRowBytes);
  return matrix_memory_;
}

Value* KernelEmitter::LoadMatrix(Value* pointer, Value* row_bytes) {
  return b_.CreateIntrinsic(
      llvm::Intrinsic::x86_tileloadd64_internal, {},
      {b_.getInt16(kMatrixRows), b_.getInt16(kMatrixRowBytes), pointer, row_bytes});
}

void KernelEmitter::StoreMatrix(Value* matrix, Value* pointer, Value* row_bytes) {
  b_.CreateIntrinsic(
      llvm::Intrinsic::x86_tilestored64_internal, {},
      {b_.getInt16(kMatrixRows), b_.getInt16(kMatrixRowBytes), pointer, row_bytes, matrix});
}

Value* KernelEmitter::Matrix(ValueId v) {
  const Tile& tile = values_[v.index];
  if (in_matrix_[v.index]) return tile.parts[0];
  if (IsZero(tile)) {
    return b_.CreateIntrinsic(llvm::Intrinsic::x86_tilezero_internal, {},
                              {b_.getInt16(kMatrixRows), b_.getInt16(kMatrixRowBytes)});
  }
  Spill(tile, kernel_.type(v).dtype, MatrixMemory());
  return LoadMatrix(MatrixMemory(), b_.getInt64(kMatrixRowBytes));
}

Tile KernelEmitter::MatrixTile(ValueId v) { return InRegister(Matrix(v)); }

// Bytes from one row to the next.
Value* KernelEmitter::RowBytes(const MemRef& mem) {
  const int64_t bytes = ir::ByteSize(BufferType(mem.buffer));
  Value* product = loop_ == nullptr ? nullptr : loop_->InvariantProduct(mem.row_stride, bytes);
  return product != nullptr ? product : b_.CreateMul(Scalar(mem.row_stride), b_.getInt64(bytes));
}

Tile KernelEmitter::EmitMatrixLoad(const Instr& instr) {
  return InRegister(LoadMatrix(BasePointer(instr.mem), RowBytes(instr.mem)));
}

void KernelEmitter::EmitMatrixStore(const Instr& instr) {
  StoreMatrix(Matrix(instr.args[0]), BasePointer(instr.mem), RowBytes(instr.mem));
}

Tile KernelEmitter::EmitTileDot(const Instr& instr) {
  const ValueId result = instr.results[0];
  if (!target_.matrix_registers || !FitsMatrixRegisters(kernel_, instr)) {
    return EmulateTileDot(instr);
  }
  Value* sum = Matrix(instr.args[2]);
  Value* a = Matrix(instr.args[0]);
  Value* b = Matrix(instr.args[1]);
  Value* rows = b_.getInt16(kMatrixRows);
  Value* row_bytes = b_.getInt16(kMatrixRowBytes);
  Value* matrix = b_.CreateIntrinsic(llvm::Intrinsic::x86_tdpbf16ps_internal, {},
                                     {rows, row_bytes, row_bytes, sum, a, b});
  if (in_matrix_[result.index]) return InRegister(matrix);
  StoreMatrix(matrix, MatrixMemory(), b_.getInt64(kMatrixRowBytes));
  return Reload(kernel_.type(result), MatrixMemory());
}

// By a function of three pointers: to the sums, which it replaces, and to the operands.
Tile KernelEmitter::EmulateTileDot(const Instr& instr) {
  const kernel::Type& a = kernel_.type(instr.args[0]);
  const kernel::Type& b = kernel_.type(instr.args[1]);
  const kernel::Type& sum = kernel_.type(instr.args[2]);
  Value* pointers[3];
  for (int i = 0; i < 3; ++i) {
    const ValueId arg = instr.args[i];
    const kernel::Type& type = kernel_.type(arg);
    pointers[i] = StackMemory(int64_t{4} * type.rows * type.lanes);
    Spill(values_[arg.index], type.dtype, pointers[i]);
  }
  b_.CreateCall(TileDotFunction(a.rows, a.lanes, b.lanes), {pointers[2], pointers[0], pointers[1]});
  return Reload(sum, pointers[2]);
}

// Of the row whose first pair is number `first` of `a`, in a loop over its pairs: for each piece
// the sum of the low and that of the high halves' products.
std::array<std::vector<Value*>, 2> KernelEmitter::EmitPairSums(const Tile& shape, int pairs,
                                                               Value* first, Value* a, Value* b) {
  llvm::Function* function = b_.GetInsertBlock()->getParent();
  BasicBlock* before = b_.GetInsertBlock();
  BasicBlock* step = BasicBlock::Create(context_, "step", function);
  b_.CreateBr(step);
  b_.SetInsertPoint(step);
  llvm::PHINode* pair = b_.CreatePHI(b_.getInt64Ty(), 2);
  pair->addIncoming(b_.getInt64(0), before);
  std::array<std::vector<llvm::PHINode*>, 2> carried;
  for (auto& half : carried) {
    for (int piece = 0; piece < shape.pieces(); ++piece) {
      llvm::Type* type = RegisterType(context_, kernel::DType::kF32, shape.LanesOf(piece));
      half.push_back(b_.CreatePHI(type, 2));
      half.back()->addIncoming(llvm::Constant::getNullValue(type), before);
    }
  }
  llvm::Type* word = b_.getInt32Ty();
  Value* left =
      b_.CreateAlignedLoad(word, b_.CreateGEP(word, a, b_.CreateAdd(first, pair)), llvm::Align(4));
  Value* row_of_b = b_.CreateGEP(word, b, b_.CreateMul(pair, b_.getInt64(shape.lanes)));
  std::array<std::vector<Value*>, 2> sums;
  for (int piece = 0; piece < shape.pieces(); ++piece) {
    const int lanes = shape.LanesOf(piece);
    Value* x = lanes > 1 ? b_.CreateVectorSplat(lanes, left) : left;
    Value* place = b_.CreateGEP(word, row_of_b, b_.getInt64(piece * shape.piece_lanes));
    Value* y = b_.CreateAlignedLoad(RegisterType(context_, kernel::DType::kI32, lanes), place,
                                    llvm::Align(4));
    for (const bool high : {false, true}) {
      sums[high].push_back(scalars_.AddBf16Product(x, y, high, carried[high][piece]));
      carried[high][piece]->addIncoming(sums[high].back(), step);
    }
  }
  Value* next = b_.CreateAdd(pair, b_.getInt64(1));
  pair->addIncoming(next, step);
  BasicBlock* done = BasicBlock::Create(context_, "summed", function);
  b_.CreateCondBr(b_.CreateICmpSLT(next, b_.getInt64(pairs)), step, done);
  b_.SetInsertPoint(done);
  return sums;
}

llvm::Function* KernelEmitter::TileDotFunction(int rows, int pairs, int lanes) {
  const std::string name = absl::StrCat("tile_dot_", rows, "_", pairs, "_", lanes);
  if (llvm::Function* known = module_.getFunction(name)) return known;
  llvm::Type* pointer = b_.getPtrTy();
  llvm::Function* function = llvm::Function::Create(
      llvm::FunctionType::get(b_.getVoidTy(), {pointer, pointer, pointer}, false),
      llvm::GlobalValue::InternalLinkage, name, module_);
  SetFunctionAttributes(*function, target_);
  function->addFnAttr(llvm::Attribute::NoInline);
  llvm::IRBuilderBase::InsertPointGuard guard(b_);
  BasicBlock* entry = BasicBlock::Create(context_, "entry", function);
  BasicBlock* head = BasicBlock::Create(context_, "row", function);
  b_.SetInsertPoint(entry);
  b_.CreateBr(head);
  b_.SetInsertPoint(head);
  llvm::PHINode* row = b_.CreatePHI(b_.getInt64Ty(), 2);
  row->addIncoming(b_.getInt64(0), entry);
  const Tile shape(1, lanes, target_.PieceLanes());
  const auto sums = EmitPairSums(shape, pairs, b_.CreateMul(row, b_.getInt64(pairs)),
                                 function->getArg(1), function->getArg(2));
  for (int piece = 0; piece < shape.pieces(); ++piece) {
    Value* at =
        b_.CreateAdd(b_.CreateMul(row, b_.getInt64(lanes)), b_.getInt64(piece * shape.piece_lanes));
    Value* place = b_.CreateGEP(b_.getFloatTy(), function->getArg(0), at);
    Value* both = b_.CreateFAdd(sums[0][piece], sums[1][piece]);
    Value* sum = b_.CreateAlignedLoad(both->getType(), place, llvm::Align(4));
    both = b_.CreateFAdd(scalars_.FlushDenormals(sum), scalars_.FlushDenormals(both));
    b_.CreateAlignedStore(scalars_.FlushDenormals(both), place, llvm::Align(4));
  }
  Value* next = b_.CreateAdd(row, b_.getInt64(1));
  row->addIncoming(next, b_.GetInsertBlock());
  BasicBlock* exit = BasicBlock::Create(context_, "exit", function);
  b_.CreateCondBr(b_.CreateICmpSLT(next, b_.getInt64(rows)), head, exit);
  b_.SetInsertPoint(exit);
  b_.CreateRetVoid();
  return function;
}

}  // namespace tenon::codegen
