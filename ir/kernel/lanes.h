// Arithmetic of the kernel interpreter on whole tiles: what one instruction does to all of its
// elements. One element's meaning is ir/scalar.h.
//
// Tiles are row-major arrays of their element type, without gaps; bf16 and f16 are their bits in
// uint16_t, bool is a byte of 0 or 1.
#ifndef TENON_IR_KERNEL_LANES_H_
#define TENON_IR_KERNEL_LANES_H_

#include <array>
#include <cstddef>

#include "tenon/ir/compute.h"
#include "tenon/ir/kernel/kernel.h"

namespace tenon::kernel {

struct Tile {
  const std::byte* data = nullptr;
  Type type;
};

// result = op(args...), broadcast to `type`. `fused` says whether fma rounds once.
void EvalScalar(ir::ScalarOp op, bool fused, const std::array<Tile, 3>& args, Type type,
                std::byte* result);

// `args[0]` stretched to `type`.
void EvalSplat(const Tile& arg, Type type, std::byte* result);
void EvalTranspose(const Tile& arg, std::byte* result);

// The trees of reduce_lanes and reduce_rows.
void EvalReduceLanes(ir::Combiner combiner, const Tile& arg, std::byte* result);
void EvalReduceRows(ir::Combiner combiner, const Tile& arg, std::byte* result);

// `count` elements of the given type, all equal to the constant of `instr`.
void EvalConst(const Instr& instr, Type type, std::byte* result);

}  // namespace tenon::kernel

#endif  // TENON_IR_KERNEL_LANES_H_
