// Rewrite: the graph and the plan in which a timeline's steps are the groups.
//
// A repeated group gets nodes of its own; who reads a repeated value reads those. Groups keep their
// kinds, members and loops, so each kernel is what it was.
#ifndef TENON_PASSES_REMAT_REWRITE_H_
#define TENON_PASSES_REMAT_REWRITE_H_

#include "tenon/ir/graph.h"
#include "tenon/passes/fuse/plan.h"
#include "tenon/passes/memory/timeline.h"

namespace tenon::remat {

struct Planned {
  ir::Graph graph;
  fuse::FusionPlan plan;
};
Planned Rewrite(const ir::Graph& graph, const fuse::FusionPlan& plan,
                const memory::Timeline& timeline);

}  // namespace tenon::remat

#endif  // TENON_PASSES_REMAT_REWRITE_H_
