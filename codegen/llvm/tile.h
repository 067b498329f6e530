// Tile: a value of the kernel IR in registers.
//
// Rows are cut into pieces of TargetInfo::PieceLanes() lanes (the last one of a narrower row may
// be shorter), so a tile is rows x pieces LLVM values: vectors, or scalars where lanes is 1. Tiles
// with one row or one lane serve as broadcasts: At() hands out what stands for any position.
#ifndef TENON_CODEGEN_LLVM_TILE_H_
#define TENON_CODEGEN_LLVM_TILE_H_

#include <llvm/ADT/SmallVector.h>
#include <llvm/IR/Value.h>

namespace tenon::codegen {

struct Tile {
  int rows = 0;
  int lanes = 0;
  int piece_lanes = 1;  // of every piece but possibly the last
  llvm::SmallVector<llvm::Value*, 4> parts;

  Tile() = default;
  Tile(int rows, int lanes, int max_piece)
      : rows(rows), lanes(lanes), piece_lanes(lanes < max_piece ? lanes : max_piece) {
    parts.resize(static_cast<size_t>(rows) * pieces());
  }

  bool is_scalar() const { return rows == 1 && lanes == 1; }
  int pieces() const { return (lanes + piece_lanes - 1) / piece_lanes; }
  int LanesOf(int piece) const {
    const int left = lanes - piece * piece_lanes;
    return left < piece_lanes ? left : piece_lanes;
  }
  llvm::Value*& Part(int row, int piece) { return parts[row * pieces() + piece]; }
  llvm::Value* Part(int row, int piece) const { return parts[row * pieces() + piece]; }
  // The same, where a single row or piece serves all.
  llvm::Value* At(int row, int piece) const {
    return Part(rows == 1 ? 0 : row, lanes == 1 ? 0 : piece);
  }
  llvm::Value* scalar() const { return parts[0]; }
};

}  // namespace tenon::codegen

#endif  // TENON_CODEGEN_LLVM_TILE_H_
