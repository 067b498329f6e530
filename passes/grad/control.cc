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

// What the backward branches of a cond read, as values of the level that it stands in. Each branch
// takes all of it; `positions` says where in `shared` each of its residuals is.
struct BranchReads {
  std::vector<ValueId> shared;
  std::vector<std::vector<size_t>> positions;
};
BranchReads ReadsOf(const Node& node, const ControlRecord& record) {
  BranchReads reads;
  std::map<ValueId, size_t> position;
  for (size_t r = 0; r < record.regions.size(); ++r) {
    reads.positions.emplace_back();
    for (const Linearized::Source& source : record.regions[r].residuals) {
      ValueId v;
      if (source.is_input) {
        v = node.operands[1 + source.index];
      } else if (source.index < record.num_results) {
        v = node.results[source.index];
      } else {
        v = node.results[record.num_results + record.slots[r][source.index - record.num_results]];
      }
      const auto [it, added] = position.emplace(v, reads.shared.size());
      if (added) reads.shared.push_back(v);
      reads.positions.back().push_back(it->second);
    }
  }
  return reads;
}

// Puts together the scan that runs the backward half of a scan's body.
class BackwardScan {
 public:
  BackwardScan(GraphBuilder& builder, const Node& node, const ControlRecord& record,
               const std::vector<std::optional<Value>>& cotangents)
      : builder_(builder),
        node_(node),
        linearized_(record.regions[0]),
        masks_(record.masks),
        cotangents_(cotangents),
        attrs_(node.attrs<ir::ScanAttrs>()),
        num_carries_(static_cast<size_t>(attrs_.num_carries)),
        first_invariant_(num_carries_ + static_cast<size_t>(attrs_.num_scanned)),
        region_(linearized_.backward.name()),
        signature_(region_),
        carried_(masks_.inputs.size()),
        arguments_(linearized_.residuals.size()) {}

  // The cotangents of the scan's operands.
  std::vector<std::optional<Value>> Run() {
    AddCarries();
    const size_t carries = signature_.operands.size();
    AddScanned();
    const size_t scanned = signature_.operands.size() - carries;
    AddInvariants();
    BuildBody();
    const ir::ScanAttrs reversed{attrs_.length, static_cast<int64_t>(carries),
                                 static_cast<int64_t>(scanned), !attrs_.reverse};
    std::vector<Graph> regions;
    regions.push_back(std::move(region_));
    const std::vector<Value> values =
        builder_.Apply(OpCode::kScan, reversed, signature_.operands, std::move(regions));
    std::vector<std::optional<Value>> result(node_.operands.size());
    for (size_t i = 0; i < results_.size(); ++i) result[results_[i]] = values[i];
    return result;
  }

 private:
  bool IsInvariant(size_t i) const { return i >= first_invariant_; }

  // The cotangents of the carries, and the sums of those of the invariants.
  void AddCarries() {
    for (size_t i = 0; i < num_carries_; ++i) {
      TENON_CHECK(masks_.inputs[i] == masks_.outputs[i]);
      if (!masks_.outputs[i]) continue;
      const Value initial = OrZeros(builder_, cotangents_[i], node_.results[i]);
      carried_[i] = signature_.Add(initial, initial.type());
    }
    for (size_t i = first_invariant_; i < masks_.inputs.size(); ++i) {
      if (!linearized_.has_cotangent[i]) continue;
      const Value zero = OrZeros(builder_, std::nullopt, node_.operands[i]);
      carried_[i] = signature_.Add(zero, zero.type());
    }
  }

  // Saved values and scanned operands, then the cotangents of the stacked outputs.
  void AddScanned() {
    const Graph& backward = linearized_.backward;
    for (size_t r = 0; r < linearized_.residuals.size(); ++r) {
      const Linearized::Source& source = linearized_.residuals[r];
      if (source.is_input && IsInvariant(static_cast<size_t>(source.index))) continue;
      const ValueId v =
          source.is_input ? node_.operands[source.index] : node_.results[source.index];
      arguments_[r] =
          signature_.Add(builder_.ValueOf(v), backward.type(backward.inputs()[r].value));
    }
    for (size_t i = 0; i < masks_.outputs.size(); ++i) {
      if (!masks_.outputs[i]) continue;
      if (i < num_carries_) {
        arguments_.push_back(carried_[i]);
        continue;
      }
      const Value stacked = OrZeros(builder_, cotangents_[i], node_.results[i]);
      TensorType slice = stacked.type();
      slice.dims.erase(slice.dims.begin());
      arguments_.push_back(signature_.Add(stacked, std::move(slice)));
    }
  }

  void AddInvariants() {
    for (size_t r = 0; r < linearized_.residuals.size(); ++r) {
      if (arguments_[r].valid()) continue;
      const Value invariant = builder_.ValueOf(node_.operands[linearized_.residuals[r].index]);
      arguments_[r] = signature_.Add(invariant, invariant.type());
    }
  }

  void BuildBody() {
    const std::vector<ValueId> spliced = Splice(linearized_.backward, region_, arguments_);
    std::vector<ValueId> given(masks_.inputs.size());  // the cotangent of each input of the body
    size_t next = 0;
    for (size_t i = 0; i < given.size(); ++i) {
      if (linearized_.has_cotangent[i]) given[i] = spliced[next++];
    }
    for (size_t i = 0; i < num_carries_; ++i) {
      if (!masks_.outputs[i]) continue;
      const TensorType type = region_.type(carried_[i]);
      Give(i, given[i].valid() ? given[i] : AddZeros(region_, type, node_.location));
    }
    for (size_t i = first_invariant_; i < given.size(); ++i) {
      if (!given[i].valid()) continue;
      const TensorType type = region_.type(carried_[i]);
      const NodeId sum = region_.AddNode(OpCode::kAdd, ir::NoAttrs{}, {carried_[i], given[i]},
                                         {type}, {}, node_.location);
      Give(i, region_.node(sum).results[0]);
    }
    for (size_t i = num_carries_; i < first_invariant_; ++i) {
      if (given[i].valid()) Give(i, given[i]);
    }
  }

  // The next result of the scan is the cotangent of operand i.
  void Give(size_t i, ValueId value) {
    AddOutput(region_, value);
    results_.push_back(i);
  }

  GraphBuilder& builder_;
  const Node& node_;
  const Linearized& linearized_;
  const RegionMasks& masks_;
  const std::vector<std::optional<Value>>& cotangents_;
  const ir::ScanAttrs attrs_;
  const size_t num_carries_;
  const size_t first_invariant_;
  Graph region_;
  Signature signature_;
  std::vector<ValueId> carried_;    // for each operand that is carried or summed: the body's input
  std::vector<ValueId> arguments_;  // of the backward half: residuals, then cotangents
  std::vector<size_t> results_;     // whose cotangent each result is
};

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

  const BranchReads read = ReadsOf(node, record);
  std::vector<Value> operands = {builder.ValueOf(node.operands[0])};
  for (ValueId v : read.shared) operands.push_back(builder.ValueOf(v));
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
    for (size_t p : read.positions[r]) arguments.push_back(inputs[p]);
    arguments.insert(arguments.end(), inputs.begin() + read.shared.size(), inputs.end());
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
  return BackwardScan(builder, node, record, cotangents).Run();
}

}  // namespace tenon::passes::grad
