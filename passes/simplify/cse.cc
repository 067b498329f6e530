#include "tenon/passes/simplify/cse.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "absl/hash/hash.h"
#include "tenon/ir/attributes_util.h"
#include "tenon/passes/graph_copy.h"

namespace tenon::passes {

using ir::CompareAttrs;
using ir::CompareKind;
using ir::Graph;
using ir::Node;
using ir::NodeId;
using ir::OpCode;
using ir::ValueId;

namespace {

bool IsCommutative(const Node& node, bool is_float) {
  switch (node.op) {
    case OpCode::kAdd:
    case OpCode::kMul:
    case OpCode::kAnd:
    case OpCode::kOr:
    case OpCode::kXor:
      return true;
    case OpCode::kMax:
    case OpCode::kMin:
      return !is_float;  // which of two zeros comes out depends on the order
    case OpCode::kCompare: {
      const CompareKind kind = node.attrs<CompareAttrs>().kind;
      return kind == CompareKind::kEq || kind == CompareKind::kNe;
    }
    default:
      return false;
  }
}

// a > b as b < a.
void TurnAround(Node& node) {
  if (node.op != OpCode::kCompare) return;
  CompareKind& kind = std::get<CompareAttrs>(node.attributes).kind;
  if (kind != CompareKind::kGt && kind != CompareKind::kGe) return;
  kind = kind == CompareKind::kGt ? CompareKind::kLt : CompareKind::kLe;
  std::swap(node.operands[0], node.operands[1]);
}

size_t HashOf(const Graph& graph);

size_t HashOf(const Node& node) {
  size_t hash =
      absl::HashOf(static_cast<int>(node.op), node.operands, ir::HashAttributes(node.attributes));
  for (const Graph& region : node.regions) hash = absl::HashOf(hash, HashOf(region));
  return hash;
}

size_t HashOf(const Graph& graph) {
  size_t hash = absl::HashOf(graph.inputs().size());
  for (const Node& node : graph.nodes()) hash = absl::HashOf(hash, HashOf(node));
  for (const ir::Output& output : graph.outputs()) hash = absl::HashOf(hash, output.value);
  return hash;
}

bool NodesEqual(const Node& a, const Node& b) {
  if (a.op != b.op || a.operands != b.operands || a.regions.size() != b.regions.size() ||
      !ir::AttributesEqual(a.attributes, b.attributes)) {
    return false;
  }
  for (size_t i = 0; i < a.regions.size(); ++i) {
    if (!GraphsEqual(a.regions[i], b.regions[i])) return false;
  }
  return true;
}

Graph Run(const Graph& graph, int64_t& visits) {
  Graph result(graph.name());
  GraphCopier copier(graph, result);
  copier.CopyInputs();
  // A node in canonical form, as it stands in the result, by the hash of that form.
  std::unordered_multimap<size_t, std::pair<Node, NodeId>> known;
  known.reserve(graph.nodes().size());
  for (const Node& node : graph.nodes()) {
    ++visits;
    Node key;
    key.op = node.op;
    key.attributes = node.attributes;
    key.operands = copier(node.operands);
    for (const Graph& region : node.regions) key.regions.push_back(Run(region, visits));
    std::vector<Graph> regions = key.regions;
    const bool is_float = !node.operands.empty() && ir::IsFloat(graph.type(node.operands[0]).dtype);
    TurnAround(key);
    if (IsCommutative(key, is_float)) std::sort(key.operands.begin(), key.operands.end());
    const size_t hash = HashOf(key);
    NodeId same;
    const auto range = known.equal_range(hash);
    for (auto it = range.first; it != range.second && !same.valid(); ++it) {
      if (NodesEqual(it->second.first, key)) same = it->second.second;
    }
    if (same.valid()) {
      for (size_t i = 0; i < node.results.size(); ++i) {
        copier.Map(node.results[i], result.node(same).results[i]);
      }
      continue;
    }
    const NodeId id = copier.Copy(node, std::move(regions));
    known.emplace(hash, std::make_pair(std::move(key), id));
  }
  copier.CopyOutputs();
  return result;
}

}  // namespace

bool GraphsEqual(const Graph& a, const Graph& b) {
  if (a.inputs().size() != b.inputs().size() || a.nodes().size() != b.nodes().size() ||
      a.outputs().size() != b.outputs().size() || a.num_values() != b.num_values()) {
    return false;
  }
  for (size_t i = 0; i < a.inputs().size(); ++i) {
    if (!(a.type(a.inputs()[i].value) == b.type(b.inputs()[i].value))) return false;
  }
  for (size_t i = 0; i < a.nodes().size(); ++i) {
    if (!NodesEqual(a.nodes()[i], b.nodes()[i])) return false;
  }
  for (size_t i = 0; i < a.outputs().size(); ++i) {
    if (a.outputs()[i].value != b.outputs()[i].value) return false;
  }
  return true;
}

absl::StatusOr<Graph> EliminateCommonSubexpressions(const Graph& graph, PassContext& context) {
  return Run(graph, context.rule_visits);
}

}  // namespace tenon::passes
