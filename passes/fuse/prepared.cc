#include "tenon/passes/fuse/prepared.h"

#include <algorithm>

#include "tenon/ir/op.h"

namespace tenon::fuse {

using ir::ComputeClass;
using ir::Graph;
using ir::NodeId;
using ir::ValueId;

namespace {

ComputeClass ClassOf(const Graph& graph, NodeId id) {
  return ir::GetOpDef(graph.node(id).op).compute_class;
}

// By value: parameters that no output takes the place of.
std::vector<bool> ParametersThatStay(const Graph& graph) {
  std::vector<bool> stay(graph.num_values());
  for (const ir::Input& input : graph.inputs()) {
    stay[input.value.index] = input.kind == ir::InputKind::kParameter;
  }
  for (const ir::Output& output : graph.outputs()) {
    if (output.donated_input < 0) continue;
    stay[graph.inputs()[output.donated_input].value.index] = false;
  }
  return stay;
}

bool IsStatic(const Graph& graph, const ir::Node& node) {
  const auto is_static = [&](ValueId v) { return graph.type(v).is_static(); };
  return std::all_of(node.operands.begin(), node.operands.end(), is_static) &&
         std::all_of(node.results.begin(), node.results.end(), is_static);
}

// The two groups of a hosted sum stay together, in the step.
bool AddsForAnother(const Group& group) {
  return std::any_of(group.nests.begin(), group.nests.end(), [](const Nest& nest) {
    return !nest.columns.empty() || (!nest.reductions.empty() && nest.reductions[0].hosted);
  });
}

}  // namespace

std::vector<bool> FixedValues(const Graph& graph) {
  std::vector<bool> fixed = ParametersThatStay(graph);
  for (uint32_t i = 0; i < graph.nodes().size(); ++i) {
    const ir::Node& node = graph.node(NodeId{i});
    const bool is_fixed = ClassOf(graph, NodeId{i}) != ComputeClass::kControl &&
                          IsStatic(graph, node) &&
                          std::all_of(node.operands.begin(), node.operands.end(),
                                      [&](ValueId v) { return fixed[v.index]; });
    for (ValueId v : node.results) fixed[v.index] = is_fixed;
  }
  return fixed;
}

Prepared::Prepared(const Graph& graph, const FusionPlan& plan)
    : groups_(plan.groups.size()), readable_(ParametersThatStay(graph)) {
  const std::vector<ValueId> memory = MemoryOfValues(graph);
  for (uint32_t v = 0; v < memory.size(); ++v) {
    const NodeId id = graph.producer(ValueId{v});
    if (id.valid()) readable_[v] = ClassOf(graph, id) == ComputeClass::kConstant;
  }
  std::vector<bool> returned(graph.num_values());
  for (const ir::Output& output : graph.outputs()) {
    returned[memory[output.value.index].index] = true;
  }
  for (size_t g = 0; g < plan.groups.size(); ++g) {
    const Group& group = plan.groups[g];
    groups_[g] = group.kind != GroupKind::kControl && !FillsWithNumber(graph, group) &&
                 !AddsForAnother(group) &&
                 std::none_of(group.stored.begin(), group.stored.end(),
                              [&](ValueId v) { return returned[v.index]; }) &&
                 std::all_of(group.inputs.begin(), group.inputs.end(),
                             [&](ValueId v) { return readable_[memory[v.index].index]; }) &&
                 std::all_of(group.members.begin(), group.members.end(),
                             [&](NodeId id) { return IsStatic(graph, graph.node(id)); });
    if (!groups_[g]) continue;
    for (ValueId v : group.stored) readable_[v.index] = true;
  }
  for (uint32_t v = 0; v < memory.size(); ++v) readable_[v] = readable_[memory[v].index];
}

}  // namespace tenon::fuse
