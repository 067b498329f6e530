#include "tenon/passes/simplify/simplify.h"

#include <utility>

#include "tenon/ir/check.h"
#include "tenon/passes/simplify/rewriter.h"

namespace tenon::passes {

using ir::Graph;

namespace {

absl::StatusOr<Graph> Run(const Graph& graph, PassContext& context, std::set<RuleGroup> groups) {
  const RewriteOptions options{std::move(groups), context.options.numerics, context.target.has_fma,
                               ""};
  RewriteStats stats;
  TENON_ASSIGN_OR_RETURN(Graph result, Rewrite(graph, options, stats));
  context.rule_visits += stats.visits;
  return result;
}

}  // namespace

absl::StatusOr<Graph> SimplifyAll(const Graph& graph, PassContext& context) {
  std::set<RuleGroup> groups;
  const std::pair<PassId, RuleGroup> all[] = {{PassId::kFold, RuleGroup::kFold},
                                              {PassId::kAlgebra, RuleGroup::kAlgebra},
                                              {PassId::kMovement, RuleGroup::kMovement},
                                              {PassId::kContraction, RuleGroup::kContraction},
                                              {PassId::kControl, RuleGroup::kControl}};
  for (const auto& [pass, group] : all) {
    if (context.options.IsEnabled(GetPass(pass).name)) groups.insert(group);
  }
  return Run(graph, context, std::move(groups));
}

absl::StatusOr<Graph> SimplifyFold(const Graph& graph, PassContext& context) {
  return Run(graph, context, {RuleGroup::kFold});
}
absl::StatusOr<Graph> SimplifyAlgebra(const Graph& graph, PassContext& context) {
  return Run(graph, context, {RuleGroup::kAlgebra});
}
absl::StatusOr<Graph> SimplifyMovement(const Graph& graph, PassContext& context) {
  return Run(graph, context, {RuleGroup::kMovement});
}
absl::StatusOr<Graph> SimplifyContraction(const Graph& graph, PassContext& context) {
  return Run(graph, context, {RuleGroup::kContraction});
}
absl::StatusOr<Graph> SimplifyControl(const Graph& graph, PassContext& context) {
  return Run(graph, context, {RuleGroup::kControl});
}
absl::StatusOr<Graph> Decompose(const Graph& graph, PassContext& context) {
  return Run(graph, context, {RuleGroup::kDecompose});
}

}  // namespace tenon::passes
