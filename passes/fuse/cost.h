// What an op's element costs, in element-wise operations: the numbers that fusion decides by.
#ifndef TENON_PASSES_FUSE_COST_H_
#define TENON_PASSES_FUSE_COST_H_

#include "tenon/ir/compute.h"

namespace tenon::fuse {

// One for simple arithmetic, more for divisions, functions and random bits; zero for moves.
int ScalarOpCost(ir::ScalarOp op);
int BodyCost(const ir::ComputeDef& def);
// The value of a Dim at its bound, 1 at least: sizes in cost estimates.
double Size(const ir::Dim& dim);

// Work, in element-wise operations, below which a kernel is not split among threads: about five
// microseconds, what a split and its barrier are worth.
inline constexpr double kWorkOfChunk = 20000;
// A function evaluated twice costs more than a trip through the cache from here on.
inline constexpr int kExpensive = 8;
// A reduction whose rows are longer than this, and of which there are few, is split among threads
// and so cannot have its rows visited again by the same kernel.
inline constexpr double kLongRow = 65536;
// Up to here work is repeated rather than stored.
inline constexpr int kCheap = 2;

}  // namespace tenon::fuse

#endif  // TENON_PASSES_FUSE_COST_H_
