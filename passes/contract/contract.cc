#include "tenon/passes/contract/contract.h"

#include <algorithm>
#include <optional>
#include <set>
#include <vector>

#include "tenon/passes/contract/emit.h"
#include "tenon/passes/contract/nest.h"
#include "tenon/passes/contract/schedule.h"

namespace tenon::contract {

namespace {

using ir::Dim;

bool IsEmpty(const ContractNest& nest) {
  const Dim count = nest.M() * nest.N() * nest.Batch();
  return count == Dim(0);
}

// Whether `v` depends on nothing but what `prepare` may read, the group's members in between.
bool DependsOnPrepared(const lower::LowerContext& context, const std::set<ir::NodeId>& members,
                       ir::ValueId v) {
  if (context.prepared().MayRead(v)) return true;
  const ir::Graph& graph = context.graph();
  const ir::NodeId id = graph.producer(v);
  if (!id.valid() || members.count(id) == 0 || !graph.type(v).is_static()) return false;
  const std::vector<ir::ValueId>& operands = graph.node(id).operands;
  return std::all_of(operands.begin(), operands.end(), [&](ir::ValueId operand) {
    return DependsOnPrepared(context, members, operand);
  });
}

// Operations that follow on each result: the members between it and what is stored.
int EpilogueLength(const ir::Graph& graph, const fuse::Group& group) {
  const std::set<ir::NodeId> members(group.members.begin(), group.members.end());
  std::set<ir::NodeId> seen = {group.anchor};
  std::vector<ir::ValueId> work(group.stored.begin(), group.stored.end());
  while (!work.empty()) {
    const ir::NodeId id = graph.producer(work.back());
    work.pop_back();
    if (!id.valid() || members.count(id) == 0 || !seen.insert(id).second) continue;
    work.insert(work.end(), graph.node(id).operands.begin(), graph.node(id).operands.end());
  }
  return static_cast<int>(seen.size()) - 1;
}

}  // namespace

bool LowerContraction(lower::LowerContext& context, const fuse::Group& group) {
  const ir::Graph& graph = context.graph();
  const ir::Node& node = graph.node(group.anchor);
  const ir::ComputeDef& def = *context.Def(group.anchor);
  const std::set<ir::NodeId> members(group.members.begin(), group.members.end());
  std::vector<bool> not_stored;
  for (const ir::Access& access : def.accesses) {
    const ir::ValueId value = node.operands[access.operand];
    const bool evaluated = members.count(graph.producer(value)) > 0;
    not_stored.push_back(evaluated || context.IsUniform(value) || !context.place(value).valid());
  }
  const bool exact = context.numerics() == passes::Numerics::kExact;
  const std::optional<ContractNest> nest =
      MakeNest(graph, node, def, not_stored, !exact && context.target().has_bf16_dot);
  if (!nest.has_value() || IsDotProducts(*nest)) return false;
  if (IsEmpty(*nest)) return true;
  const bool is_static =
      nest->K().is_constant() && nest->N().is_constant() && nest->Batch().is_constant();
  const bool b_is_fixed = is_static && !context.in_prepare() &&
                          MayPrepack(context.target(), context.options().prepack) &&
                          DependsOnPrepared(context, members, nest->b.value);
  const Schedule schedule = MakeSchedule(
      *nest, context.target(),
      {.exact = exact, .epilogue = EpilogueLength(graph, group), .b_is_fixed = b_is_fixed});
  const auto place = [&](const Operand& operand, bool packed) {
    if (!operand.computed) return context.place(operand.value);
    if (packed) return lower::Place();
    return CopyOperand(context, group, operand, nest->operand_dtype());
  };
  const lower::Place a = place(nest->a, schedule.a_rows != Schedule::Rows::kDirect);
  const lower::Place b = place(nest->b, schedule.panel != Schedule::Panel::kDirect);
  EmitContraction(context, group, *nest, schedule, a, b);
  return true;
}

}  // namespace tenon::contract
