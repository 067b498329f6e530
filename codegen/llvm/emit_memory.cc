// KernelEmitter: loads, stores and prefetches.
//
// A piece is contiguous (lane stride 1), repeated (0), or scattered (anything else, and vectors of
// offsets). Masks are emitted only where the memory reference has limits, and nothing outside of
// them is ever touched: by masked instructions where the target has them for the element's size;
// otherwise lane by lane, where a lane that is off goes to a spare place on the stack, which needs
// no branches, behind a test for "all lanes" where that is cheap.
#include <llvm/IR/Constants.h>
#include <llvm/IR/DerivedTypes.h>
#include <llvm/IR/Intrinsics.h>
#include <llvm/IR/Metadata.h>

#include "tenon/codegen/llvm/kernel_emitter.h"
#include "tenon/ir/check.h"

namespace tenon::codegen {

using kernel::DType;
using kernel::Instr;
using kernel::MemRef;
using llvm::BasicBlock;
using llvm::Value;

std::optional<int64_t> KernelEmitter::ConstantOf(kernel::ValueId value) const {
  const auto* constant = llvm::dyn_cast<llvm::ConstantInt>(Scalar(value));
  if (constant == nullptr) return std::nullopt;
  return constant->getSExtValue();
}

DType KernelEmitter::BufferType(int buffer) const {
  const int params = static_cast<int>(kernel_.params.size());
  return buffer < params ? kernel_.params[buffer].dtype : kernel_.locals[buffer - params].dtype;
}

bool KernelEmitter::MasksInHardware(DType dtype) const {
  return target_.desc.has_masks && (ir::ByteSize(dtype) >= 4 || target_.masks_small);
}

// ---- addresses

Value* KernelEmitter::BasePointer(const MemRef& mem) {
  llvm::Type* element = MemoryType(context_, BufferType(mem.buffer));
  Value* buffer = buffers_[mem.buffer];
  if (loop_ != nullptr) {
    if (Value* walking = loop_->Pointer(buffer, element, mem.offset)) return walking;
  }
  return Displaced(b_, element, buffer, Scalar(mem.offset));
}

Value* KernelEmitter::RowPointer(const MemRef& mem, Value* base, int row) {
  if (row == 0 || !mem.row_stride.valid()) return base;
  Value* offset = loop_ == nullptr ? nullptr : loop_->InvariantProduct(mem.row_stride, row);
  if (offset == nullptr) offset = b_.CreateMul(Scalar(mem.row_stride), b_.getInt64(row));
  return Displaced(b_, MemoryType(context_, BufferType(mem.buffer)), base, offset);
}

Value* KernelEmitter::LanePointer(const MemRef& mem, Value* row_pointer, int lane) {
  if (lane == 0) return row_pointer;
  Value* offset = b_.getInt64(lane);
  if (mem.lane_stride.valid()) offset = b_.CreateMul(Scalar(mem.lane_stride), offset);
  return Displaced(b_, MemoryType(context_, BufferType(mem.buffer)), row_pointer, offset);
}

// The pointers to lanes first, first + 1, ...: by stride, or by the vector of offsets.
Value* KernelEmitter::LanePointers(const MemRef& mem, Value* row_pointer, int first, int lanes) {
  llvm::Type* element = MemoryType(context_, BufferType(mem.buffer));
  const Tile& offsets = values_[mem.offset.index];
  if (!offsets.is_scalar()) {
    Value* offset = offsets.At(0, first / offsets.piece_lanes);
    return b_.CreateGEP(element, row_pointer, offset);
  }
  llvm::SmallVector<llvm::Constant*, 16> numbers;
  for (int lane = 0; lane < lanes; ++lane) numbers.push_back(b_.getInt64(lane));
  Value* steps = b_.CreateMul(llvm::ConstantVector::get(numbers),
                              b_.CreateVectorSplat(lanes, Scalar(mem.lane_stride)));
  return b_.CreateGEP(element, LanePointer(mem, row_pointer, first), steps);
}

// ---- masks

KernelEmitter::Mask KernelEmitter::LaneCountMask(const MemRef& mem, const Tile& shape, int piece) {
  Mask mask;
  if (!mem.lane_count.valid()) return mask;
  const int lanes = shape.LanesOf(piece);
  Value* left = b_.CreateSub(Scalar(mem.lane_count), b_.getInt64(piece * shape.piece_lanes));
  if (const auto* constant = llvm::dyn_cast<llvm::ConstantInt>(left)) {
    if (constant->getSExtValue() >= lanes) return mask;
    if (constant->getSExtValue() <= 0) {
      mask.none = true;
      return mask;
    }
  }
  mask.all = b_.CreateICmpSGE(left, b_.getInt64(lanes));
  if (lanes == 1) {
    mask.lanes = mask.all;
    return mask;
  }
  // Clamped so that it fits the narrow comparison.
  left = b_.CreateBinaryIntrinsic(llvm::Intrinsic::smin, left, b_.getInt64(lanes));
  left = b_.CreateBinaryIntrinsic(llvm::Intrinsic::smax, left, b_.getInt64(0));
  Value* count = b_.CreateVectorSplat(lanes, b_.CreateTrunc(left, b_.getInt32Ty()));
  llvm::SmallVector<llvm::Constant*, 16> numbers;
  for (int lane = 0; lane < lanes; ++lane) numbers.push_back(b_.getInt32(lane));
  mask.lanes = b_.CreateICmpULT(llvm::ConstantVector::get(numbers), count);
  return mask;
}

void KernelEmitter::LimitRows(const MemRef& mem, int row, int lanes, Mask* mask) {
  if (!mem.row_count.valid() || mask->none) return;
  Value* on = b_.CreateICmpSGT(Scalar(mem.row_count), b_.getInt64(row));
  if (const auto* constant = llvm::dyn_cast<llvm::ConstantInt>(on)) {
    if (constant->isZero()) mask->none = true;
    return;
  }
  Value* spread = lanes == 1 ? on : b_.CreateVectorSplat(lanes, on);
  mask->lanes = mask->lanes == nullptr ? spread : b_.CreateAnd(mask->lanes, spread);
  mask->all = mask->all == nullptr ? on : b_.CreateAnd(mask->all, on);
}

KernelEmitter::Mask KernelEmitter::PieceMask(const MemRef& mem, const Tile& shape, int row,
                                             int piece) {
  const int lanes = shape.LanesOf(piece);
  Mask mask = LaneCountMask(mem, shape, piece);
  LimitRows(mem, row, lanes, &mask);
  if (!mem.predicate.valid() || mask.none) return mask;
  const Tile& predicate = values_[mem.predicate.index];
  Value* on = PartFor(predicate, row, piece, lanes);
  // "All lanes" stays cheap only where the predicate is one bit for the piece.
  if (predicate.lanes == 1) {
    Value* bit = predicate.At(row, piece);
    mask.all = mask.lanes == nullptr ? bit : b_.CreateAnd(mask.all, bit);
  } else {
    mask.all = nullptr;
  }
  mask.lanes = mask.lanes == nullptr ? on : b_.CreateAnd(mask.lanes, on);
  return mask;
}

Value* KernelEmitter::Guarded(Value* condition, Value* otherwise,
                              const std::function<Value*()>& then) {
  BasicBlock* before = b_.GetInsertBlock();
  BasicBlock* body = NewBlock("on");
  BasicBlock* end = BasicBlock::Create(context_, "off");
  b_.CreateCondBr(condition, body, end);
  b_.SetInsertPoint(body);
  Value* result = then();
  BasicBlock* body_end = b_.GetInsertBlock();
  b_.CreateBr(end);
  end->insertInto(function_);
  b_.SetInsertPoint(end);
  if (otherwise == nullptr) return nullptr;
  llvm::PHINode* phi = b_.CreatePHI(result->getType(), 2);
  phi->addIncoming(otherwise, before);
  phi->addIncoming(result, body_end);
  return phi;
}

// ---- loads

Value* KernelEmitter::PlainLoad(llvm::Type* type, const Place& place) {
  llvm::LoadInst* load = b_.CreateAlignedLoad(type, place.pointer, place.Alignment());
  // LLVM keeps what it knows not to change for whoever loads it again: of vectors a tile's operands
  // for the next tile, on the stack, as there are more of them than registers.
  if (place.invariant && !type->isVectorTy()) {
    load->setMetadata(llvm::LLVMContext::MD_invariant_load, llvm::MDNode::get(context_, {}));
  }
  return load;
}

Value* KernelEmitter::LoadContiguous(const Place& place, const Mask& mask) {
  llvm::Type* element = MemoryType(context_, place.dtype);
  llvm::Type* type = place.lanes == 1 ? element : llvm::FixedVectorType::get(element, place.lanes);
  if (mask.full()) return PlainLoad(type, place);
  llvm::Constant* zero = llvm::Constant::getNullValue(type);
  if (mask.none) return zero;
  if (place.lanes == 1) {
    return Guarded(mask.lanes, zero, [&] { return PlainLoad(type, place); });
  }
  if (MasksInHardware(place.dtype)) {
    return b_.CreateMaskedLoad(type, place.pointer, place.Alignment(), mask.lanes, zero);
  }
  if (mask.all == nullptr) return LoadByLanes(place, mask);
  BasicBlock* whole = NewBlock("whole");
  BasicBlock* partial = NewBlock("partial");
  BasicBlock* end = NewBlock("loaded");
  b_.CreateCondBr(mask.all, whole, partial);
  b_.SetInsertPoint(whole);
  Value* all = PlainLoad(type, place);
  b_.CreateBr(end);
  b_.SetInsertPoint(partial);
  Value* some = LoadByLanes(place, mask);
  partial = b_.GetInsertBlock();
  b_.CreateBr(end);
  b_.SetInsertPoint(end);
  llvm::PHINode* phi = b_.CreatePHI(type, 2);
  phi->addIncoming(all, whole);
  phi->addIncoming(some, partial);
  return phi;
}

// All lanes read one element.
Value* KernelEmitter::LoadRepeated(const Place& place, const Mask& mask) {
  Place one = place;
  one.lanes = 1;
  if (place.lanes == 1) return LoadContiguous(one, mask);
  if (mask.full()) return b_.CreateVectorSplat(place.lanes, LoadContiguous(one, mask));
  llvm::Type* type = llvm::FixedVectorType::get(MemoryType(context_, place.dtype), place.lanes);
  llvm::Constant* zero = llvm::Constant::getNullValue(type);
  if (mask.none) return zero;
  Mask any;
  any.lanes = any.all = b_.CreateOrReduce(mask.lanes);
  Value* element = LoadContiguous(one, any);
  return b_.CreateSelect(mask.lanes, b_.CreateVectorSplat(place.lanes, element), zero);
}

// `place.pointer` is a vector of pointers, or the one of a single lane.
Value* KernelEmitter::LoadScattered(const Place& place, const Mask& mask) {
  if (place.lanes == 1) return LoadContiguous(place, mask);
  llvm::Type* element = MemoryType(context_, place.dtype);
  llvm::Type* type = llvm::FixedVectorType::get(element, place.lanes);
  llvm::Constant* zero = llvm::Constant::getNullValue(type);
  if (mask.none) return zero;
  if (target_.desc.has_gather && ir::ByteSize(place.dtype) >= 4) {
    return b_.CreateMaskedGather(type, place.pointer, place.Alignment(), mask.lanes, zero);
  }
  return LoadByLanes(place, mask);
}

// Memory on the stack, zero, of the size of any element: what lanes that are off read and write.
Value* KernelEmitter::Spare(Value** slot, bool zero) {
  if (*slot == nullptr) {
    llvm::IRBuilderBase::InsertPointGuard guard(b_);
    BasicBlock& entry = function_->getEntryBlock();
    b_.SetInsertPoint(&entry, entry.begin());
    llvm::AllocaInst* memory = b_.CreateAlloca(b_.getInt64Ty());
    memory->setAlignment(llvm::Align(8));
    if (zero) b_.CreateAlignedStore(b_.getInt64(0), memory, llvm::Align(8));
    *slot = memory;
  }
  return *slot;
}

Value* KernelEmitter::PointerOfLane(const Place& place, const Mask& mask, int lane, Value* spare) {
  Value* pointer =
      place.pointer->getType()->isVectorTy()
          ? b_.CreateExtractElement(place.pointer, b_.getInt64(lane))
          : b_.CreateGEP(MemoryType(context_, place.dtype), place.pointer, b_.getInt64(lane));
  if (mask.full()) return pointer;
  return b_.CreateSelect(b_.CreateExtractElement(mask.lanes, b_.getInt64(lane)), pointer, spare);
}

Value* KernelEmitter::LoadByLanes(const Place& place, const Mask& mask) {
  Value* spare = mask.full() ? nullptr : Spare(&spare_zero_, /*zero=*/true);
  llvm::SmallVector<Value*, 16> lanes;
  for (int lane = 0; lane < place.lanes; ++lane) {
    Place one = place;
    one.lanes = 1;
    one.invariant = place.invariant && mask.full();
    one.pointer = PointerOfLane(place, mask, lane, spare);
    lanes.push_back(PlainLoad(MemoryType(context_, place.dtype), one));
  }
  return FromLanes(lanes);
}

// In order of lanes: where several name one element, the last one stays.
void KernelEmitter::StoreByLanes(const Place& place, Value* value, const Mask& mask) {
  if (place.lanes == 1) return StoreContiguous(place, value, mask);
  Value* spare = mask.full() ? nullptr : Spare(&spare_written_, /*zero=*/false);
  for (int lane = 0; lane < place.lanes; ++lane) {
    b_.CreateAlignedStore(b_.CreateExtractElement(value, b_.getInt64(lane)),
                          PointerOfLane(place, mask, lane, spare),
                          llvm::Align(ir::ByteSize(place.dtype)));
  }
}

Tile KernelEmitter::EmitLoad(const Instr& instr) {
  const kernel::Type& type = kernel_.type(instr.results[0]);
  const MemRef& mem = instr.mem;
  Tile result = NewTile(type);
  const bool offsets = !values_[mem.offset.index].is_scalar();
  const std::optional<int64_t> stride =
      mem.lane_stride.valid() ? ConstantOf(mem.lane_stride) : std::optional<int64_t>(1);
  const int params = static_cast<int>(kernel_.params.size());
  Place place;
  // Pairs of 16-bit elements: of these an i32 each, next to each other where the stride is two.
  const int64_t parts = ir::ByteSize(type.dtype) / ir::ByteSize(BufferType(mem.buffer));
  place.dtype = parts > 1 ? type.dtype : BufferType(mem.buffer);
  if (parts > 1) place.align = ir::ByteSize(BufferType(mem.buffer));
  place.invariant = mem.buffer < params && !kernel_.params[mem.buffer].written &&
                    kernel_.params[mem.buffer].no_alias;
  Value* base = offsets ? buffers_[mem.buffer] : BasePointer(mem);
  for (int row = 0; row < result.rows; ++row) {
    Value* row_pointer = RowPointer(mem, base, row);
    for (int piece = 0; piece < result.pieces(); ++piece) {
      const Mask mask = PieceMask(mem, result, row, piece);
      const int first = piece * result.piece_lanes;
      place.lanes = result.LanesOf(piece);
      Value* loaded = nullptr;
      if (!offsets && (place.lanes == 1 || stride == parts)) {
        place.pointer = LanePointer(mem, row_pointer, first);
        loaded = LoadContiguous(place, mask);
      } else if (!offsets && stride == 0) {
        place.pointer = row_pointer;
        loaded = LoadRepeated(place, mask);
      } else if (!offsets && mask.full() && !target_.desc.has_gather) {
        // Scalar addresses, which constant strides turn into displacements.
        llvm::SmallVector<Value*, 16> lanes;
        for (int lane = 0; lane < place.lanes; ++lane) {
          Place one = place;
          one.lanes = 1;
          one.pointer = LanePointer(mem, row_pointer, first + lane);
          lanes.push_back(PlainLoad(MemoryType(context_, one.dtype), one));
        }
        loaded = FromLanes(lanes);
      } else {
        place.pointer = LanePointers(mem, row_pointer, first, place.lanes);
        loaded = LoadScattered(place, mask);
      }
      if (type.dtype == DType::kBool) {
        loaded = b_.CreateICmpNE(loaded, llvm::Constant::getNullValue(loaded->getType()));
      }
      result.Part(row, piece) = loaded;
    }
  }
  return result;
}

// ---- stores

void KernelEmitter::StoreContiguous(const Place& place, Value* value, const Mask& mask) {
  const llvm::Align align(ir::ByteSize(place.dtype));
  if (mask.none) return;
  if (mask.full()) {
    b_.CreateAlignedStore(value, place.pointer, align);
    return;
  }
  if (place.lanes == 1) {
    Guarded(mask.lanes, nullptr, [&] {
      b_.CreateAlignedStore(value, place.pointer, align);
      return value;
    });
    return;
  }
  if (MasksInHardware(place.dtype)) {
    b_.CreateMaskedStore(value, place.pointer, align, mask.lanes);
    return;
  }
  if (mask.all == nullptr) return StoreByLanes(place, value, mask);
  BasicBlock* whole = NewBlock("whole");
  BasicBlock* partial = NewBlock("partial");
  BasicBlock* end = NewBlock("stored");
  b_.CreateCondBr(mask.all, whole, partial);
  b_.SetInsertPoint(whole);
  b_.CreateAlignedStore(value, place.pointer, align);
  b_.CreateBr(end);
  b_.SetInsertPoint(partial);
  StoreByLanes(place, value, mask);
  b_.CreateBr(end);
  b_.SetInsertPoint(end);
}

// Non-temporal stores need whole, aligned vectors, and buffers promise neither: so the row is
// stored in one of two ways. False where the row's pieces do not qualify.
bool KernelEmitter::StoreNonTemporal(const MemRef& mem, const Tile& value, int row,
                                     Value* pointer) {
  const int vector_bytes = target_.desc.vector_bits / 8;
  const DType dtype = BufferType(mem.buffer);
  const int64_t bytes = value.piece_lanes * ir::ByteSize(dtype);
  if (bytes % vector_bytes != 0 || value.lanes % value.piece_lanes != 0) return false;
  if (mem.lane_count.valid() || mem.row_count.valid() || mem.predicate.valid()) return false;
  Value* address = b_.CreatePtrToInt(pointer, b_.getInt64Ty());
  Value* rest = b_.CreateAnd(address, b_.getInt64(vector_bytes - 1));
  BasicBlock* streaming = NewBlock("streaming");
  BasicBlock* plain = NewBlock("plain");
  BasicBlock* end = NewBlock("stored");
  b_.CreateCondBr(b_.CreateICmpEQ(rest, b_.getInt64(0)), streaming, plain);
  const auto store = [&](BasicBlock* block, llvm::Align align, bool non_temporal) {
    b_.SetInsertPoint(block);
    for (int piece = 0; piece < value.pieces(); ++piece) {
      llvm::StoreInst* instr = b_.CreateAlignedStore(
          value.Part(row, piece), LanePointer(mem, pointer, piece * value.piece_lanes), align);
      if (!non_temporal) continue;
      llvm::Metadata* one = llvm::ConstantAsMetadata::get(b_.getInt32(1));
      instr->setMetadata(llvm::LLVMContext::MD_nontemporal, llvm::MDNode::get(context_, {one}));
    }
    b_.CreateBr(end);
  };
  store(streaming, llvm::Align(vector_bytes), true);
  store(plain, llvm::Align(ir::ByteSize(dtype)), false);
  b_.SetInsertPoint(end);
  return true;
}

void KernelEmitter::EmitStore(const Instr& instr) {
  const MemRef& mem = instr.mem;
  Tile value = values_[instr.args[0].index];
  Place place;
  place.dtype = BufferType(mem.buffer);
  if (place.dtype == DType::kBool) {
    for (Value*& part : value.parts) {
      part = b_.CreateZExt(part, part->getType()->getWithNewBitWidth(8));
    }
  }
  const bool offsets = !values_[mem.offset.index].is_scalar();
  const bool contiguous = !mem.lane_stride.valid() || ConstantOf(mem.lane_stride) == 1;
  Value* base = offsets ? buffers_[mem.buffer] : BasePointer(mem);
  for (int row = 0; row < value.rows; ++row) {
    Value* row_pointer = RowPointer(mem, base, row);
    if (mem.non_temporal && target_.streams && !offsets && contiguous &&
        StoreNonTemporal(mem, value, row, row_pointer)) {
      continue;
    }
    for (int piece = 0; piece < value.pieces(); ++piece) {
      const Mask mask = PieceMask(mem, value, row, piece);
      const int first = piece * value.piece_lanes;
      place.lanes = value.LanesOf(piece);
      if (!offsets && (place.lanes == 1 || contiguous)) {
        place.pointer = LanePointer(mem, row_pointer, first);
        StoreContiguous(place, value.Part(row, piece), mask);
      } else {
        place.pointer = LanePointers(mem, row_pointer, first, place.lanes);
        if (!mask.none) StoreByLanes(place, value.Part(row, piece), mask);
      }
    }
  }
}

// ---- prefetches

// No line is fetched twice where the elements begin with one; elsewhere the last one is left out.
void KernelEmitter::EmitPrefetch(const Instr& instr) {
  constexpr int kNearest = 3;  // LLVM's locality of the first level
  Value* base = BasePointer(instr.mem);
  const int64_t bytes = instr.integer * ir::ByteSize(BufferType(instr.mem.buffer));
  for (int64_t byte = 0; byte < bytes; byte += target_.desc.cache_line) {
    Value* line = b_.CreateGEP(b_.getInt8Ty(), base, b_.getInt64(byte));
    b_.CreateIntrinsic(llvm::Intrinsic::prefetch, {line->getType()},
                       {line, b_.getInt32(instr.to_write ? 1 : 0),
                        b_.getInt32(kNearest + 1 - instr.level), b_.getInt32(1)});
  }
}

}  // namespace tenon::codegen
