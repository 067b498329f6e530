// OrderGroups: the order in which a plan's groups run, for a smaller arena.
//
// The graph's order puts a step's parameter updates at its end, so that the gradients which they
// wait for all live until then. Here a group that frees at least as much as it allocates runs as
// soon as it can; the others keep the graph's order. A group that only ends lives never makes the
// memory that later ones see larger, and it reads what has just been written.
#ifndef TENON_PASSES_MEMORY_ORDER_H_
#define TENON_PASSES_MEMORY_ORDER_H_

#include "tenon/ir/graph.h"
#include "tenon/passes/fuse/plan.h"

namespace tenon::memory {

// Each group stays after those that it reads, and after the readers of a donated input that it
// overwrites, as far as it stood after them before. Leaves a plan alone that gains nothing.
void OrderGroups(const ir::Graph& graph, fuse::FusionPlan* plan);

}  // namespace tenon::memory

#endif  // TENON_PASSES_MEMORY_ORDER_H_
