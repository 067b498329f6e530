// Rematerialise: which groups of a plan are run again so that fewer stored values are alive at
// once.
//
// At the step with most bytes alive, a value that is not used there but later may be dropped after
// its last use before, and computed again before its next use: by running its group again, from
// values that are alive then anyway, from values that are small enough to be kept, or from others
// that are computed again too. Candidates are taken in the order of operations repeated per byte
// freed; each must bring down the bytes above the budget, summed over all steps. A group of which
// no early use is left simply moves to its late use.
#ifndef TENON_PASSES_REMAT_REMAT_H_
#define TENON_PASSES_REMAT_REMAT_H_

#include <cstdint>

#include "tenon/ir/graph.h"
#include "tenon/passes/fuse/plan.h"
#include "tenon/passes/memory/timeline.h"

namespace tenon::remat {

// Repeats groups until no more than `budget` bytes are alive at any step, or nothing helps any
// more. The result's peak tells which.
memory::Timeline Rematerialise(const ir::Graph& graph, const fuse::FusionPlan& plan,
                               int64_t budget);

// Floating-point operations of all steps.
double Flops(const ir::Graph& graph, const fuse::FusionPlan& plan,
             const memory::Timeline& timeline);

}  // namespace tenon::remat

#endif  // TENON_PASSES_REMAT_REMAT_H_
