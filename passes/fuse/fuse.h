// Fuse: decides which ops share a kernel, by legality and cost, never by patterns of named ops.
//
// Nodes are visited from the results backwards. When a node's turn comes, all its users have their
// groups, and the symbolic index at which each evaluates it is known (lower/trace.h). Then:
//   * work that is free or cheap is evaluated wherever it is used;
//   * other element-wise work joins its user's group, if that is one group that evaluates it no
//     more often than it has elements;
//   * a reduction joins a group that uses its result once a row: the group then makes several
//     passes over each row (softmax, layer norm); a contraction or window joins the element-wise
//     group behind it, which becomes its epilogue;
//   * what several groups read is stored by one of them if its element is evaluated there anyway
//   and
//     no cycle arises; else by a group of its own.
// Finally element-wise groups that nobody reads (a step's parameter updates) move side by side into
// one kernel.
#ifndef TENON_PASSES_FUSE_FUSE_H_
#define TENON_PASSES_FUSE_FUSE_H_

#include "tenon/ir/graph.h"
#include "tenon/ir/target.h"
#include "tenon/passes/fuse/plan.h"
#include "tenon/passes/options.h"

namespace tenon::fuse {

FusionPlan Fuse(const ir::Graph& graph, const ir::TargetDesc& target,
                const passes::PipelineOptions& options);

}  // namespace tenon::fuse

#endif  // TENON_PASSES_FUSE_FUSE_H_
