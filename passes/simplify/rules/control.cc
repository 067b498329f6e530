// Rules of control ops: conditions that are known, loops of known short length, and what is
// carried, passed or computed in vain.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tenon/passes/graph_copy.h"
#include "tenon/passes/simplify/cse.h"
#include "tenon/passes/simplify/rules/regions.h"
#include "tenon/passes/simplify/rules/util.h"

namespace tenon::passes::rules {

using ir::Graph;
using ir::Node;
using ir::NodeId;
using ir::OpCode;
using ir::ScanAttrs;
using ir::TensorType;
using ir::Value;
using ir::ValueId;
using ir::WhileAttrs;

namespace {

std::vector<bool> UsedResults(const Match& m) {
  std::vector<bool> used;
  for (int i = 0; i < m.num_results(); ++i) used.push_back(m.IsUsed(i));
  return used;
}

// The results of a node that lost some: for the others, values that nothing uses, of the right
// type.
std::vector<Value> Spread(Match& m, const std::vector<Value>& results,
                          const std::vector<bool>& kept) {
  std::vector<Value> values;
  size_t next = 0;
  for (size_t i = 0; i < kept.size(); ++i) {
    const TensorType type = m.type(static_cast<int>(i));
    values.push_back(kept[i] ? results[next++] : Full(m, type, 0));
  }
  return values;
}

// Marks what the outputs in `outputs` need, carries included: an output that is a carry is needed
// where the carry's value is. `always` are the inputs that are needed in any case.
struct LoopUse {
  std::vector<bool> inputs;
  std::vector<bool> outputs;
};
LoopUse UseOfLoop(const Graph& body, size_t num_carries, std::vector<bool> outputs,
                  std::vector<bool> always) {
  while (true) {
    LoopUse use{UseOf(body, outputs).inputs, outputs};
    for (size_t i = 0; i < always.size(); ++i) use.inputs[i] = use.inputs[i] || always[i];
    bool changed = false;
    for (size_t i = 0; i < num_carries; ++i) {
      if (use.inputs[i] && !outputs[i]) outputs[i] = changed = true;
      use.inputs[i] = use.inputs[i] || outputs[i];
    }
    if (!changed) return use;
  }
}

// Carries that the body hands on as they came.
std::vector<bool> InvariantCarries(const Graph& body, size_t num_carries) {
  std::vector<bool> invariant;
  for (size_t i = 0; i < num_carries; ++i) {
    invariant.push_back(body.outputs()[i].value == body.inputs()[i].value);
  }
  return invariant;
}

// For carries that become invariants: the order of inputs in which they stand last.
std::vector<int> MovedToTheEnd(const std::vector<bool>& moved, size_t num_inputs) {
  std::vector<int> order;
  for (size_t i = 0; i < num_inputs; ++i) {
    if (i >= moved.size() || !moved[i]) order.push_back(static_cast<int>(i));
  }
  for (size_t i = 0; i < moved.size(); ++i) {
    if (moved[i]) order.push_back(static_cast<int>(i));
  }
  return order;
}

std::vector<Value> Reordered(const std::vector<Value>& values, const std::vector<int>& order) {
  std::vector<Value> result;
  for (int i : order) result.push_back(values[i]);
  return result;
}

std::vector<bool> Not(std::vector<bool> mask) {
  mask.flip();
  return mask;
}

// `region` with the inputs in `splats` replaced by constants of their own.
Graph WithConstants(const Graph& region, const std::vector<std::optional<ir::Literal>>& splats) {
  Graph result(region.name());
  GraphCopier copier(region, result);
  for (size_t i = 0; i < splats.size(); ++i) {
    if (splats[i].has_value()) continue;
    const ir::Input& input = region.inputs()[i];
    copier.Map(input.value, result.AddInput(input.name, input.kind, region.type(input.value),
                                            input.init, input.location));
  }
  for (size_t i = 0; i < splats.size(); ++i) {
    if (!splats[i].has_value()) continue;
    const ValueId input = region.inputs()[i].value;
    const TensorType& type = region.type(input);
    const NodeId scalar = result.AddNode(OpCode::kConstant, ir::ConstantAttrs{*splats[i]}, {},
                                         {TensorType{type.dtype, {}}});
    ValueId value = result.node(scalar).results[0];
    if (type.rank() > 0) {
      const NodeId full =
          result.AddNode(OpCode::kBroadcast, ir::BroadcastAttrs{type.dims, {}}, {value}, {type});
      value = result.node(full).results[0];
    }
    copier.Map(input, value);
  }
  for (const Node& node : region.nodes()) copier.Copy(node);
  copier.CopyOutputs();
  return result;
}

}  // namespace

Replacement CondConstant(Match& m) {
  const std::optional<double> predicate = m.SplatValue(m[0]);
  const std::vector<Graph> regions = m.node().regions;
  const bool same = !predicate && GraphsEqual(regions[0], regions[1]);
  if (!predicate && !same) return std::nullopt;
  std::vector<Value> inputs = m.operands();
  inputs.erase(inputs.begin());
  return SpliceRegion(m, regions[!same && *predicate == 0 ? 1 : 0], inputs);
}

Replacement CondNot(Match& m) {
  if (!m.Is(m[0], OpCode::kNot)) return std::nullopt;
  std::vector<Graph> regions = m.node().regions;
  std::swap(regions[0], regions[1]);
  std::vector<Value> operands = m.operands();
  operands[0] = m.OperandOf(operands[0]);
  return m.builder().Apply(OpCode::kCond, ir::NoAttrs{}, operands, std::move(regions));
}

Replacement CondUnused(Match& m) {
  const std::vector<bool> outputs = UsedResults(m);
  std::vector<Graph> regions = m.node().regions;
  std::vector<bool> inputs = UseOf(regions[0], outputs).inputs;
  const std::vector<bool> other = UseOf(regions[1], outputs).inputs;
  for (size_t i = 0; i < inputs.size(); ++i) inputs[i] = inputs[i] || other[i];
  if (All(inputs) && All(outputs)) return std::nullopt;
  for (Graph& region : regions) region = Restrict(region, inputs, outputs);
  std::vector<bool> operands = inputs;
  operands.insert(operands.begin(), true);
  const std::vector<Value> results = m.builder().Apply(
      OpCode::kCond, ir::NoAttrs{}, Keep(m.operands(), operands), std::move(regions));
  return Spread(m, results, outputs);
}

Replacement ScanShort(Match& m) {
  const ScanAttrs attrs = m.attrs<ScanAttrs>();
  if (!attrs.length.is_constant() || attrs.length.constant() > 1) return std::nullopt;
  const size_t carries = static_cast<size_t>(attrs.num_carries);
  const Graph body = m.node().regions[0];
  std::vector<Value> inputs = m.operands();
  std::vector<Value> results;
  if (attrs.length.constant() == 0) {
    for (int i = 0; i < m.num_results(); ++i) {
      const TensorType type = m.type(i);
      results.push_back(static_cast<size_t>(i) < carries ? inputs[i] : Full(m, type, 0));
    }
    return results;
  }
  for (size_t i = carries; i < carries + static_cast<size_t>(attrs.num_scanned); ++i) {
    std::vector<bool> drop(static_cast<size_t>(inputs[i].rank()));
    drop[0] = true;
    inputs[i] = DropUnits(m, inputs[i], drop);
  }
  results = SpliceRegion(m, body, inputs);
  for (size_t i = carries; i < results.size(); ++i) {
    const ir::Shape shape = m.type(static_cast<int>(i)).dims;
    results[i] = Make(m, OpCode::kReshape, ir::ReshapeAttrs{shape}, {results[i]});
  }
  return results;
}

Replacement ScanInvariant(Match& m) {
  ScanAttrs attrs = m.attrs<ScanAttrs>();
  const Graph body = m.node().regions[0];
  const std::vector<bool> invariant =
      InvariantCarries(body, static_cast<size_t>(attrs.num_carries));
  const int count = CountOf(invariant, 0, invariant.size());
  if (count == 0) return std::nullopt;
  std::vector<bool> outputs = Not(invariant);
  outputs.resize(body.outputs().size(), true);
  const std::vector<int> order = MovedToTheEnd(invariant, body.inputs().size());
  const std::vector<bool> all(body.inputs().size(), true);
  const std::vector<Value> operands = m.operands();
  attrs.num_carries -= count;
  const std::vector<Value> results =
      m.builder().Apply(OpCode::kScan, attrs, Reordered(operands, order),
                        {ReorderInputs(Restrict(body, all, outputs), order)});
  std::vector<Value> values = Spread(m, results, outputs);
  for (size_t i = 0; i < invariant.size(); ++i) {
    if (invariant[i]) values[i] = operands[i];
  }
  return values;
}

Replacement ScanUnused(Match& m) {
  ScanAttrs attrs = m.attrs<ScanAttrs>();
  const Graph body = m.node().regions[0];
  const size_t carries = static_cast<size_t>(attrs.num_carries);
  const size_t invariants = carries + static_cast<size_t>(attrs.num_scanned);
  const LoopUse use = UseOfLoop(body, carries, UsedResults(m), {});
  if (All(use.inputs) && All(use.outputs)) return std::nullopt;
  attrs.num_carries = CountOf(use.inputs, 0, carries);
  attrs.num_scanned = CountOf(use.inputs, carries, invariants);
  const std::vector<Value> results =
      m.builder().Apply(OpCode::kScan, attrs, Keep(m.operands(), use.inputs),
                        {Restrict(body, use.inputs, use.outputs)});
  return Spread(m, results, use.outputs);
}

Replacement WhileInvariant(Match& m) {
  WhileAttrs attrs = m.attrs<WhileAttrs>();
  const std::vector<Graph> regions = m.node().regions;
  const std::vector<bool> invariant =
      InvariantCarries(regions[1], static_cast<size_t>(attrs.num_carries));
  const int count = CountOf(invariant, 0, invariant.size());
  if (count == 0) return std::nullopt;
  const std::vector<bool> outputs = Not(invariant);
  const std::vector<bool> all(regions[1].inputs().size(), true);
  const std::vector<int> order = MovedToTheEnd(invariant, all.size());
  const std::vector<Value> operands = m.operands();
  attrs.num_carries -= count;
  const std::vector<Value> results = m.builder().Apply(
      OpCode::kWhile, attrs, Reordered(operands, order),
      {ReorderInputs(regions[0], order), ReorderInputs(Restrict(regions[1], all, outputs), order)});
  std::vector<Value> values = Spread(m, results, outputs);
  for (size_t i = 0; i < invariant.size(); ++i) {
    if (invariant[i]) values[i] = operands[i];
  }
  return values;
}

Replacement WhileUnused(Match& m) {
  WhileAttrs attrs = m.attrs<WhileAttrs>();
  const std::vector<Graph> regions = m.node().regions;
  const size_t carries = static_cast<size_t>(attrs.num_carries);
  const std::vector<bool> condition = UseOf(regions[0], {true}).inputs;
  const LoopUse use = UseOfLoop(regions[1], carries, UsedResults(m), condition);
  if (All(use.inputs)) return std::nullopt;
  attrs.num_carries = CountOf(use.inputs, 0, carries);
  const std::vector<Value> results = m.builder().Apply(
      OpCode::kWhile, attrs, Keep(m.operands(), use.inputs),
      {Restrict(regions[0], use.inputs, {true}), Restrict(regions[1], use.inputs, use.outputs)});
  return Spread(m, results, use.outputs);
}

Replacement SinkConstants(Match& m) {
  // The operands that are the same in every region and iteration.
  size_t first = 1;  // cond
  size_t offset = 1;
  if (m.op() == OpCode::kScan) {
    first =
        static_cast<size_t>(m.attrs<ScanAttrs>().num_carries + m.attrs<ScanAttrs>().num_scanned);
    offset = 0;
  } else if (m.op() == OpCode::kWhile) {
    first = static_cast<size_t>(m.attrs<WhileAttrs>().num_carries);
    offset = 0;
  }
  const std::vector<Value> operands = m.operands();
  std::vector<std::optional<ir::Literal>> splats(operands.size() - offset);
  std::vector<bool> keep(operands.size(), true);
  for (size_t i = first; i < operands.size(); ++i) {
    const ir::Literal* literal = m.Splat(operands[i]);
    if (literal == nullptr) continue;
    ir::Literal scalar(literal->dtype(), {});
    std::copy(literal->bytes(), literal->bytes() + literal->byte_size(), scalar.mutable_bytes());
    splats[i - offset] = std::move(scalar);
    keep[i] = false;
  }
  if (All(keep)) return std::nullopt;
  std::vector<Graph> regions = m.node().regions;
  for (Graph& region : regions) region = WithConstants(region, splats);
  return m.builder().Apply(m.op(), m.node().attributes, Keep(operands, keep), std::move(regions));
}

}  // namespace tenon::passes::rules
