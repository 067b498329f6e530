// Loop-invariant code: what a scan's body computes from invariants alone is computed once.
//
// Movement of elements and constants stay in the body: there they cost nothing, hoisted they would
// be stored. Ops that can fail stay as well: a scan of length 0 does not fail.
#include <utility>

#include "absl/strings/str_cat.h"
#include "tenon/ir/op.h"
#include "tenon/passes/graph_copy.h"
#include "tenon/passes/simplify/rules/util.h"

namespace tenon::passes::rules {

using ir::Graph;
using ir::Node;
using ir::OpCode;
using ir::ScanAttrs;
using ir::Value;
using ir::ValueId;

namespace {

bool MayHoist(const Node& node) {
  return node.regions.empty() && node.op != OpCode::kGather && node.op != OpCode::kScatter;
}

bool IsWork(OpCode op) {
  switch (op) {
    case OpCode::kConstant:
    case OpCode::kIota:
    case OpCode::kReshape:
    case OpCode::kTranspose:
    case OpCode::kBroadcast:
    case OpCode::kSlice:
    case OpCode::kPad:
    case OpCode::kConcat:
    case OpCode::kReverse:
      return false;
    default:
      return true;
  }
}

// For each node of `body` whether it is to be hoisted: it depends on inputs from `first_invariant`
// on alone, at least one of them, and it does work or work that is hoisted depends on it.
std::vector<bool> FindHoisted(const Graph& body, size_t first_invariant) {
  std::vector<bool> invariant(static_cast<size_t>(body.num_values()));
  std::vector<bool> constant(static_cast<size_t>(body.num_values()));
  for (size_t i = first_invariant; i < body.inputs().size(); ++i) invariant[i] = true;
  for (const Node& node : body.nodes()) {
    bool all = MayHoist(node);
    bool none = true;
    for (ValueId v : node.operands) {
      all = all && invariant[v.index];
      none = none && constant[v.index];
    }
    for (ValueId v : node.results) {
      invariant[v.index] = all;
      constant[v.index] = all && none;
    }
  }
  std::vector<bool> wanted(static_cast<size_t>(body.num_values()));
  std::vector<bool> hoisted(body.nodes().size());
  for (size_t n = body.nodes().size(); n-- > 0;) {
    const Node& node = body.nodes()[n];
    bool hoist = IsWork(node.op) && !constant[node.results[0].index];
    for (ValueId v : node.results) hoist = hoist || wanted[v.index];
    if (!hoist || !invariant[node.results[0].index]) continue;
    hoisted[n] = true;
    for (ValueId v : node.operands) wanted[v.index] = true;
  }
  return hoisted;
}

}  // namespace

Replacement ScanHoist(Match& m) {
  const ScanAttrs attrs = m.attrs<ScanAttrs>();
  const Graph body = m.node().regions[0];
  const std::vector<bool> hoisted =
      FindHoisted(body, static_cast<size_t>(attrs.num_carries + attrs.num_scanned));
  std::vector<Value> operands = m.operands();
  std::vector<Value> outside(static_cast<size_t>(body.num_values()));
  for (size_t i = 0; i < operands.size(); ++i) outside[i] = operands[i];
  bool any = false;
  for (size_t n = 0; n < hoisted.size(); ++n) {
    if (!hoisted[n]) continue;
    any = true;
    const Node& node = body.nodes()[n];
    const ir::GraphBuilder::ScopedLocation location(m.builder(), node.location);
    std::vector<Value> inputs;
    for (ValueId v : node.operands) inputs.push_back(outside[v.index]);
    const std::vector<Value> results =
        m.builder().Apply(node.op, node.attributes, std::move(inputs));
    for (size_t i = 0; i < results.size(); ++i) outside[node.results[i].index] = results[i];
  }
  if (!any) return std::nullopt;

  // What the rest of the body reads of it comes in as further invariants.
  std::vector<bool> read(static_cast<size_t>(body.num_values()));
  for (size_t n = 0; n < hoisted.size(); ++n) {
    if (hoisted[n]) continue;
    for (ValueId v : body.nodes()[n].operands) read[v.index] = true;
  }
  for (const ir::Output& output : body.outputs()) read[output.value.index] = true;
  Graph region(body.name());
  GraphCopier copier(body, region);
  copier.CopyInputs();
  for (size_t n = 0; n < hoisted.size(); ++n) {
    if (!hoisted[n]) continue;
    for (ValueId v : body.nodes()[n].results) {
      if (!read[v.index]) continue;
      size_t number = operands.size();
      while (region.FindInput(absl::StrCat("hoisted", number)) >= 0) ++number;
      copier.Map(
          v, region.AddInput(absl::StrCat("hoisted", number), ir::InputKind::kInput, body.type(v)));
      operands.push_back(outside[v.index]);
    }
  }
  for (size_t n = 0; n < hoisted.size(); ++n) {
    if (!hoisted[n]) copier.Copy(body.nodes()[n]);
  }
  copier.CopyOutputs();
  return m.builder().Apply(OpCode::kScan, attrs, operands, {region});
}

}  // namespace tenon::passes::rules
