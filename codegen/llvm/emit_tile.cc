// KernelEmitter: instructions that compute on tiles.
#include <llvm/IR/Constants.h>
#include <llvm/IR/DerivedTypes.h>

#include "tenon/codegen/llvm/kernel_emitter.h"
#include "tenon/ir/check.h"

namespace tenon::codegen {

using kernel::DType;
using kernel::Instr;
using llvm::Value;

Tile KernelEmitter::NewTile(const kernel::Type& type) const {
  return Tile(type.rows, type.lanes, target_.PieceLanes());
}

Value* KernelEmitter::PartFor(const Tile& tile, int row, int piece, int lanes) {
  Value* part = tile.At(row, piece);
  return lanes > 1 && !part->getType()->isVectorTy() ? Stretch(part, lanes) : part;
}

// A lane of 16 bytes that are in all groups of a long vector is one shuffle within these. Left to
// itself LLVM would load that lane from memory again, once for each that is used.
Value* KernelEmitter::Stretch(Value* scalar, int lanes) {
  constexpr int kGroup = 4;
  auto* lane = llvm::dyn_cast<llvm::ExtractElementInst>(scalar);
  auto* group =
      lane == nullptr ? nullptr : llvm::dyn_cast<llvm::Instruction>(lane->getVectorOperand());
  const auto* index =
      lane == nullptr ? nullptr : llvm::dyn_cast<llvm::ConstantInt>(lane->getIndexOperand());
  const bool of_group =
      target_.shuffles_groups && group != nullptr && index != nullptr &&
      scalar->getType()->isFloatTy() && lanes % kGroup == 0 && lanes > kGroup &&
      llvm::cast<llvm::FixedVectorType>(group->getType())->getNumElements() == kGroup;
  if (!of_group) return b_.CreateVectorSplat(lanes, scalar);
  llvm::SmallVector<int, 16> all, one;
  for (int i = 0; i < lanes; ++i) {
    all.push_back(i % kGroup);
    one.push_back(i / kGroup * kGroup + static_cast<int>(index->getZExtValue()));
  }
  Value*& repeated = repeated_[{group, lanes}];
  if (repeated == nullptr) {
    llvm::IRBuilderBase::InsertPointGuard guard(b_);
    b_.SetInsertPoint(*group->getInsertionPointAfterDef());
    repeated = b_.CreateShuffleVector(group, all);
    repeated =
        b_.CreateIntrinsic(repeated->getType(), llvm::Intrinsic::arithmetic_fence, {repeated});
  }
  return b_.CreateShuffleVector(repeated, one);
}

Value* KernelEmitter::Lane(const Tile& tile, int row, int lane) {
  Value* part = tile.At(row, tile.lanes == 1 ? 0 : lane / tile.piece_lanes);
  if (!part->getType()->isVectorTy()) return part;
  return b_.CreateExtractElement(part, b_.getInt64(lane % tile.piece_lanes));
}

Value* KernelEmitter::FromLanes(llvm::ArrayRef<Value*> lanes) {
  if (lanes.size() == 1) return lanes[0];
  Value* vector = llvm::PoisonValue::get(
      llvm::FixedVectorType::get(lanes[0]->getType(), static_cast<unsigned>(lanes.size())));
  for (size_t i = 0; i < lanes.size(); ++i) {
    vector = b_.CreateInsertElement(vector, lanes[i], b_.getInt64(i));
  }
  return vector;
}

Tile KernelEmitter::EmitScalarOp(const Instr& instr) {
  const kernel::Type& type = kernel_.type(instr.results[0]);
  Tile result = NewTile(type);
  // The type of what is computed on: of a select's branches, of anything else's first argument.
  const size_t operand = instr.scalar_op == ir::ScalarOp::kSelect ? 1 : 0;
  const DType operand_type = kernel_.type(instr.args[operand]).dtype;
  llvm::SmallVector<Value*, 3> args(instr.args.size());
  for (int row = 0; row < result.rows; ++row) {
    for (int piece = 0; piece < result.pieces(); ++piece) {
      for (size_t a = 0; a < instr.args.size(); ++a) {
        // A row's only lane is made a vector once and serves all pieces.
        const Tile& tile = values_[instr.args[a].index];
        if (piece > 0 && tile.lanes == 1 && result.LanesOf(piece) == result.piece_lanes) continue;
        args[a] = PartFor(tile, row, piece, result.LanesOf(piece));
      }
      result.Part(row, piece) =
          instr.of_numbers
              ? scalars_.MaxMinOfNumbers(instr.scalar_op == ir::ScalarOp::kMax, args[0], args[1])
              : scalars_.Emit(instr.scalar_op, operand_type, type.dtype, args);
    }
  }
  return result;
}

Tile KernelEmitter::EmitConst(const Instr& instr) {
  const kernel::Type& type = kernel_.type(instr.results[0]);
  Tile result = NewTile(type);
  for (int piece = 0; piece < result.pieces(); ++piece) {
    llvm::Type* llvm_type = RegisterType(context_, type.dtype, result.LanesOf(piece));
    llvm::Constant* constant = nullptr;
    switch (type.dtype) {
      case DType::kF32:
      case DType::kF64:
        constant = llvm::ConstantFP::get(llvm_type, instr.real);
        break;
      case DType::kBF16:
        constant = llvm::ConstantInt::get(llvm_type, ir::F32ToBF16(static_cast<float>(instr.real)));
        break;
      case DType::kF16:
        constant = llvm::ConstantInt::get(llvm_type, ir::F32ToF16(static_cast<float>(instr.real)));
        break;
      case DType::kI8:
      case DType::kU8:
      case DType::kI32:
      case DType::kI64:
      case DType::kBool: {
        const unsigned bits = llvm_type->getScalarSizeInBits();
        const llvm::APInt value(64, static_cast<uint64_t>(instr.integer));
        constant = llvm::ConstantInt::get(llvm_type, value.zextOrTrunc(bits));
        break;
      }
    }
    for (int row = 0; row < result.rows; ++row) result.Part(row, piece) = constant;
  }
  return result;
}

Tile KernelEmitter::EmitIota(const Instr& instr) {
  Tile result = NewTile(kernel_.type(instr.results[0]));
  for (int piece = 0; piece < result.pieces(); ++piece) {
    llvm::SmallVector<llvm::Constant*, 16> lanes;
    for (int lane = 0; lane < result.LanesOf(piece); ++lane) {
      lanes.push_back(b_.getInt64(piece * result.piece_lanes + lane));
    }
    result.Part(0, piece) = lanes.size() == 1 ? lanes[0] : llvm::ConstantVector::get(lanes);
  }
  return result;
}

Tile KernelEmitter::EmitSplat(const Instr& instr) {
  const Tile& from = values_[instr.args[0].index];
  Tile result = NewTile(kernel_.type(instr.results[0]));
  for (int row = 0; row < result.rows; ++row) {
    for (int piece = 0; piece < result.pieces(); ++piece) {
      result.Part(row, piece) = row > 0 && from.rows == 1
                                    ? result.Part(0, piece)
                                    : PartFor(from, row, piece, result.LanesOf(piece));
    }
  }
  return result;
}

Value* KernelEmitter::Combine(const Instr& instr, DType dtype, Value* a, Value* b) {
  if (!instr.of_numbers) return scalars_.Combine(instr.combiner, dtype, a, b);
  return scalars_.MaxMinOfNumbers(instr.combiner == ir::Combiner::kMax, a, b);
}

// The documented tree: element i with element i + L/2, halving. Whole pieces first, then halves of
// the one that is left.
Tile KernelEmitter::EmitReduceLanes(const Instr& instr) {
  const Tile& from = values_[instr.args[0].index];
  const DType dtype = kernel_.type(instr.args[0]).dtype;
  Tile result(from.rows, 1, 1);
  const auto combine = [&](Value* a, Value* b) { return Combine(instr, dtype, a, b); };
  for (int row = 0; row < from.rows; ++row) {
    llvm::SmallVector<Value*, 8> pieces;
    for (int piece = 0; piece < from.pieces(); ++piece) pieces.push_back(from.Part(row, piece));
    while (pieces.size() > 1) {
      const size_t half = pieces.size() / 2;
      for (size_t i = 0; i < half; ++i) {
        pieces[i] = combine(pieces[i], pieces[i + half]);
      }
      pieces.resize(half);
    }
    Value* v = pieces[0];
    for (int lanes = from.piece_lanes; lanes > 1; lanes /= 2) {
      llvm::SmallVector<int, 16> low, high;
      for (int i = 0; i < lanes / 2; ++i) {
        low.push_back(i);
        high.push_back(i + lanes / 2);
      }
      if (lanes == 2) {
        v = combine(b_.CreateExtractElement(v, b_.getInt64(0)),
                    b_.CreateExtractElement(v, b_.getInt64(1)));
      } else {
        v = combine(b_.CreateShuffleVector(v, low), b_.CreateShuffleVector(v, high));
      }
    }
    result.Part(row, 0) = v;
  }
  return result;
}

Tile KernelEmitter::EmitReduceRows(const Instr& instr) {
  Tile tile = values_[instr.args[0].index];
  const DType dtype = kernel_.type(instr.args[0]).dtype;
  for (int rows = tile.rows; rows > 1; rows /= 2) {
    for (int row = 0; row < rows / 2; ++row) {
      for (int piece = 0; piece < tile.pieces(); ++piece) {
        tile.Part(row, piece) =
            Combine(instr, dtype, tile.Part(row, piece), tile.Part(row + rows / 2, piece));
      }
    }
  }
  tile.rows = 1;
  tile.parts.resize(tile.pieces());
  return tile;
}

namespace {

// Which lanes of two vectors a and b (numbered on from a's) make up the result.
using Lanes = llvm::SmallVector<int, 16>;

// The low (or high) half of each run of `run` lanes, of a and b, `width` lanes of each in turn.
Lanes Interleave(int n, int run, int width, bool high) {
  Lanes lanes;
  for (int start = 0; start < n; start += run) {
    const int half = start + (high ? run / 2 : 0);
    for (int i = 0; i < run / 2; i += width) {
      for (const int from : {half + i, n + half + i}) {
        for (int w = 0; w < width; ++w) lanes.push_back(from + w);
      }
    }
  }
  return lanes;
}

// The even (or odd) runs of `run` lanes of a, then those of b.
Lanes EveryOther(int n, int run, bool odd) {
  Lanes lanes;
  for (const int base : {0, n}) {
    for (int start = odd ? run : 0; start < n; start += 2 * run) {
      for (int i = 0; i < run; ++i) lanes.push_back(base + start + i);
    }
  }
  return lanes;
}

}  // namespace

// Turns n vectors of n lanes into their transpose. First blocks of 4 x 4 by interleaving within
// groups of four lanes, then the groups among the vectors: shuffles that are one cheap instruction
// each, and that LLVM recognises at once.
void KernelEmitter::TransposeBlock(llvm::MutableArrayRef<Value*> rows) {
  const int n = static_cast<int>(rows.size());
  const auto shuffle = [&](Value* a, Value* b, const Lanes& lanes) {
    return b_.CreateShuffleVector(a, b, lanes);
  };
  if (n == 2) {
    Value* first = shuffle(rows[0], rows[1], {0, 2});
    rows[1] = shuffle(rows[0], rows[1], {1, 3});
    rows[0] = first;
    return;
  }
  for (int r = 0; r < n; r += 4) {
    Value* low01 = shuffle(rows[r], rows[r + 1], Interleave(n, 4, 1, false));
    Value* high01 = shuffle(rows[r], rows[r + 1], Interleave(n, 4, 1, true));
    Value* low23 = shuffle(rows[r + 2], rows[r + 3], Interleave(n, 4, 1, false));
    Value* high23 = shuffle(rows[r + 2], rows[r + 3], Interleave(n, 4, 1, true));
    rows[r] = shuffle(low01, low23, Interleave(n, 4, 2, false));
    rows[r + 1] = shuffle(low01, low23, Interleave(n, 4, 2, true));
    rows[r + 2] = shuffle(high01, high23, Interleave(n, 4, 2, false));
    rows[r + 3] = shuffle(high01, high23, Interleave(n, 4, 2, true));
  }
  // Vector 4q + j now holds, in group s, column 4s + j of rows 4q to 4q + 3.
  const int groups = n / 4;
  if (groups == 4 && rows[0]->getType()->isFPOrFPVectorTy()) {
    // LLVM's combiner looks for shorter ways through all four levels of shuffles, from each of
    // them. There are none, and it takes half of the time that the kernel takes to compile: not
    // beyond here.
    for (Value*& row : rows) {
      row = b_.CreateIntrinsic(row->getType(), llvm::Intrinsic::arithmetic_fence, {row});
    }
  }
  for (int j = 0; j < 4; ++j) {
    llvm::SmallVector<Value*, 4> v;
    for (int q = 0; q < groups; ++q) v.push_back(rows[4 * q + j]);
    if (groups == 2) {
      rows[j] = shuffle(v[0], v[1], EveryOther(n, 4, false));
      rows[4 + j] = shuffle(v[0], v[1], EveryOther(n, 4, true));
    } else if (groups == 4) {
      Value* even01 = shuffle(v[0], v[1], EveryOther(n, 4, false));
      Value* odd01 = shuffle(v[0], v[1], EveryOther(n, 4, true));
      Value* even23 = shuffle(v[2], v[3], EveryOther(n, 4, false));
      Value* odd23 = shuffle(v[2], v[3], EveryOther(n, 4, true));
      rows[j] = shuffle(even01, even23, EveryOther(n, 4, false));
      rows[4 + j] = shuffle(odd01, odd23, EveryOther(n, 4, false));
      rows[8 + j] = shuffle(even01, even23, EveryOther(n, 4, true));
      rows[12 + j] = shuffle(odd01, odd23, EveryOther(n, 4, true));
    }
  }
}

Tile KernelEmitter::EmitTranspose(const Instr& instr) {
  const Tile& from = values_[instr.args[0].index];
  Tile result = NewTile(kernel_.type(instr.results[0]));
  const int n = from.piece_lanes;
  // Square blocks of whole pieces; anything else element by element.
  if (n > 1 && n <= 16 && (n & (n - 1)) == 0 && from.rows % n == 0 && from.lanes % n == 0 &&
      result.piece_lanes == n) {
    for (int row = 0; row < from.rows; row += n) {
      for (int piece = 0; piece < from.pieces(); ++piece) {
        llvm::SmallVector<Value*, 16> block;
        for (int i = 0; i < n; ++i) block.push_back(from.Part(row + i, piece));
        TransposeBlock(block);
        for (int i = 0; i < n; ++i) result.Part(piece * n + i, row / n) = block[i];
      }
    }
    return result;
  }
  for (int row = 0; row < result.rows; ++row) {
    for (int piece = 0; piece < result.pieces(); ++piece) {
      llvm::SmallVector<Value*, 16> lanes;
      for (int lane = 0; lane < result.LanesOf(piece); ++lane) {
        lanes.push_back(Lane(from, piece * result.piece_lanes + lane, row));
      }
      result.Part(row, piece) = FromLanes(lanes);
    }
  }
  return result;
}

Tile KernelEmitter::EmitExtract(const Instr& instr) {
  const Tile& from = values_[instr.args[0].index];
  Tile result(from.rows, 1, 1);
  for (int row = 0; row < from.rows; ++row) {
    result.Part(row, 0) = Lane(from, row, static_cast<int>(instr.integer));
  }
  return result;
}

Tile KernelEmitter::EmitRow(const Instr& instr) {
  const Tile& from = values_[instr.args[0].index];
  Tile result = NewTile(kernel_.type(instr.results[0]));
  for (int piece = 0; piece < result.pieces(); ++piece) {
    result.Part(0, piece) = from.Part(static_cast<int>(instr.integer), piece);
  }
  return result;
}

Tile KernelEmitter::EmitConcatRows(const Instr& instr) {
  Tile result = NewTile(kernel_.type(instr.results[0]));
  result.parts.clear();
  for (kernel::ValueId v : instr.args) {
    const Tile& tile = values_[v.index];
    result.parts.append(tile.parts.begin(), tile.parts.end());
  }
  return result;
}

}  // namespace tenon::codegen
