#include "tenon/passes/fuse/plan.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tenon/ir/op.h"
#include "tenon/passes/fuse/cost.h"
#include "tenon/passes/lower/context.h"

namespace tenon::fuse {

absl::string_view GroupKindName(GroupKind kind) {
  switch (kind) {
#define TENON_GROUP_KIND(enumerator, name) \
  case GroupKind::enumerator:              \
    return name;
#include "tenon/passes/fuse/group_kinds.def"
  }
  return "?";
}

lower::IndexExpr Nest::Position() const {
  lower::IndexExpr position;
  ir::Dim stride = 1;
  for (size_t i = kept.size(); i-- > 0;) {
    position = position + lower::IndexExpr::Var(kept[i]) * stride;
    stride = stride * space.var(kept[i]).extent;
  }
  return position;
}

ir::Dim Nest::NumPoints() const {
  ir::Dim points = 1;
  for (lower::VarId v : kept) points = points * space.var(v).extent;
  return points;
}

std::vector<ir::ValueId> MemoryOfValues(const ir::Graph& graph) {
  std::vector<ir::ValueId> memory;
  for (uint32_t v = 0; v < static_cast<uint32_t>(graph.num_values()); ++v) {
    const ir::NodeId id = graph.producer(ir::ValueId{v});
    const bool alias =
        id.valid() && ir::GetOpDef(graph.node(id).op).compute_class == ir::ComputeClass::kReshape;
    memory.push_back(alias ? memory[graph.node(id).operands[0].index] : ir::ValueId{v});
  }
  return memory;
}

bool FillsWithNumber(const ir::Graph& graph, const Group& group) {
  const auto is_number = [&](ir::ValueId v) {
    const ir::NodeId id = graph.producer(v);
    return id.valid() &&
           ir::GetOpDef(graph.node(id).op).compute_class == ir::ComputeClass::kConstant &&
           lower::IsUniformLiteral(graph.node(id).attrs<ir::ConstantAttrs>().value);
  };
  const auto only_moves = [&](ir::NodeId id) {
    const ir::OpDef& op = ir::GetOpDef(graph.node(id).op);
    return op.compute == nullptr || BodyCost(op.compute(ir::ViewOf(graph, graph.node(id)))) == 0;
  };
  return group.kind == GroupKind::kMap && !group.inputs.empty() &&
         std::all_of(group.inputs.begin(), group.inputs.end(), is_number) &&
         std::all_of(group.members.begin(), group.members.end(), only_moves);
}

std::string FusionPlan::ToString(const ir::Graph& graph) const {
  std::string text;
  for (const Group& group : groups) {
    absl::StrAppend(&text, GroupKindName(group.kind), " {",
                    absl::StrJoin(group.members, " ",
                                  [&](std::string* out, ir::NodeId id) {
                                    absl::StrAppend(out, ir::OpName(graph.node(id).op));
                                  }),
                    "} stores ", group.stored.size());
    size_t columns = 0;
    for (const Nest& nest : group.nests) columns += nest.columns.size();
    if (columns > 0) absl::StrAppend(&text, ", adds up ", columns, " columns for others");
    absl::StrAppend(&text, "\n");
  }
  for (const Cut& cut : cuts) {
    const std::string name = cut.producer.valid()
                                 ? std::string(ir::OpName(graph.node(cut.producer).op))
                                 : std::string("input");
    absl::StrAppend(&text, "cut after ", name, ": ", cut.reason, "\n");
  }
  return text;
}

}  // namespace tenon::fuse
