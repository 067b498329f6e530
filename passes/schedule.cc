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

// What the limit leaves to the arena itself, besides the scratch memory of threads.
absl::StatusOr<int64_t> ArenaLimit(const kernel::Program& program, const PipelineOptions& options) {
  constexpr int64_t kAlignment = 64;
  const int64_t scratch = options.memory_limit_threads * program.scratch_bytes;
  if (scratch == 0) return options.memory_limit;
  const int64_t left = (options.memory_limit - scratch) / kAlignment * kAlignment;
  if (left > 0) return left;
  return absl::ResourceExhaustedError(absl::StrCat(
      "the memory limit of ", options.memory_limit, " bytes cannot be met: the scratch memory of ",
      options.memory_limit_threads, " thread(s) alone takes ", scratch, " bytes"));
}

}  // namespace

absl::StatusOr<kernel::Program> ScheduleProgram(const ir::Graph& graph,
                                                const ir::TargetDesc& target,
                                                const PipelineOptions& options) {
  PipelineOptions limited = options;
  const auto lower = [&](const ir::Graph& g,
                         const fuse::FusionPlan& plan) -> absl::StatusOr<kernel::Program> {
    TENON_ASSIGN_OR_RETURN(kernel::Program program, lower::Lower(g, plan, target, options));
    TENON_RETURN_IF_ERROR(CheckStage("lower", options, &program));
    TENON_RETURN_IF_ERROR(memory::PlanMemory(&program, limited.memory_limit, PlaceBarriers));
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
  if (options.memory_limit > 0) {
    TENON_ASSIGN_OR_RETURN(limited.memory_limit, ArenaLimit(program, options));
    // Known only now, where scratch memory counts: the plan may have been made for more.
    if (limited.memory_limit < options.memory_limit) {
      TENON_ASSIGN_OR_RETURN(program, lower(graph, plan));
    }
    if (program.arena_bytes > limited.memory_limit) {
      absl::StatusOr<kernel::Program> fitted = remat::Fit(graph, plan, program, limited, lower);
      if (absl::IsResourceExhausted(fitted.status()) &&
          limited.memory_limit < options.memory_limit) {
        return absl::ResourceExhaustedError(absl::StrCat(fitted.status().message(),
                                                         "A thread's scratch memory takes another ",
                                                         program.scratch_bytes, " bytes.\n"));
      }
      if (!fitted.ok()) return fitted;
      program = *std::move(fitted);
    }
  }
  PlaceBarriers(&program);
  TENON_RETURN_IF_ERROR(CheckStage("barriers", options, &program));
  return program;
}

}  // namespace tenon::passes
