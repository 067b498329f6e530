#include "tenon/passes/simplify/cse.h"

#include <algorithm>
#include <deque>
#include <optional>
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

size_t HashOf(const Graph& graph);

// What makes two nodes the same: a node of the graph that is being read, with its operands in the
// graph that is being written, in canonical order, and its regions.
struct Key {
  const Node* node;
  std::vector<ValueId> operands;
  std::optional<CompareKind> compare;  // a > b as b < a
  const std::vector<Graph>* regions;

  size_t Hash() const {
    size_t hash = absl::HashOf(static_cast<int>(node->op), operands);
    hash = compare.has_value() ? absl::HashOf(hash, static_cast<int>(*compare))
                               : absl::HashOf(hash, ir::HashAttributes(node->attributes));
    for (const Graph& region : *regions) hash = absl::HashOf(hash, HashOf(region));
    return hash;
  }
  bool operator==(const Key& other) const {
    if (node->op != other.node->op || operands != other.operands || compare != other.compare ||
        regions->size() != other.regions->size()) {
      return false;
    }
    if (!compare.has_value() && !ir::AttributesEqual(node->attributes, other.node->attributes)) {
      return false;
    }
    for (size_t i = 0; i < regions->size(); ++i) {
      if (!GraphsEqual((*regions)[i], (*other.regions)[i])) return false;
    }
    return true;
  }
};

size_t HashOf(const Graph& graph) {
  size_t hash = absl::HashOf(graph.inputs().size());
  for (const Node& node : graph.nodes()) {
    hash = absl::HashOf(hash, Key{&node, node.operands, std::nullopt, &node.regions}.Hash());
  }
  for (const ir::Output& output : graph.outputs()) hash = absl::HashOf(hash, output.value);
  return hash;
}

bool NodesEqual(const Node& a, const Node& b) {
  return Key{&a, a.operands, std::nullopt, &a.regions} ==
         Key{&b, b.operands, std::nullopt, &b.regions};
}

Key KeyOf(const Node& node, std::vector<ValueId> operands, const std::vector<Graph>* regions,
          bool is_float) {
  Key key{&node, std::move(operands), std::nullopt, regions};
  if (node.op == OpCode::kCompare) {
    CompareKind kind = node.attrs<CompareAttrs>().kind;
    if (kind == CompareKind::kGt || kind == CompareKind::kGe) {
      kind = kind == CompareKind::kGt ? CompareKind::kLt : CompareKind::kLe;
      std::swap(key.operands[0], key.operands[1]);
    }
    key.compare = kind;
  }
  if (IsCommutative(node, is_float)) std::sort(key.operands.begin(), key.operands.end());
  return key;
}

Graph ShareNodes(const Graph& graph, int64_t& visits) {
  Graph result(graph.name());
  GraphCopier copier(graph, result);
  copier.CopyInputs();
  std::unordered_multimap<size_t, std::pair<Key, NodeId>> known;
  known.reserve(graph.nodes().size());
  std::deque<std::vector<Graph>> all_regions;  // which keys refer to
  const std::vector<Graph> no_regions;
  for (const Node& node : graph.nodes()) {
    ++visits;
    const std::vector<Graph>* regions = &no_regions;
    if (!node.regions.empty()) {
      std::vector<Graph>& own = all_regions.emplace_back();
      for (const Graph& region : node.regions) own.push_back(ShareNodes(region, visits));
      regions = &own;
    }
    const bool is_float = !node.operands.empty() && ir::IsFloat(graph.type(node.operands[0]).dtype);
    const Key key = KeyOf(node, copier(node.operands), regions, is_float);
    const size_t hash = key.Hash();
    NodeId same;
    const auto range = known.equal_range(hash);
    for (auto it = range.first; it != range.second && !same.valid(); ++it) {
      if (it->second.first == key) same = it->second.second;
    }
    if (!same.valid()) {
      known.emplace(hash, std::make_pair(key, copier.Copy(node, *regions)));
      continue;
    }
    for (size_t i = 0; i < node.results.size(); ++i) {
      copier.Map(node.results[i], result.node(same).results[i]);
    }
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
  return ShareNodes(graph, context.rule_visits);
}

}  // namespace tenon::passes
