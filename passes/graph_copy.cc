#include "tenon/passes/graph_copy.h"

#include <utility>

#include "tenon/ir/check.h"

namespace tenon::passes {

using ir::Graph;
using ir::Node;
using ir::NodeId;
using ir::TensorType;
using ir::ValueId;

void GraphCopier::CopyInputs() {
  for (const ir::Input& input : from_.inputs()) {
    Map(input.value,
        to_.AddInput(input.name, input.kind, from_.type(input.value), input.init, input.location));
  }
}

std::vector<ValueId> GraphCopier::operator()(absl::Span<const ValueId> from) const {
  std::vector<ValueId> result;
  result.reserve(from.size());
  for (ValueId v : from) result.push_back(map_[v.index]);
  return result;
}

NodeId GraphCopier::Copy(const Node& node, std::vector<Graph> regions) {
  std::vector<TensorType> types;
  types.reserve(node.results.size());
  for (ValueId v : node.results) types.push_back(from_.type(v));
  std::vector<ValueId> operands = (*this)(node.operands);
  for (ValueId v : operands) TENON_CHECK(v.valid());
  const NodeId id = to_.AddNode(node.op, node.attributes, std::move(operands), std::move(types),
                                std::move(regions), node.location);
  const std::vector<ValueId>& results = to_.node(id).results;
  for (size_t i = 0; i < results.size(); ++i) Map(node.results[i], results[i]);
  return id;
}

void GraphCopier::CopyOutputs() {
  for (const ir::Output& output : from_.outputs()) {
    to_.AddOutput(output.name, (*this)(output.value), output.donated_input);
  }
}

std::vector<ValueId> Splice(const Graph& from, Graph& to, absl::Span<const ValueId> inputs) {
  TENON_CHECK(inputs.size() == from.inputs().size());
  GraphCopier copier(from, to);
  for (size_t i = 0; i < inputs.size(); ++i) copier.Map(from.inputs()[i].value, inputs[i]);
  for (const Node& node : from.nodes()) copier.Copy(node);
  std::vector<ValueId> outputs;
  for (const ir::Output& output : from.outputs()) outputs.push_back(copier(output.value));
  return outputs;
}

std::vector<bool> LiveNodes(const Graph& graph) {
  std::vector<bool> live_values(static_cast<size_t>(graph.num_values()));
  std::vector<bool> live(graph.nodes().size());
  for (const ir::Output& output : graph.outputs()) live_values[output.value.index] = true;
  for (size_t i = graph.nodes().size(); i-- > 0;) {
    const Node& node = graph.nodes()[i];
    for (ValueId v : node.results) live[i] = live[i] || live_values[v.index];
    if (!live[i]) continue;
    for (ValueId v : node.operands) live_values[v.index] = true;
  }
  return live;
}

Graph Prune(const Graph& graph) {
  const std::vector<bool> live = LiveNodes(graph);
  Graph result(graph.name());
  GraphCopier copier(graph, result);
  copier.CopyInputs();
  for (size_t i = 0; i < live.size(); ++i) {
    if (live[i]) copier.Copy(graph.nodes()[i]);
  }
  copier.CopyOutputs();
  return result;
}

ValueId AddZeros(Graph& graph, const TensorType& type, const ir::Location& location) {
  const NodeId zero =
      graph.AddNode(ir::OpCode::kConstant, ir::ConstantAttrs{ir::Literal(type.dtype, {})}, {},
                    {TensorType{type.dtype, {}}}, {}, location);
  const ValueId scalar = graph.node(zero).results[0];
  if (type.rank() == 0) return scalar;
  const NodeId filled = graph.AddNode(ir::OpCode::kBroadcast, ir::BroadcastAttrs{type.dims, {}},
                                      {scalar}, {type}, {}, location);
  return graph.node(filled).results[0];
}

}  // namespace tenon::passes
