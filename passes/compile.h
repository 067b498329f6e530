// CompileToProgram: from a graph to a scheduled kernel program with its memory planned, stage by
// stage: verify, simplify, fuse, lower, plan memory, place barriers. What comes out is what code
// generation and the kernel interpreter take.
#ifndef TENON_PASSES_COMPILE_H_
#define TENON_PASSES_COMPILE_H_

#include "absl/status/statusor.h"
#include "tenon/ir/graph.h"
#include "tenon/ir/kernel/kernel.h"
#include "tenon/ir/target.h"
#include "tenon/passes/options.h"

namespace tenon::passes {

// Errors: InvalidArgument and the like for the graph; Internal when a stage breaks an invariant.
absl::StatusOr<kernel::Program> CompileToProgram(const ir::Graph& graph,
                                                 const ir::TargetDesc& target,
                                                 const PipelineOptions& options);

// The stages behind the graph passes: for a graph that is simplified (or not to be).
absl::StatusOr<kernel::Program> ScheduleProgram(const ir::Graph& graph,
                                                const ir::TargetDesc& target,
                                                const PipelineOptions& options);

}  // namespace tenon::passes

#endif  // TENON_PASSES_COMPILE_H_
