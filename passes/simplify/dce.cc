#include "tenon/passes/simplify/dce.h"

#include <utility>
#include <vector>

#include "tenon/passes/graph_copy.h"

namespace tenon::passes {

using ir::Graph;

namespace {

Graph DropNodes(const Graph& graph, int64_t& visits) {
  const std::vector<bool> live = LiveNodes(graph);
  Graph result(graph.name());
  GraphCopier copier(graph, result);
  copier.CopyInputs();
  for (size_t i = 0; i < live.size(); ++i) {
    ++visits;
    if (!live[i]) continue;
    std::vector<Graph> regions;
    for (const Graph& region : graph.nodes()[i].regions)
      regions.push_back(DropNodes(region, visits));
    copier.Copy(graph.nodes()[i], std::move(regions));
  }
  copier.CopyOutputs();
  return result;
}

}  // namespace

absl::StatusOr<Graph> EliminateDeadCode(const Graph& graph, PassContext& context) {
  return DropNodes(graph, context.rule_visits);
}

}  // namespace tenon::passes
