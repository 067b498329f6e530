#include "tenon/passes/lower/in_place.h"

#include <map>
#include <set>
#include <vector>

#include "tenon/ir/op.h"
#include "tenon/passes/lower/loops.h"

namespace tenon::lower {

using fuse::GroupKind;
using ir::ValueId;

namespace {

// A scatter over its operand leaves out the copy and writes the scattered elements alone.
bool ScattersInto(const GraphFacts& facts, const fuse::Group& group, ValueId input) {
  const std::vector<ValueId>& operands = facts.graph.node(group.anchor).operands;
  return facts.memory(operands[0]) == input && !(facts.memory(operands[1]) == input) &&
         !(facts.memory(operands[2]) == input);
}

bool NestReadsOnlyWhereItWrites(const GraphFacts& facts, const std::set<ir::NodeId>& members,
                                fuse::Nest nest, ValueId v, ValueId input) {
  Trace trace(nest.space, facts.graph, facts.def,
              [&](ir::NodeId id) { return members.count(id) > 0; });
  IndexExpr written;
  bool writes = false;
  for (const fuse::Placed& p : nest.stored) {
    trace.AddValue(p.value, p.index);
    if (!(p.value == v)) continue;
    writes = true;
    written = nest.space.Linearize(p.index, facts.graph.type(v).dims);
  }
  AddPoints(nest, &trace);
  for (const Trace::Visit& visit : trace.loaded()) {
    if (facts.memory(visit.value) == input && !(writes && visit.position == written)) return false;
  }
  return true;
}

// Whether the operands of a contraction, or what the group evaluates them from, lie in `input`.
bool OperandsRead(const GraphFacts& facts, const fuse::Group& group, ValueId input) {
  const std::set<ir::NodeId> members(group.members.begin(), group.members.end());
  std::set<ValueId> seen;
  std::vector<ValueId> work = facts.graph.node(group.anchor).operands;
  while (!work.empty()) {
    const ValueId v = work.back();
    work.pop_back();
    if (!seen.insert(v).second) continue;
    if (facts.memory(v) == input) return true;
    const ir::NodeId id = facts.graph.producer(v);
    if (!id.valid() || members.count(id) == 0) continue;
    const std::vector<ValueId>& operands = facts.graph.node(id).operands;
    work.insert(work.end(), operands.begin(), operands.end());
  }
  return false;
}

}  // namespace

bool ReadsOnlyWhereItWrites(const GraphFacts& facts, const fuse::Group& group, ValueId v,
                            ValueId input) {
  if (group.kind == GroupKind::kScatter) return ScattersInto(facts, group, input);
  if (group.kind != GroupKind::kMap && group.kind != GroupKind::kReduce &&
      group.kind != GroupKind::kContract) {
    return false;
  }
  if (group.kind == GroupKind::kContract && OperandsRead(facts, group, input)) return false;
  const std::set<ir::NodeId> members(group.members.begin(), group.members.end());
  for (const fuse::Nest& nest : group.nests) {
    if (!NestReadsOnlyWhereItWrites(facts, members, nest, v, input)) return false;
  }
  return true;
}

void FindInPlace(const ir::Graph& graph, fuse::FusionPlan* plan) {
  const std::vector<ValueId> memory = fuse::MemoryOfValues(graph);
  std::map<uint32_t, ir::ComputeDef> defs;
  const auto def = [&](ir::NodeId id) -> const ir::ComputeDef* {
    const ir::OpDef& op = ir::GetOpDef(graph.node(id).op);
    if (op.compute == nullptr) return nullptr;
    auto it = defs.find(id.index);
    if (it == defs.end()) {
      it = defs.emplace(id.index, op.compute(ir::ViewOf(graph, graph.node(id)))).first;
    }
    return &it->second;
  };
  const GraphFacts facts{graph, def, [&](ValueId v) { return memory[v.index]; }};
  std::set<ValueId> stored;
  for (fuse::Group& group : plan->groups) {
    group.may_overwrite.clear();
    std::set<ValueId> inputs;
    for (ValueId v : group.inputs) {
      if (stored.count(memory[v.index]) > 0) inputs.insert(memory[v.index]);
    }
    for (ValueId v : group.stored) {
      const ir::TensorType& type = graph.type(v);
      for (ValueId input : inputs) {
        if (graph.type(input).dtype == type.dtype &&
            graph.type(input).NumElements() == type.NumElements() &&
            ReadsOnlyWhereItWrites(facts, group, v, input)) {
          group.may_overwrite.emplace_back(v, input);
        }
      }
    }
    stored.insert(group.stored.begin(), group.stored.end());
  }
}

}  // namespace tenon::lower
