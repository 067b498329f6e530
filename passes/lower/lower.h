// Lower: from a frozen graph and its fusion plan to a scheduled kernel program.
//
// Every group becomes one launch or a few, by the schedule of its kind; sub-graphs of control flow
// are fused and lowered where they stand. Buffers: one a binding, constant and stored value; arena
// buffers have no offsets yet (passes/memory) and steps no barriers (passes/kernel/barriers.h).
//
// Outputs are written straight into their bindings. A donated input and its output are one buffer:
// the group that makes the output overwrites it if every other reader comes before and it reads
// each element only where it writes it; else the new value waits in the arena and is copied last.
#ifndef TENON_PASSES_LOWER_LOWER_H_
#define TENON_PASSES_LOWER_LOWER_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "tenon/ir/graph.h"
#include "tenon/ir/kernel/kernel.h"
#include "tenon/ir/target.h"
#include "tenon/passes/fuse/plan.h"
#include "tenon/passes/options.h"

namespace tenon::lower {

// What the parts of a program were in the graph that was lowered: for tools.
struct Origins {
  const ir::Graph& graph;
  const fuse::FusionPlan& plan;
  std::vector<int32_t> kernels;  // by group of the plan: one past the last kernel that computes it
  std::vector<int32_t> buffers;  // by value of the graph: where it lies, or -1
};

absl::StatusOr<kernel::Program> Lower(const ir::Graph& graph, const fuse::FusionPlan& plan,
                                      const ir::TargetDesc& target,
                                      const passes::PipelineOptions& options);

}  // namespace tenon::lower

#endif  // TENON_PASSES_LOWER_LOWER_H_
