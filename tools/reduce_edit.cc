#include "tools/reduce_edit.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tenon/passes/graph_copy.h"

namespace tenon::tools {
namespace {

using ir::Graph;
using ir::Node;
using ir::ValueId;

// Zeros of this many bytes at most are a constant, others a broadcast one.
constexpr int64_t kMaxLiteralBytes = 1 << 16;

class Editor {
 public:
  Editor(const Graph& from, const Edit& edit)
      : from_(from), edit_(edit), to_(from.name()), map_(static_cast<size_t>(from.num_values())) {}

  std::optional<Graph> Run() {
    for (const ir::Input& input : from_.inputs()) {
      map_[input.value.index] =
          to_.AddInput(input.name, input.kind, from_.type(input.value), input.init, input.location);
    }
    std::vector<bool> used(map_.size());
    for (uint32_t i = 0; i < from_.nodes().size(); ++i) {
      const Node& node = from_.nodes()[i];
      if (edit_.left_out.count(i) > 0 || edit_.zeros.count(i) > 0) continue;
      CopyNode(node);
      for (ValueId v : node.operands) used[v.index] = true;
    }
    for (size_t o = 0; o < from_.outputs().size(); ++o) {
      const ir::Output& output = from_.outputs()[o];
      if (edit_.outputs_left_out.count(o) > 0 || IsLost(output.value)) continue;
      to_.AddOutput(output.name, Resolve(output.value), output.donated_input);
      used[output.value.index] = true;
    }
    AddLooseEnds(used);
    if (to_.outputs().empty()) return std::nullopt;
    return passes::Prune(to_);
  }

 private:
  // Whether a value is a result of a node that is left out, and nothing stands for it.
  bool IsLost(ValueId v) const {
    const ir::NodeId id = from_.producer(v);
    return id.valid() && edit_.left_out.count(id.index) > 0 && edit_.replaced.count(v.index) == 0;
  }

  void CopyNode(const Node& node) {
    std::vector<ir::TensorType> types;
    for (ValueId v : node.results) types.push_back(from_.type(v));
    std::vector<ValueId> operands;
    for (ValueId v : node.operands) operands.push_back(Resolve(v));
    const ir::NodeId id = to_.AddNode(node.op, node.attributes, std::move(operands),
                                      std::move(types), node.regions, node.location);
    for (size_t i = 0; i < node.results.size(); ++i) {
      map_[node.results[i].index] = to_.node(id).results[i];
    }
  }

  ValueId Resolve(ValueId v) {
    const auto replaced = edit_.replaced.find(v.index);
    if (replaced != edit_.replaced.end()) return Resolve(replaced->second);
    ValueId& mapped = map_[v.index];
    if (mapped.valid()) return mapped;
    const ir::NodeId id = from_.producer(v);
    if (edit_.zeros.count(id.index) > 0) return mapped = Zeros(from_.type(v), from_.node(id));
    return mapped =
               to_.AddInput(FreshName("in",
                                      [&](const std::string& name) {
                                        return to_.FindInput(name) < 0 && from_.FindInput(name) < 0;
                                      }),
                            ir::InputKind::kInput, from_.type(v));
  }

  ValueId Zeros(const ir::TensorType& type, const Node& node) {
    const std::optional<int64_t> elements = type.NumElements().UpperBound();
    if (type.is_static() && elements && *elements * ir::ByteSize(type.dtype) <= kMaxLiteralBytes) {
      std::vector<int64_t> dims;
      for (const ir::Dim& d : type.dims) dims.push_back(d.constant());
      const ir::NodeId id =
          to_.AddNode(ir::OpCode::kConstant, ir::ConstantAttrs{ir::Literal(type.dtype, dims)}, {},
                      {type}, {}, node.location);
      return to_.node(id).results[0];
    }
    return passes::AddZeros(to_, type, node.location);
  }

  void AddLooseEnds(std::vector<bool>& used) {
    const std::vector<bool> live = passes::LiveNodes(from_);
    for (uint32_t i : edit_.left_out) {
      if (!live[i]) continue;
      for (ValueId v : from_.nodes()[i].operands) {
        if (used[v.index] || from_.is_input(v) || IsLost(v)) continue;
        used[v.index] = true;
        to_.AddOutput(FreshName("out",
                                [&](const std::string& name) {
                                  return to_.FindOutput(name) < 0 && from_.FindOutput(name) < 0;
                                }),
                      Resolve(v));
      }
    }
  }

  template <typename IsFree>
  static std::string FreshName(const char* prefix, const IsFree& is_free) {
    for (int i = 0;; ++i) {
      std::string name = absl::StrCat(prefix, i);
      if (is_free(name)) return name;
    }
  }

  const Graph& from_;
  const Edit& edit_;
  Graph to_;
  std::vector<ValueId> map_;
};

}  // namespace

std::optional<Graph> Apply(const Graph& graph, const Edit& edit) {
  return Editor(graph, edit).Run();
}

Graph DropUnusedInputs(const Graph& graph) {
  std::set<uint32_t> used;
  for (const Node& node : graph.nodes()) {
    for (ValueId v : node.operands) used.insert(v.index);
  }
  for (const ir::Output& output : graph.outputs()) {
    used.insert(output.value.index);
    if (output.donated_input >= 0) used.insert(graph.inputs()[output.donated_input].value.index);
  }
  Graph result(graph.name());
  passes::GraphCopier copier(graph, result);
  std::vector<int> number;
  for (const ir::Input& input : graph.inputs()) {
    const bool keep = used.count(input.value.index) > 0;
    number.push_back(keep ? static_cast<int>(result.inputs().size()) : -1);
    if (!keep) continue;
    copier.Map(input.value, result.AddInput(input.name, input.kind, graph.type(input.value),
                                            input.init, input.location));
  }
  for (const Node& node : graph.nodes()) copier.Copy(node);
  for (const ir::Output& output : graph.outputs()) {
    result.AddOutput(output.name, copier(output.value),
                     output.donated_input < 0 ? -1 : number[output.donated_input]);
  }
  return result;
}

}  // namespace tenon::tools
