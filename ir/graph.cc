#include "tenon/ir/graph.h"

#include <map>

#include "tenon/ir/attributes_util.h"
#include "tenon/ir/check.h"

namespace tenon::ir {
namespace {

// Collects symbols in order of first appearance.
class SymbolCollector {
 public:
  void Add(const Dim& dim) {
    dim.VisitSymbols([this](const std::string& name, int64_t bound) {
      if (seen_.emplace(name, 0).second) symbols_.emplace_back(name, bound);
    });
  }
  void Add(const TensorType& type) {
    for (const Dim& d : type.dims) Add(d);
  }
  void Add(const Shape& shape) {
    for (const Dim& d : shape) Add(d);
  }
  template <typename T>
  void Add(const T&) {}  // fields without dimensions

  // Of the regions too: a symbol may occur in them alone.
  void Add(const Graph& graph) {
    for (const Input& input : graph.inputs()) Add(graph.type(input.value));
    for (const Node& node : graph.nodes()) {
      if (node.op == OpCode::kConstant) continue;  // literals are static
      VisitFields(node.attributes, [this](absl::string_view, const auto& field) { Add(field); });
      for (const Graph& region : node.regions) Add(region);
    }
  }
  std::vector<std::pair<std::string, int64_t>> Take() { return std::move(symbols_); }

 private:
  std::map<std::string, int> seen_;
  std::vector<std::pair<std::string, int64_t>> symbols_;
};

}  // namespace

std::vector<std::pair<std::string, int64_t>> Graph::Symbols() const {
  SymbolCollector collector;
  collector.Add(*this);
  return collector.Take();
}

int Graph::FindInput(absl::string_view name) const {
  for (size_t i = 0; i < inputs_.size(); ++i) {
    if (inputs_[i].name == name) return static_cast<int>(i);
  }
  return -1;
}

int Graph::FindOutput(absl::string_view name) const {
  for (size_t i = 0; i < outputs_.size(); ++i) {
    if (outputs_[i].name == name) return static_cast<int>(i);
  }
  return -1;
}

int64_t Graph::CountNodes() const {
  int64_t count = static_cast<int64_t>(nodes_.size());
  for (const Node& node : nodes_) {
    for (const Graph& region : node.regions) count += region.CountNodes();
  }
  return count;
}

ValueId Graph::AddInput(std::string name, InputKind kind, TensorType type, Initializer init,
                        Location location) {
  const ValueId value{static_cast<uint32_t>(values_.size())};
  values_.push_back({std::move(type), NodeId(), static_cast<uint32_t>(inputs_.size())});
  inputs_.push_back({std::move(name), kind, value, init, std::move(location)});
  return value;
}

NodeId Graph::AddNode(OpCode op, Attributes attributes, std::vector<ValueId> operands,
                      std::vector<TensorType> result_types, std::vector<Graph> regions,
                      Location location) {
  const NodeId id{static_cast<uint32_t>(nodes_.size())};
  Node node;
  node.op = op;
  node.attributes = std::move(attributes);
  node.operands = std::move(operands);
  node.regions = std::move(regions);
  node.location = std::move(location);
  for (size_t i = 0; i < result_types.size(); ++i) {
    node.results.push_back(ValueId{static_cast<uint32_t>(values_.size())});
    values_.push_back({std::move(result_types[i]), id, static_cast<uint32_t>(i)});
  }
  nodes_.push_back(std::move(node));
  return id;
}

void Graph::AddOutput(std::string name, ValueId value, int donated_input) {
  outputs_.push_back({std::move(name), value, donated_input});
}

}  // namespace tenon::ir
