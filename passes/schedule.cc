#include "tenon/ir/check.h"
#include "tenon/ir/kernel/verifier.h"
#include "tenon/passes/compile.h"
#include "tenon/passes/fuse/fuse.h"
#include "tenon/passes/fuse/verify.h"
#include "tenon/passes/kernel/barriers.h"
#include "tenon/passes/lower/lower.h"
#include "tenon/passes/memory/plan.h"
#include "tenon/passes/remat/fit.h"

namespace tenon::passes {

namespace {

// A program that its verifier refuses is this stage's fault.
absl::Status CheckStage(absl::string_view stage, const PipelineOptions& options,
                        kernel::Program* program) {
  if (options.tampering.program) options.tampering.program(stage, program);
  if (options.verify_after_each) {
    const absl::Status status = kernel::Verify(*program);
    if (!status.ok()) return StageError(stage, status);
  }
  if (options.after_stage) options.after_stage(stage, *program);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<kernel::Program> ScheduleProgram(const ir::Graph& graph,
                                                const ir::TargetDesc& target,
                                                const PipelineOptions& options) {
  const auto lower = [&](const ir::Graph& g,
                         const fuse::FusionPlan& plan) -> absl::StatusOr<kernel::Program> {
    TENON_ASSIGN_OR_RETURN(kernel::Program program, lower::Lower(g, plan, target, options));
    TENON_RETURN_IF_ERROR(CheckStage("lower", options, &program));
    TENON_RETURN_IF_ERROR(memory::PlanMemory(&program, options.memory_limit, PlaceBarriers));
    TENON_RETURN_IF_ERROR(CheckStage("memory", options, &program));
    return program;
  };
  fuse::FusionPlan plan = fuse::Fuse(graph, target, options);
  if (options.tampering.plan) options.tampering.plan(&plan);
  if (options.verify_after_each) {
    const absl::Status status = fuse::Verify(graph, plan);
    if (!status.ok()) return StageError("fuse", status);
  }
  TENON_ASSIGN_OR_RETURN(kernel::Program program, lower(graph, plan));
  if (options.memory_limit > 0 && program.arena_bytes > options.memory_limit) {
    TENON_ASSIGN_OR_RETURN(program, remat::Fit(graph, plan, program, options, lower));
  }
  PlaceBarriers(&program);
  TENON_RETURN_IF_ERROR(CheckStage("barriers", options, &program));
  return program;
}

}  // namespace tenon::passes
