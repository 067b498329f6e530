#include "tenon/passes/simplify/rules/regions.h"

#include <utility>

#include "tenon/passes/graph_copy.h"

namespace tenon::passes::rules {

using ir::Graph;
using ir::Node;
using ir::Value;
using ir::ValueId;

RegionUse UseOf(const Graph& region, const std::vector<bool>& outputs) {
  std::vector<bool> used(static_cast<size_t>(region.num_values()));
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i]) used[region.outputs()[i].value.index] = true;
  }
  for (size_t n = region.nodes().size(); n-- > 0;) {
    const Node& node = region.nodes()[n];
    bool live = false;
    for (ValueId v : node.results) live = live || used[v.index];
    if (!live) continue;
    for (ValueId v : node.operands) used[v.index] = true;
  }
  RegionUse use;
  for (const ir::Input& input : region.inputs()) use.inputs.push_back(used[input.value.index]);
  return use;
}

Graph Restrict(const Graph& region, const std::vector<bool>& inputs,
               const std::vector<bool>& outputs) {
  Graph live(region.name());
  GraphCopier first(region, live);
  first.CopyInputs();
  for (const Node& node : region.nodes()) first.Copy(node);
  for (size_t i = 0; i < outputs.size(); ++i) {
    const ir::Output& output = region.outputs()[i];
    if (outputs[i]) live.AddOutput(output.name, first(output.value));
  }
  live = Prune(live);
  Graph result(region.name());
  GraphCopier copier(live, result);
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i]) continue;
    const ir::Input& input = live.inputs()[i];
    copier.Map(input.value, result.AddInput(input.name, input.kind, live.type(input.value),
                                            input.init, input.location));
  }
  for (const Node& node : live.nodes()) copier.Copy(node);
  copier.CopyOutputs();
  return result;
}

Graph ReorderInputs(const Graph& region, const std::vector<int>& order) {
  Graph result(region.name());
  GraphCopier copier(region, result);
  for (int i : order) {
    const ir::Input& input = region.inputs()[i];
    copier.Map(input.value, result.AddInput(input.name, input.kind, region.type(input.value),
                                            input.init, input.location));
  }
  for (const Node& node : region.nodes()) copier.Copy(node);
  copier.CopyOutputs();
  return result;
}

std::vector<Value> SpliceRegion(Match& m, const Graph& region, const std::vector<Value>& inputs) {
  std::vector<Value> map(static_cast<size_t>(region.num_values()));
  for (size_t i = 0; i < inputs.size(); ++i) map[region.inputs()[i].value.index] = inputs[i];
  for (const Node& node : region.nodes()) {
    const ir::GraphBuilder::ScopedLocation location(m.builder(), node.location);
    std::vector<Value> operands;
    for (ValueId v : node.operands) operands.push_back(map[v.index]);
    const std::vector<Value> results =
        m.builder().Apply(node.op, node.attributes, std::move(operands), node.regions);
    for (size_t i = 0; i < results.size(); ++i) map[node.results[i].index] = results[i];
  }
  std::vector<Value> outputs;
  for (const ir::Output& output : region.outputs()) outputs.push_back(map[output.value.index]);
  return outputs;
}

}  // namespace tenon::passes::rules
