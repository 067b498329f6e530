#include "tenon/passes/contract/contract.h"

#include <optional>
#include <vector>

#include "tenon/passes/contract/emit.h"
#include "tenon/passes/contract/nest.h"
#include "tenon/passes/contract/schedule.h"

namespace tenon::contract {

namespace {

using ir::Dim;

// One row against columns whose k lies next to each other: dot products along k read memory as it
// lies and need no panel.
bool IsDotProducts(const ContractNest& nest) {
  const bool one_row = nest.M() == Dim(1) && nest.Batch() == Dim(1);
  return one_row && !(nest.n.back().b == Dim(1)) && nest.k.back().b == nest.unit_step();
}

bool IsEmpty(const ContractNest& nest) {
  const Dim count = nest.M() * nest.N() * nest.Batch();
  return count == Dim(0);
}

}  // namespace

bool LowerContraction(lower::LowerContext& context, const fuse::Group& group) {
  const ir::Graph& graph = context.graph();
  const ir::Node& node = graph.node(group.anchor);
  const ir::ComputeDef& def = *context.Def(group.anchor);
  std::vector<bool> must_copy;
  for (const ir::Access& access : def.accesses) {
    const ir::ValueId value = node.operands[access.operand];
    must_copy.push_back(context.IsUniform(value) || !context.place(value).valid());
  }
  const bool exact = context.numerics() == passes::Numerics::kExact;
  const std::optional<ContractNest> nest =
      MakeNest(graph, node, def, must_copy, !exact && context.target().has_bf16_dot);
  if (!nest.has_value() || IsDotProducts(*nest)) return false;
  if (IsEmpty(*nest)) return true;
  const Schedule schedule =
      MakeSchedule(*nest, context.target(), exact, static_cast<int>(group.members.size()) - 1);
  const auto place = [&](const Operand& operand) {
    if (operand.copied) return CopyOperand(context, group, operand, nest->operand_dtype());
    return context.place(operand.value);
  };
  const lower::Place a = place(nest->a);
  const lower::Place b = place(nest->b);
  EmitContraction(context, group, *nest, schedule, a, b);
  return true;
}

}  // namespace tenon::contract
