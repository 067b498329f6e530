#include "tenon/passes/contract/operand_use.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "tenon/passes/contract/nest.h"
#include "tenon/passes/contract/schedule.h"

namespace tenon::contract {

using ir::Dim;

namespace {

double AtBound(const Dim& dim) {
  return static_cast<double>(std::max<int64_t>(1, dim.UpperBound().value_or(int64_t{1} << 40)));
}

double Parts(double extent, int64_t part) {
  return std::max(1.0, std::ceil(extent / static_cast<double>(part)));
}

// Blocks of rows of which each packs the panels of B for itself.
double RowBlocks(const ContractNest& nest, const Schedule& s) {
  const double rows = AtBound(nest.m.back().extent);
  if (nest.m.size() == 1) return Parts(rows, s.rows_per_chunk);
  return Parts(AtBound(nest.M()) / rows, s.outer_per_chunk);
}

// Groups of panels of which each packs the rows of A for itself.
double PanelGroups(const ContractNest& nest, const Schedule& s) {
  const double groups = Parts(AtBound(PanelColumns(nest, s)), s.panels_per_chunk * s.lanes);
  return groups * AtBound(nest.N()) / AtBound(nest.n.back().extent);
}

// Whether the nest could not read the operand even if it lay in memory.
bool NeedsCopy(const ir::Graph& graph, const ir::ComputeDef& def, const Operand& operand,
               const ContractNest& nest) {
  const ir::Access& access = def.accesses[operand.access];
  return access.guarded || graph.type(operand.value).dtype != nest.operand_dtype() ||
         std::any_of(access.index.begin(), access.index.end(),
                     [](const ir::Index& index) { return index.affine.divisor > 1; });
}

}  // namespace

std::vector<OperandUse> OperandUses(const ir::Graph& graph, const ir::Node& node,
                                    const ir::ComputeDef& def, const ir::TargetDesc& target,
                                    const passes::PipelineOptions& options,
                                    const std::vector<bool>& candidates, int epilogue) {
  std::vector<OperandUse> uses(def.accesses.size());
  const bool exact = options.numerics == passes::Numerics::kExact;
  const std::optional<ContractNest> nest =
      MakeNest(graph, node, def, candidates, !exact && target.has_bf16_dot);
  if (!nest.has_value() || IsDotProducts(*nest)) {
    // A plain reduction evaluates both operands at every point.
    for (OperandUse& use : uses) use.evaluations = AtBound(ir::Product(def.domain));
    return uses;
  }
  const Schedule s = MakeSchedule(*nest, target, {.exact = exact, .epilogue = epilogue});
  const double steps = AtBound(nest->K()) * AtBound(nest->Batch());
  uses[nest->b.access] = {
      steps * AtBound(nest->N()) * RowBlocks(*nest, s),
      s.panel != Schedule::Panel::kDirect && MayPrepack(target, options.prepack)};
  OperandUse& a = uses[nest->a.access];
  if (s.a_rows != Schedule::Rows::kDirect) {
    a.evaluations = steps * AtBound(nest->M()) * PanelGroups(*nest, s);
  } else if (NeedsCopy(graph, def, nest->a, *nest)) {
    a.evaluations = AtBound(ir::Product(nest->a.shape));
  }
  return uses;
}

}  // namespace tenon::contract
