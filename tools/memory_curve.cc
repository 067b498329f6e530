#include "tools/memory_curve.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tenon/ir/check.h"
#include "tenon/passes/compile.h"
#include "tools/kernel_cost.h"

namespace tenon::tools {
namespace {

constexpr double kBytesPerCycle = 8;

class Predictor {
 public:
  Predictor(const kernel::Program& program, const ir::TargetDesc& target)
      : program_(program),
        flops_per_cycle_(std::max(1, target.Lanes(4)) * target.fma_per_cycle *
                         (target.has_fma ? 2.0 : 1.0)) {
    for (const kernel::Symbol& symbol : program.symbols) extents_[symbol.name] = symbol.bound;
  }

  double Cycles() { return Of(program_.step); }

 private:
  double Of(const std::vector<kernel::Step>& steps) {
    double cycles = 0;
    for (const kernel::Step& step : steps) {
      switch (step.kind) {
        case kernel::Step::Kind::kLaunch: {
          const LaunchCost cost = CostOf(program_, step.launch, extents_);
          cycles += std::max((cost.f32_flops + 2 * cost.f64_flops) / flops_per_cycle_ +
                                 cost.bf16_flops / (2 * flops_per_cycle_),
                             cost.bytes() / kBytesPerCycle);
          break;
        }
        case kernel::Step::Kind::kBarrier:
          break;
        case kernel::Step::Kind::kRepeat: {
          const int64_t trips = step.repeat.trip_count.Evaluate(extents_).value_or(1);
          extents_[step.repeat.variable] = 0;
          cycles += static_cast<double>(trips) * Of(step.repeat.body);
          extents_.erase(step.repeat.variable);
          break;
        }
        case kernel::Step::Kind::kWhile:  // how often is known at run time
          cycles += Of(step.loop.condition) + Of(step.loop.body);
          break;
        case kernel::Step::Kind::kBranch:
          cycles += std::max(Of(step.branch.if_true), Of(step.branch.if_false));
          break;
      }
    }
    return cycles;
  }

  const kernel::Program& program_;
  const double flops_per_cycle_;
  ir::Extents extents_;
};

// As Artifact::ArenaBytes counts.
int64_t ArenaBytes(const kernel::Program& program) {
  return (program.arena_bytes + 63) / 64 * 64 + program.scratch_bytes;
}

}  // namespace

absl::StatusOr<std::string> MemoryCurve(const ir::Graph& graph, const ir::TargetDesc& target,
                                        const passes::PipelineOptions& options) {
  constexpr int kPercents[] = {95, 90, 80, 70, 60, 50, 40, 30, 25, 20, 15, 10};
  passes::PipelineOptions own = options;
  own.memory_limit = 0;
  own.memory_limit_threads = 1;
  TENON_ASSIGN_OR_RETURN(const kernel::Program free, passes::CompileToProgram(graph, target, own));
  const double before = Predictor(free, target).Cycles();
  std::string table =
      absl::StrFormat("%12s %12s %16s %8s\n", "limit", "arena", "computed again", "time");
  absl::StrAppend(&table,
                  absl::StrFormat("%12s %12d %16d %8s\n", "none", ArenaBytes(free), 0, "1.000"));
  for (const int percent : kPercents) {
    passes::RematReport report;
    own.after_remat = [&](const passes::RematReport& r) { report = r; };
    own.memory_limit = ArenaBytes(free) * percent / 100;
    if (own.memory_limit == 0) break;
    const auto program = passes::CompileToProgram(graph, target, own);
    if (absl::IsResourceExhausted(program.status())) {
      absl::StrAppend(&table, absl::StrFormat("%12d %12s\n", own.memory_limit, "does not fit"));
      break;
    }
    if (!program.ok()) return program.status();
    absl::StrAppend(
        &table, absl::StrFormat("%12d %12d %16d %8.3f\n", own.memory_limit, ArenaBytes(*program),
                                report.bytes, Predictor(*program, target).Cycles() / before));
  }
  return table;
}

}  // namespace tenon::tools
