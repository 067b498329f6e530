#include "tenon/passes/remat/fit.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tenon/ir/check.h"
#include "tenon/ir/verifier.h"
#include "tenon/passes/fuse/verify.h"
#include "tenon/passes/memory/peak.h"
#include "tenon/passes/memory/timeline.h"
#include "tenon/passes/remat/remat.h"
#include "tenon/passes/remat/rewrite.h"

namespace tenon::remat {

using memory::Timeline;

namespace {

constexpr int kRounds = 8;
constexpr int kListed = 12;
constexpr absl::string_view kStage = "remat";

passes::RematReport Report(const ir::Graph& graph, const fuse::FusionPlan& plan,
                           const Timeline& before, const Timeline& after) {
  passes::RematReport report;
  for (const memory::TimelineStep& step : after.steps) {
    if (step.repetition == 0) continue;
    for (int i : step.writes) {
      ++report.values;
      report.bytes += after.instances[i].bytes;
    }
  }
  report.flops_before = Flops(graph, plan, before);
  report.flops_after = Flops(graph, plan, after);
  return report;
}

std::string Exact(int64_t bytes) {
  const std::string text = memory::BytesText(bytes), plain = absl::StrCat(bytes, " bytes");
  return text == plain ? text : absl::StrCat(text, " (", plain, ")");
}

absl::Status DoesNotFit(const ir::Graph& graph, const Timeline& best, int64_t limit,
                        int64_t without, int64_t least) {
  return absl::ResourceExhaustedError(
      absl::StrCat("the memory limit of ", Exact(limit), " cannot be met: the arena takes ",
                   Exact(without), ", with values computed again at least ", Exact(least),
                   ". Alive at its peak:\n", memory::TensorsAtPeak(graph, best, kListed)));
}

absl::Status CheckRewritten(const passes::PipelineOptions& options, Planned* planned) {
  if (options.tampering.graph) options.tampering.graph(kStage, &planned->graph);
  if (options.verify_after_each) {
    absl::Status status = ir::Verify(planned->graph);
    if (status.ok()) status = fuse::Verify(planned->graph, planned->plan);
    if (!status.ok()) return passes::StageError(kStage, status);
  }
  if (options.after_pass) options.after_pass({.pass = kStage}, planned->graph);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<kernel::Program> Fit(const ir::Graph& graph, const fuse::FusionPlan& plan,
                                    const kernel::Program& program,
                                    const passes::PipelineOptions& options, const LowerFn& lower) {
  const int64_t limit = options.memory_limit;
  const Timeline before(graph, plan);
  Timeline best = before;
  int64_t least = program.arena_bytes, budget = limit;
  for (int round = 0; round < kRounds && budget > 0; ++round) {
    const Timeline after = Rematerialise(graph, plan, budget);
    Planned planned = Rewrite(graph, plan, after);
    TENON_RETURN_IF_ERROR(CheckRewritten(options, &planned));
    TENON_ASSIGN_OR_RETURN(kernel::Program result, lower(planned.graph, planned.plan));
    if (result.arena_bytes <= limit) {
      result.symbols = program.symbols;  // nodes may stand in another order now
      passes::RematReport report = Report(graph, plan, before, after);
      report.arena_before = program.arena_bytes;
      report.arena_after = result.arena_bytes;
      if (options.after_remat) options.after_remat(report);
      return result;
    }
    if (result.arena_bytes < least) {
      least = result.arena_bytes;
      best = after;
    }
    if (after.Peak() > budget) break;  // nothing is left to choose
    // Kernels' own buffers, which no timeline knows, make the arena larger than what is alive: what
    // is too much has to come off from there.
    budget = std::min(budget, after.Peak()) - std::max(result.arena_bytes - limit, limit / 64);
  }
  return DoesNotFit(graph, best, limit, program.arena_bytes, least);
}

}  // namespace tenon::remat
