// What register tiles cost. Internal to the schedule of contractions.
#ifndef TENON_PASSES_CONTRACT_TILE_COST_H_
#define TENON_PASSES_CONTRACT_TILE_COST_H_

#include <algorithm>
#include <cstdint>

#include "tenon/ir/dim.h"
#include "tenon/ir/target.h"
#include "tenon/passes/contract/schedule.h"

namespace tenon::contract {

// Extents are guessed at their bounds: a program runs mostly near them.
inline int64_t Guess(const ir::Dim& d) {
  return std::max<int64_t>(0, d.UpperBound().value_or(1 << 20));
}
inline int64_t AtLeastOne(const ir::Dim& d) { return std::max<int64_t>(1, Guess(d)); }
inline int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

inline constexpr int kMatrixSide = 16;  // rows and columns of one accumulator, and pairs of a step

// Cycles, in units of one FMA, for one step of k on a tile: the FMAs and what takes one of their
// units, but no less than the loads nor the latency of an accumulator; fewer loads break ties. B's
// vectors weigh more where they come from the second level (`far`).
double TileCost(const ir::TargetDesc& target, const Schedule& s, int64_t rows, int64_t vectors,
                bool far = false);
// How many of its first rows a tile of this shape holds.
int HeldRows(const ir::TargetDesc& target, const Schedule& s, int rows, int lanes);
// The same cost of matrix registers: 16 cycles for 16 steps of 16 rows and a vector of columns.
double MatrixTileCost(const ir::TargetDesc& target, int64_t rows, int64_t vectors);

}  // namespace tenon::contract

#endif  // TENON_PASSES_CONTRACT_TILE_COST_H_
