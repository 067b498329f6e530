#include "tenon/passes/grad/activity.h"

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tenon/ir/check.h"
#include "tenon/ir/op.h"

namespace tenon::passes::grad {

using ir::Differentiability;
using ir::GetOpDef;
using ir::Graph;
using ir::Node;
using ir::OpCode;
using ir::ValueId;

namespace {

bool IsFloat(const Graph& graph, ValueId v) { return ir::IsFloat(graph.type(v).dtype); }

bool AnyOf(absl::Span<const ValueId> values, const std::vector<bool>& mask) {
  for (ValueId v : values) {
    if (mask[v.index]) return true;
  }
  return false;
}

// a |= b; whether a changed.
bool Merge(std::vector<bool>& a, const std::vector<bool>& b, size_t count) {
  bool changed = false;
  for (size_t i = 0; i < count; ++i) {
    if (b[i] && !a[i]) {
      a[i] = true;
      changed = true;
    }
  }
  return changed;
}

// The fixed points of loops inside loops ask again and again about the same region with the same
// masks: each answer is kept.
class Analysis {
 public:
  const std::vector<bool>& Forward(const Graph& graph, const std::vector<bool>& inputs);
  const std::vector<bool>& Backward(const Graph& graph, const std::vector<bool>& outputs);
  // The least masks that hold what `inputs` (or `outputs`) says and are closed under the regions of
  // `node` and its carries.
  RegionMasks ForwardMasks(const Node& node, std::vector<bool> inputs);
  RegionMasks NeededMasks(const Node& node, std::vector<bool> outputs);

 private:
  using Key = std::pair<const Graph*, std::vector<bool>>;
  std::map<Key, std::vector<bool>> forward_, backward_;
};

std::vector<bool> Select(const std::vector<bool>& mask, absl::Span<const ValueId> values) {
  std::vector<bool> result;
  for (ValueId v : values) result.push_back(mask[v.index]);
  return result;
}

absl::Span<const ValueId> RegionOperands(const Node& node) {
  return absl::MakeConstSpan(node.operands).subspan(ShapeOf(node).first_operand);
}

RegionMasks Analysis::ForwardMasks(const Node& node, std::vector<bool> inputs) {
  const ControlShape shape = ShapeOf(node);
  const size_t carries = static_cast<size_t>(shape.num_carries);
  std::vector<bool> outputs(node.results.size());
  do {
    for (int r : shape.regions) {
      const Graph& region = node.regions[r];
      const std::vector<bool>& active = Forward(region, inputs);
      for (size_t i = 0; i < outputs.size(); ++i) {
        if (active[region.outputs()[i].value.index]) outputs[i] = true;
      }
    }
    Merge(outputs, inputs, carries);  // a loop of no iterations hands its carries on
  } while (Merge(inputs, outputs, carries));
  return {std::move(inputs), std::move(outputs)};
}

RegionMasks Analysis::NeededMasks(const Node& node, std::vector<bool> outputs) {
  const ControlShape shape = ShapeOf(node);
  const size_t carries = static_cast<size_t>(shape.num_carries);
  std::vector<bool> inputs(node.operands.size() - static_cast<size_t>(shape.first_operand));
  do {
    for (int r : shape.regions) {
      const Graph& region = node.regions[r];
      const std::vector<bool>& needed = Backward(region, outputs);
      for (size_t i = 0; i < inputs.size(); ++i) {
        if (needed[region.inputs()[i].value.index]) inputs[i] = true;
      }
    }
    Merge(inputs, outputs, carries);
  } while (Merge(outputs, inputs, carries));
  return {std::move(inputs), std::move(outputs)};
}

const std::vector<bool>& Analysis::Forward(const Graph& graph, const std::vector<bool>& inputs) {
  const Key key(&graph, inputs);
  if (const auto known = forward_.find(key); known != forward_.end()) return known->second;
  std::vector<bool> active(static_cast<size_t>(graph.num_values()));
  for (size_t i = 0; i < inputs.size(); ++i) {
    const ValueId v = graph.inputs()[i].value;
    active[v.index] = inputs[i] && IsFloat(graph, v);
  }
  for (const Node& node : graph.nodes()) {
    if (!AnyOf(node.operands, active)) continue;
    const Differentiability kind = GetOpDef(node.op).differentiability;
    if (kind == Differentiability::kZero) continue;
    std::vector<bool> results(node.results.size(), true);
    if (kind == Differentiability::kControl) {
      results = ForwardMasks(node, Select(active, RegionOperands(node))).outputs;
    }
    for (size_t i = 0; i < results.size(); ++i) {
      const ValueId v = node.results[i];
      active[v.index] = results[i] && IsFloat(graph, v);
    }
  }
  return forward_[key] = std::move(active);
}

const std::vector<bool>& Analysis::Backward(const Graph& graph, const std::vector<bool>& outputs) {
  const Key key(&graph, outputs);
  if (const auto known = backward_.find(key); known != backward_.end()) return known->second;
  std::vector<bool> needed(static_cast<size_t>(graph.num_values()));
  for (size_t i = 0; i < outputs.size(); ++i) {
    const ValueId v = graph.outputs()[i].value;
    if (outputs[i] && IsFloat(graph, v)) needed[v.index] = true;
  }
  for (size_t n = graph.nodes().size(); n-- > 0;) {
    const Node& node = graph.nodes()[n];
    if (!AnyOf(node.results, needed)) continue;
    const Differentiability kind = GetOpDef(node.op).differentiability;
    if (kind == Differentiability::kZero) continue;
    const absl::Span<const ValueId> operands = kind == Differentiability::kControl
                                                   ? RegionOperands(node)
                                                   : absl::MakeConstSpan(node.operands);
    std::vector<bool> wanted(operands.size(), true);
    if (kind == Differentiability::kControl) {
      wanted = NeededMasks(node, Select(needed, node.results)).inputs;
    }
    for (size_t i = 0; i < operands.size(); ++i) {
      if (wanted[i] && IsFloat(graph, operands[i])) needed[operands[i].index] = true;
    }
  }
  return backward_[key] = std::move(needed);
}

}  // namespace

ControlShape ShapeOf(const Node& node) {
  if (node.op == OpCode::kCond) return {.regions = {0, 1}, .first_operand = 1};
  if (node.op == OpCode::kWhile) {
    return {.regions = {1},
            .num_carries = static_cast<int>(node.attrs<ir::WhileAttrs>().num_carries)};
  }
  if (node.op == OpCode::kScan) {
    return {.regions = {0},
            .num_carries = static_cast<int>(node.attrs<ir::ScanAttrs>().num_carries)};
  }
  TENON_CHECK(node.op == OpCode::kCall);
  return {.regions = {0}};
}

std::vector<bool> ActiveValues(const Graph& graph, const std::vector<bool>& inputs,
                               const std::vector<bool>& outputs) {
  Analysis analysis;
  std::vector<bool> active = analysis.Forward(graph, inputs);
  const std::vector<bool>& needed = analysis.Backward(graph, outputs);
  for (size_t i = 0; i < active.size(); ++i) active[i] = active[i] && needed[i];
  return active;
}

RegionMasks MasksOf(const Graph& graph, const Node& node, const std::vector<bool>& active) {
  Analysis analysis;
  RegionMasks masks = analysis.ForwardMasks(node, Select(active, RegionOperands(node)));
  const RegionMasks needed = analysis.NeededMasks(node, Select(active, node.results));
  for (size_t i = 0; i < masks.inputs.size(); ++i) {
    masks.inputs[i] =
        masks.inputs[i] && needed.inputs[i] && IsFloat(graph, RegionOperands(node)[i]);
  }
  for (size_t i = 0; i < masks.outputs.size(); ++i) {
    masks.outputs[i] = masks.outputs[i] && needed.outputs[i] && IsFloat(graph, node.results[i]);
  }
  return masks;
}

void Preflight(const Graph& graph, const std::vector<bool>& active,
               std::vector<std::string>& errors) {
  for (const Node& node : graph.nodes()) {
    if (!AnyOf(node.results, active) || !AnyOf(node.operands, active)) continue;
    const ir::OpDef& def = GetOpDef(node.op);
    if (def.differentiability == Differentiability::kNone) {
      errors.push_back(absl::StrCat(node.location.ToString(), ": ", def.name,
                                    " has no gradient: ", def.gradient_note));
    }
    if (def.differentiability != Differentiability::kControl) continue;
    if (node.op == OpCode::kWhile) {
      const ir::Dim& trips = node.attrs<ir::WhileAttrs>().trip_count;
      if (trips.is_constant() && trips.constant() < 0) {
        errors.push_back(absl::StrCat(
            node.location.ToString(),
            ": while has no gradient: its trip count is not known (give it a trip_count)"));
      }
    }
    const RegionMasks masks = MasksOf(graph, node, active);
    for (int r : ShapeOf(node).regions) {
      Preflight(node.regions[r], ActiveValues(node.regions[r], masks.inputs, masks.outputs),
                errors);
    }
  }
}

}  // namespace tenon::passes::grad
