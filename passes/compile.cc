#include "tenon/passes/compile.h"

#include "tenon/ir/check.h"
#include "tenon/ir/verifier.h"
#include "tenon/passes/pipeline.h"

namespace tenon::passes {

absl::StatusOr<kernel::Program> CompileToProgram(const ir::Graph& graph,
                                                 const ir::TargetDesc& target,
                                                 const PipelineOptions& options) {
  TENON_RETURN_IF_ERROR(ir::Verify(graph));
  TENON_ASSIGN_OR_RETURN(const ir::Graph simplified, Simplify(graph, options, target));
  return ScheduleProgram(simplified, target, options);
}

}  // namespace tenon::passes
