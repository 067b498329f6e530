#include "tenon/passes/simplify/inline.h"

#include <utility>
#include <vector>

#include "tenon/passes/graph_copy.h"

namespace tenon::passes {

using ir::Graph;
using ir::Node;
using ir::OpCode;
using ir::ValueId;

Graph InlineCalls(const Graph& graph) {
  Graph result(graph.name());
  GraphCopier copier(graph, result);
  copier.CopyInputs();
  for (const Node& node : graph.nodes()) {
    std::vector<Graph> regions;
    for (const Graph& region : node.regions) regions.push_back(InlineCalls(region));
    if (node.op != OpCode::kCall) {
      copier.Copy(node, std::move(regions));
      continue;
    }
    const std::vector<ValueId> outputs = Splice(regions[0], result, copier(node.operands));
    for (size_t i = 0; i < outputs.size(); ++i) copier.Map(node.results[i], outputs[i]);
  }
  copier.CopyOutputs();
  return result;
}

absl::StatusOr<Graph> InlineCalls(const Graph& graph, PassContext& context) {
  context.rule_visits += graph.CountNodes();
  return InlineCalls(graph);
}

}  // namespace tenon::passes
