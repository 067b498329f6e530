#include "tenon/passes/pass_manager.h"

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tenon/ir/check.h"
#include "tenon/ir/suggest.h"
#include "tenon/ir/verifier.h"
#include "tenon/passes/precision/mixed.h"
#include "tenon/passes/simplify/cse.h"
#include "tenon/passes/simplify/dce.h"
#include "tenon/passes/simplify/inline.h"
#include "tenon/passes/simplify/simplify.h"

namespace tenon::passes {

namespace {

constexpr PassInfo kPasses[] = {
#define TENON_PASS(enumerator, name, function, summary) \
  {PassId::enumerator, name, function, summary},
#include "tenon/passes/passes.def"
};

}  // namespace

absl::Span<const PassInfo> AllPasses() { return kPasses; }

const PassInfo& GetPass(PassId id) { return kPasses[static_cast<size_t>(id)]; }

std::optional<PassId> FindPass(absl::string_view name) {
  for (const PassInfo& pass : AllPasses()) {
    if (pass.name == name) return pass.id;
  }
  return std::nullopt;
}

absl::StatusOr<PassManager> PassManager::FromNames(absl::Span<const std::string> names) {
  std::vector<PassId> passes;
  std::vector<std::string> known;
  for (const PassInfo& pass : AllPasses()) known.emplace_back(pass.name);
  for (const std::string& name : names) {
    const std::optional<PassId> pass = FindPass(name);
    if (!pass.has_value()) {
      return absl::InvalidArgumentError(absl::StrCat("no pass is named \"", name,
                                                     "\"; there are: ", absl::StrJoin(known, ", "),
                                                     ir::DidYouMean(name, known)));
    }
    passes.push_back(*pass);
  }
  return PassManager(std::move(passes));
}

absl::StatusOr<ir::Graph> PassManager::Run(ir::Graph graph, const PipelineOptions& options,
                                           const ir::TargetDesc& target) {
  reports_.clear();
  for (PassId id : passes_) {
    const PassInfo& pass = GetPass(id);
    if (!options.IsEnabled(pass.name)) continue;
    PassReport report;
    report.pass = pass.name;
    report.nodes_before = graph.CountNodes();
    PassContext context{options, target};
    const auto start = std::chrono::steady_clock::now();
    TENON_ASSIGN_OR_RETURN(graph, pass.run(graph, context));
    report.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    report.rule_visits = context.rule_visits;
    if (options.tampering.graph) options.tampering.graph(pass.name, &graph);
    report.nodes_after = graph.CountNodes();
    if (options.verify_after_each) {
      const absl::Status status = ir::Verify(graph);
      if (!status.ok()) return StageError(pass.name, status);
    }
    if (options.after_pass) options.after_pass(report, graph);
    reports_.push_back(report);
  }
  return graph;
}

}  // namespace tenon::passes
