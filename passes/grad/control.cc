// How control ops differentiate. Their forward part saves what the backward part needs as further
// results; the backward part is an op of the same kind:
//
//   cond   the backward cond takes the same branch. What the branches save shares result slots of
//          equal types; a branch fills the slots that it does not use with zeros.
//   scan   the backward scan runs over the same iterations in the opposite direction. It carries
//          the cotangents of the carries and sums up those of the invariants; it scans the saved
//          values and the cotangents of the stacked outputs; it stacks the cotangents of the
//          scanned operands.
//   while  with a known trip count is a scan over nothing.
//
// Calls are inlined before differentiation.
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tenon/ir/check.h"
#include "tenon/passes/grad/level.h"
#include "tenon/passes/graph_copy.h"

namespace tenon::passes::grad {

using ir::Graph;
using ir::GraphBuilder;
using ir::InputKind;
using ir::Node;
using ir::NodeId;
using ir::OpCode;
using ir::TensorType;
using ir::Value;
using ir::ValueId;

namespace {

std::vector<ValueId> MapAll(const std::vector<ValueId>& map, const std::vector<ValueId>& values) {
  std::vector<ValueId> result;
  for (ValueId v : values) result.push_back(map[v.index]);
  return result;
}

// The inputs of a region that is being put together, and what is passed for them.
class Signature {
 public:
  explicit Signature(Graph& region) : region_(region) {}
  ValueId Add(Value operand, TensorType type) {
    operands.push_back(operand);
    return region_.AddInput(absl::StrCat("in", operands.size() - 1), InputKind::kInput,
                            std::move(type));
  }
  std::vector<Value> operands;

 private:
  Graph& region_;
};

void AddOutput(Graph& region, ValueId value) {
  region.AddOutput(absl::StrCat("out", region.outputs().size()), value);
}

Value OrZeros(GraphBuilder& builder, const std::optional<Value>& cotangent, ValueId value) {
  if (cotangent.has_value()) return *cotangent;
  const TensorType type = builder.graph().type(value);
  return builder.Full(type, 0);
}

// Which inputs the backward parts of any branch give cotangents for.
std::vector<bool> CotangentInputs(const ControlRecord& record) {
  std::vector<bool> result(record.masks.inputs.size());
  for (const Linearized& region : record.regions) {
    for (size_t i = 0; i < result.size(); ++i) result[i] = result[i] || region.has_cotangent[i];
  }
  return result;
}

}  // namespace

absl::Status Level::ForwardControl(const Node& node, Graph& forward, size_t index) {
  auto record = std::make_unique<ControlRecord>();
  record->masks = MasksOf(source_, node, active_);
  record->num_results = static_cast<int>(node.results.size());
  if (node.op == OpCode::kCond) {
    TENON_RETURN_IF_ERROR(ForwardCond(node, forward, *record));
  } else {
    TENON_CHECK(node.op == OpCode::kScan || node.op == OpCode::kWhile);
    TENON_RETURN_IF_ERROR(ForwardLoop(node, forward, *record));
  }
  records_[index] = std::move(record);
  return absl::OkStatus();
}

absl::Status Level::ForwardCond(const Node& node, Graph& forward, ControlRecord& record) {
  const size_t num_inputs = node.operands.size() - 1;
  std::vector<TensorType> types;
  for (ValueId v : node.results) types.push_back(source_.type(v));
  std::vector<TensorType> slots;
  for (const Graph& region : node.regions) {
    LinearizeOptions options;
    options.masks = record.masks;
    options.available.assign(num_inputs, true);
    options.invariant.assign(num_inputs, false);
    TENON_ASSIGN_OR_RETURN(Linearized linearized, Linearize(region, options));
    std::vector<bool> taken(slots.size());
    std::vector<int> chosen;
    for (size_t i = node.results.size(); i < linearized.forward.outputs().size(); ++i) {
      const TensorType& type = linearized.forward.type(linearized.forward.outputs()[i].value);
      size_t slot = 0;
      while (slot < slots.size() && (taken[slot] || !(slots[slot] == type))) ++slot;
      if (slot == slots.size()) {
        slots.push_back(type);
        taken.push_back(false);
      }
      taken[slot] = true;
      chosen.push_back(static_cast<int>(slot));
    }
    record.slots.push_back(std::move(chosen));
    record.regions.push_back(std::move(linearized));
  }

  std::vector<Graph> regions;
  for (size_t r = 0; r < record.regions.size(); ++r) {
    const Graph& body = record.regions[r].forward;
    Graph region(body.name());
    GraphCopier copier(body, region);
    copier.CopyInputs();
    for (const Node& n : body.nodes()) copier.Copy(n);
    std::vector<ValueId> saved(slots.size());
    for (size_t i = 0; i < body.outputs().size(); ++i) {
      const ValueId v = copier(body.outputs()[i].value);
      if (i < node.results.size()) {
        region.AddOutput(body.outputs()[i].name, v);
      } else {
        saved[record.slots[r][i - node.results.size()]] = v;
      }
    }
    for (size_t s = 0; s < slots.size(); ++s) {
      if (!saved[s].valid()) saved[s] = AddZeros(region, slots[s], node.location);
      region.AddOutput(absl::StrCat("residual", node.results.size() + s), saved[s]);
    }
    regions.push_back(std::move(region));
  }
  types.insert(types.end(), slots.begin(), slots.end());
  const NodeId id = forward.AddNode(OpCode::kCond, node.attributes, MapAll(map_, node.operands),
                                    std::move(types), std::move(regions), node.location);
  for (size_t i = 0; i < node.results.size(); ++i) {
    map_[node.results[i].index] = forward.node(id).results[i];
  }
  return absl::OkStatus();
}

absl::Status Level::ForwardLoop(const Node& node, Graph& forward, ControlRecord& record) {
  ir::ScanAttrs attrs;
  if (node.op == OpCode::kScan) {
    attrs = node.attrs<ir::ScanAttrs>();
  } else {
    attrs.length = node.attrs<ir::WhileAttrs>().trip_count;
    attrs.num_carries = node.attrs<ir::WhileAttrs>().num_carries;
  }
  const Graph& region = node.regions[ShapeOf(node).regions[0]];
  const size_t first_invariant = static_cast<size_t>(attrs.num_carries + attrs.num_scanned);
  LinearizeOptions options;
  options.masks = record.masks;
  for (size_t i = 0; i < node.operands.size(); ++i) {
    options.available.push_back(i >= static_cast<size_t>(attrs.num_carries));
    options.invariant.push_back(i >= first_invariant);
  }
  options.first_usable_output = static_cast<int>(attrs.num_carries);
  TENON_ASSIGN_OR_RETURN(Linearized linearized, Linearize(region, options));

  std::vector<TensorType> types;
  const Graph& body = linearized.forward;
  for (size_t i = 0; i < body.outputs().size(); ++i) {
    TensorType type = body.type(body.outputs()[i].value);
    if (i >= static_cast<size_t>(attrs.num_carries)) {
      type.dims.insert(type.dims.begin(), attrs.length);
    }
    types.push_back(std::move(type));
  }
  const NodeId id = forward.AddNode(OpCode::kScan, attrs, MapAll(map_, node.operands),
                                    std::move(types), {body}, node.location);
  for (size_t i = 0; i < node.results.size(); ++i) {
    map_[node.results[i].index] = forward.node(id).results[i];
  }
  record.regions.push_back(std::move(linearized));
  return absl::OkStatus();
}

std::vector<std::optional<Value>> Level::ReverseCond(
    GraphBuilder& builder, const Node& node, const ControlRecord& record,
    const std::vector<std::optional<Value>>& cotangents) {
  std::vector<std::optional<Value>> result(node.operands.size());
  const std::vector<bool> wanted = CotangentInputs(record);

  // What either branch reads, as values of this level; both branches take all of it.
  std::vector<ValueId> shared;
  std::map<ValueId, size_t> position;
  std::vector<std::vector<size_t>> reads;
  for (size_t r = 0; r < record.regions.size(); ++r) {
    reads.emplace_back();
    for (const Linearized::Source& source : record.regions[r].residuals) {
      ValueId v;
      if (source.is_input) {
        v = node.operands[1 + source.index];
      } else if (source.index < record.num_results) {
        v = node.results[source.index];
      } else {
        v = node.results[record.num_results + record.slots[r][source.index - record.num_results]];
      }
      const auto [it, added] = position.emplace(v, shared.size());
      if (added) shared.push_back(v);
      reads.back().push_back(it->second);
    }
  }

  std::vector<Value> operands = {builder.ValueOf(node.operands[0])};
  for (ValueId v : shared) operands.push_back(builder.ValueOf(v));
  for (int i = 0; i < record.num_results; ++i) {
    if (record.masks.outputs[i]) {
      operands.push_back(OrZeros(builder, cotangents[i], node.results[i]));
    }
  }
  std::vector<Graph> regions;
  for (size_t r = 0; r < record.regions.size(); ++r) {
    const Linearized& linearized = record.regions[r];
    Graph region(linearized.backward.name());
    Signature signature(region);
    std::vector<ValueId> inputs;
    for (size_t i = 1; i < operands.size(); ++i) {
      inputs.push_back(signature.Add(operands[i], operands[i].type()));
    }
    std::vector<ValueId> arguments;
    for (size_t p : reads[r]) arguments.push_back(inputs[p]);
    arguments.insert(arguments.end(), inputs.begin() + shared.size(), inputs.end());
    const std::vector<ValueId> outputs = Splice(linearized.backward, region, arguments);
    size_t next = 0;
    for (size_t i = 0; i < wanted.size(); ++i) {
      if (!wanted[i]) continue;
      AddOutput(region,
                linearized.has_cotangent[i]
                    ? outputs[next++]
                    : AddZeros(region, builder.graph().type(node.operands[1 + i]), node.location));
    }
    regions.push_back(std::move(region));
  }
  const std::vector<Value> values =
      builder.Apply(OpCode::kCond, node.attributes, std::move(operands), std::move(regions));
  size_t next = 0;
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i]) result[1 + i] = values[next++];
  }
  return result;
}

std::vector<std::optional<Value>> Level::ReverseScan(
    GraphBuilder& builder, const Node& node, const ControlRecord& record,
    const std::vector<std::optional<Value>>& cotangents) {
  const ir::ScanAttrs& attrs = node.attrs<ir::ScanAttrs>();
  const Linearized& linearized = record.regions[0];
  const size_t num_carries = static_cast<size_t>(attrs.num_carries);
  const size_t first_invariant = num_carries + static_cast<size_t>(attrs.num_scanned);
  const RegionMasks& masks = record.masks;

  Graph region(linearized.backward.name());
  Signature signature(region);
  std::vector<ValueId> carried(first_invariant), sums(masks.inputs.size());
  for (size_t i = 0; i < num_carries; ++i) {
    TENON_CHECK(masks.inputs[i] == masks.outputs[i]);
    if (!masks.outputs[i]) continue;
    const Value initial = OrZeros(builder, cotangents[i], node.results[i]);
    carried[i] = signature.Add(initial, initial.type());
  }
  for (size_t i = first_invariant; i < masks.inputs.size(); ++i) {
    if (!linearized.has_cotangent[i]) continue;
    const Value zero = OrZeros(builder, std::nullopt, node.operands[i]);
    sums[i] = signature.Add(zero, zero.type());
  }
  const size_t backward_carries = signature.operands.size();

  // What is scanned: saved values and scanned operands, then cotangents of the stacked outputs.
  std::vector<ValueId> arguments(linearized.residuals.size());
  const Graph& backward = linearized.backward;
  for (size_t r = 0; r < arguments.size(); ++r) {
    const Linearized::Source& source = linearized.residuals[r];
    if (source.is_input && static_cast<size_t>(source.index) >= first_invariant) continue;
    const ValueId v = source.is_input ? node.operands[source.index] : node.results[source.index];
    arguments[r] = signature.Add(builder.ValueOf(v), backward.type(backward.inputs()[r].value));
  }
  for (size_t i = 0; i < masks.outputs.size(); ++i) {
    if (!masks.outputs[i]) continue;
    if (i < num_carries) {
      arguments.push_back(carried[i]);
      continue;
    }
    const Value stacked = OrZeros(builder, cotangents[i], node.results[i]);
    TensorType slice = stacked.type();
    slice.dims.erase(slice.dims.begin());
    arguments.push_back(signature.Add(stacked, std::move(slice)));
  }
  const size_t backward_scanned = signature.operands.size() - backward_carries;
  for (size_t r = 0; r < linearized.residuals.size(); ++r) {
    if (arguments[r].valid()) continue;
    const Value invariant = builder.ValueOf(node.operands[linearized.residuals[r].index]);
    arguments[r] = signature.Add(invariant, invariant.type());
  }

  const std::vector<ValueId> spliced = Splice(backward, region, arguments);
  std::vector<ValueId> given(masks.inputs.size());  // the cotangent of each input of the body
  size_t next = 0;
  for (size_t i = 0; i < given.size(); ++i) {
    if (linearized.has_cotangent[i]) given[i] = spliced[next++];
  }
  for (size_t i = 0; i < num_carries; ++i) {
    if (!masks.outputs[i]) continue;
    const TensorType type = region.type(carried[i]);
    AddOutput(region, given[i].valid() ? given[i] : AddZeros(region, type, node.location));
  }
  for (size_t i = first_invariant; i < given.size(); ++i) {
    if (!given[i].valid()) continue;
    const TensorType type = region.type(sums[i]);
    const NodeId sum =
        region.AddNode(OpCode::kAdd, ir::NoAttrs{}, {sums[i], given[i]}, {type}, {}, node.location);
    AddOutput(region, region.node(sum).results[0]);
  }
  for (size_t i = num_carries; i < first_invariant; ++i) {
    if (given[i].valid()) AddOutput(region, given[i]);
  }

  const ir::ScanAttrs reversed{attrs.length, static_cast<int64_t>(backward_carries),
                               static_cast<int64_t>(backward_scanned), !attrs.reverse};
  std::vector<Graph> regions;
  regions.push_back(std::move(region));
  const std::vector<Value> values =
      builder.Apply(OpCode::kScan, reversed, signature.operands, std::move(regions));
  std::vector<std::optional<Value>> result(node.operands.size());
  next = 0;
  for (size_t i = 0; i < num_carries; ++i) {
    if (masks.outputs[i]) result[i] = values[next++];
  }
  for (size_t i = first_invariant; i < given.size(); ++i) {
    if (given[i].valid()) result[i] = values[next++];
  }
  for (size_t i = num_carries; i < first_invariant; ++i) {
    if (given[i].valid()) result[i] = values[next++];
  }
  return result;
}

}  // namespace tenon::passes::grad
