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

// result = c + a * b on bf16, as tdpbf16ps computes it: `a` has pairs of neighbours along k in its
// lanes, `b` in its rows, both i32. For each element the products of the pairs' low halves are
// summed up by fused multiply-adds from zero, those of the high halves likewise; then the two sums
// are added, and the result is added to c. Denormals count as zero wherever they go in or come out.
void EvalTileDot(bool fused, const Tile& a, const Tile& b, const Tile& c, std::byte* result);

// `count` elements of the given type, all equal to the constant of `instr`.
void EvalConst(const Instr& instr, Type type, std::byte* result);

}  // namespace tenon::kernel

#endif  // TENON_IR_KERNEL_LANES_H_
