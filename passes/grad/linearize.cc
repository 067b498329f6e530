// Takes a region apart into a forward and a backward region.
//
// Both are first built as one graph: the forward nodes, then those of the reverse walk. The
// backward region is what the wanted cotangents need of the latter; what it reads of the former
// becomes a residual, except where computing it again costs no more than a constant or, in a loop,
// depends on nothing that changes from iteration to iteration.
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tenon/ir/check.h"
#include "tenon/passes/grad/level.h"
#include "tenon/passes/graph_copy.h"

namespace tenon::passes::grad {

using ir::Graph;
using ir::Node;
using ir::TensorType;
using ir::Value;
using ir::ValueId;

namespace {

// The joint graph, and where its parts are.
struct Joint {
  Graph graph;
  size_t num_region_inputs = 0;
  size_t num_forward_nodes = 0;
  std::vector<ValueId> outputs;                          // of the region
  std::vector<std::optional<ValueId>> input_cotangents;  // one for each input of the region
};

absl::StatusOr<Joint> BuildJoint(const Graph& region, const RegionMasks& masks) {
  Level level(region, masks.inputs, masks.outputs);
  std::vector<TensorType> types;
  for (size_t i = 0; i < masks.outputs.size(); ++i) {
    if (masks.outputs[i]) types.push_back(region.type(region.outputs()[i].value));
  }
  TENON_ASSIGN_OR_RETURN(Graph forward, level.Forward(types));
  Joint joint;
  joint.num_region_inputs = region.inputs().size();
  joint.num_forward_nodes = forward.nodes().size();
  const std::unique_ptr<ir::GraphBuilder> builder = ir::GraphBuilder::Continue(std::move(forward));
  size_t next = joint.num_region_inputs;
  for (size_t i = 0; i < masks.outputs.size(); ++i) {
    const ValueId output = region.outputs()[i].value;
    joint.outputs.push_back(level(output));
    if (!masks.outputs[i]) continue;
    level.Accumulate(output, builder->ValueOf(builder->graph().inputs()[next++].value));
  }
  TENON_RETURN_IF_ERROR(level.Reverse(*builder));
  for (size_t i = 0; i < masks.inputs.size(); ++i) {
    std::optional<Value> cotangent;
    if (masks.inputs[i]) cotangent = level.CotangentOf(region.inputs()[i].value);
    joint.input_cotangents.push_back(cotangent.has_value() ? std::optional<ValueId>(cotangent->id())
                                                           : std::nullopt);
  }
  if (!builder->ok()) {
    const absl::Status errors = builder->Build({}).status();
    return absl::InvalidArgumentError(absl::StrCat("cannot differentiate:\n  ", errors.message()));
  }
  joint.graph = builder->graph();
  return joint;
}

class Partition {
 public:
  Partition(const Joint& joint, const LinearizeOptions& options)
      : joint_(joint), graph_(joint.graph), options_(options) {}

  Linearized Run(const Graph& region) {
    FindRecomputable();
    FindNeeded();
    Linearized result;
    result.forward = Graph(region.name());
    BuildForward(region, result);
    BuildBackward(region, result);
    return result;
  }

 private:
  bool IsRegionInput(ValueId v) const {
    return graph_.is_input(v) && v.index < joint_.num_region_inputs;
  }
  // Loops inside loops stack what they save once a level, and ranks end at kMaxRank: a residual
  // of that rank is saved flat.
  bool IsFlat(ValueId v) const { return graph_.type(v).rank() >= ir::kMaxRank; }
  TensorType FlatType(ValueId v) const {
    return {graph_.type(v).dtype, {graph_.type(v).NumElements()}};
  }
  // `v` of `graph`, which stands for `original`, with the type `type`.
  ValueId Reshaped(Graph& graph, ValueId v, const TensorType& type, ValueId original) const {
    const ir::NodeId producer = graph_.producer(original);
    const ir::NodeId node =
        graph.AddNode(ir::OpCode::kReshape, ir::ReshapeAttrs{type.dims}, {v}, {type}, {},
                      producer.valid() ? graph_.node(producer).location : ir::Location());
    return graph.node(node).results[0];
  }
  // A value of the forward part, not a cotangent and not of the reverse walk.
  bool IsForward(ValueId v) const {
    return graph_.is_input(v) ? IsRegionInput(v)
                              : graph_.producer(v).index < joint_.num_forward_nodes;
  }

  void FindRecomputable() {
    recomputable_.resize(joint_.num_forward_nodes);
    for (size_t n = 0; n < joint_.num_forward_nodes; ++n) {
      const Node& node = graph_.nodes()[n];
      bool all = true;
      for (ValueId v : node.operands) {
        all = all && (graph_.is_input(v) ? IsRegionInput(v) && options_.invariant[v.index]
                                         : recomputable_[graph_.producer(v).index]);
      }
      recomputable_[n] = all;
    }
  }

  // Which nodes the backward region holds, and which forward values it reads.
  void FindNeeded() {
    std::vector<bool> values(static_cast<size_t>(graph_.num_values()));
    for (const std::optional<ValueId>& v : joint_.input_cotangents) {
      if (v.has_value()) values[v->index] = true;
    }
    in_backward_.resize(graph_.nodes().size());
    for (size_t n = graph_.nodes().size(); n-- > 0;) {
      if (n < joint_.num_forward_nodes && !recomputable_[n]) continue;
      const Node& node = graph_.nodes()[n];
      for (ValueId v : node.results) in_backward_[n] = in_backward_[n] || values[v.index];
      if (!in_backward_[n]) continue;
      for (ValueId v : node.operands) values[v.index] = true;
    }
    for (uint32_t i = 0; i < values.size(); ++i) {
      const ValueId v{i};
      if (!values[i] || !IsForward(v)) continue;
      if (!graph_.is_input(v) && in_backward_[graph_.producer(v).index]) continue;
      residuals_.push_back(v);
    }
  }

  void BuildForward(const Graph& region, Linearized& result) {
    // The region's own outputs, then the residuals that are not to be had otherwise.
    Graph all(region.name());
    GraphCopier copier(graph_, all);
    for (const ir::Input& input : region.inputs()) {
      copier.Map(graph_.inputs()[input.value.index].value,
                 all.AddInput(input.name, input.kind, region.type(input.value), input.init,
                              input.location));
    }
    for (size_t n = 0; n < joint_.num_forward_nodes; ++n) copier.Copy(graph_.nodes()[n]);
    std::map<ValueId, int> usable;
    for (size_t i = 0; i < joint_.outputs.size(); ++i) {
      all.AddOutput(region.outputs()[i].name, copier(joint_.outputs[i]));
      if (static_cast<int>(i) >= options_.first_usable_output) {
        usable.emplace(joint_.outputs[i], static_cast<int>(i));
      }
    }
    for (ValueId v : residuals_) {
      if (IsRegionInput(v) && options_.available[v.index]) {
        result.residuals.push_back({true, static_cast<int>(v.index)});
        continue;
      }
      const auto [it, added] = usable.emplace(v, static_cast<int>(all.outputs().size()));
      if (added) {
        const ValueId saved = IsFlat(v) ? Reshaped(all, copier(v), FlatType(v), v) : copier(v);
        all.AddOutput(absl::StrCat("residual", it->second), saved);
        flattened_.insert(v);
      }
      result.residuals.push_back({false, it->second});
    }
    result.forward = Prune(all);
  }

  void BuildBackward(const Graph& region, Linearized& result) {
    Graph& backward = result.backward;
    backward.set_name(absl::StrCat(region.name(), "_backward"));
    GraphCopier copier(graph_, backward);
    std::vector<ValueId> inputs;
    for (size_t i = 0; i < residuals_.size(); ++i) {
      const ValueId v = residuals_[i];
      const bool flat = IsFlat(v) && flattened_.count(v) > 0;
      inputs.push_back(backward.AddInput(absl::StrCat("residual", i), ir::InputKind::kInput,
                                         flat ? FlatType(v) : graph_.type(v)));
    }
    for (size_t i = joint_.num_region_inputs; i < graph_.inputs().size(); ++i) {
      const ir::Input& input = graph_.inputs()[i];
      copier.Map(input.value, backward.AddInput(input.name, input.kind, graph_.type(input.value)));
    }
    for (size_t i = 0; i < residuals_.size(); ++i) {
      const TensorType& type = graph_.type(residuals_[i]);
      copier.Map(residuals_[i], backward.type(inputs[i]) == type
                                    ? inputs[i]
                                    : Reshaped(backward, inputs[i], type, residuals_[i]));
    }
    for (size_t n = 0; n < graph_.nodes().size(); ++n) {
      if (in_backward_[n]) copier.Copy(graph_.nodes()[n]);
    }
    for (size_t i = 0; i < joint_.input_cotangents.size(); ++i) {
      const std::optional<ValueId>& v = joint_.input_cotangents[i];
      result.has_cotangent.push_back(v.has_value());
      if (v.has_value()) backward.AddOutput(absl::StrCat("cotangent", i), copier(*v));
    }
  }

  const Joint& joint_;
  const Graph& graph_;
  const LinearizeOptions& options_;
  std::vector<bool> recomputable_;  // per forward node
  std::vector<bool> in_backward_;   // per node
  std::vector<ValueId> residuals_;  // values of the joint graph
  std::set<ValueId> flattened_;     // those saved as outputs of their own
};

}  // namespace

absl::StatusOr<Linearized> Linearize(const Graph& region, const LinearizeOptions& options) {
  TENON_ASSIGN_OR_RETURN(const Joint joint, BuildJoint(region, options.masks));
  return Partition(joint, options).Run(region);
}

}  // namespace tenon::passes::grad
