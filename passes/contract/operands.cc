// Operands that packing evaluates: elements of a prologue, of a guarded access, of another type.
#include <algorithm>

#include "tenon/passes/contract/emitter.h"

namespace tenon::contract {

using ir::Dim;
using lower::ElementEmitter;
using lower::IndexExpr;
using lower::Tile;
using lower::VarId;

ContractEmitter::Evaluated ContractEmitter::MakeEvaluated(const Operand& operand) {
  const ir::ComputeDef& def = *context_.Def(group_.anchor);
  Evaluated evaluated;
  evaluated.def.domain = def.domain;
  evaluated.def.num_parallel = def.num_parallel;
  evaluated.def.accesses = {def.accesses[operand.access]};
  evaluated.point.resize(def.domain.size());
  const auto add = [&](const std::vector<NestDim>& dims, const std::vector<VarId>& vars) {
    for (size_t d = 0; d < dims.size(); ++d) {
      ir::Shape extents;
      for (int i : dims[d].iterators) extents.push_back(def.domain[i]);
      const lower::ElementIndex at = e_.space().Delinearize(IndexExpr::Var(vars[d]), extents);
      for (size_t i = 0; i < at.size(); ++i) evaluated.point[dims[d].iterators[i]] = at[i];
    }
  };
  add(nest_.batch, batch_vars_);
  add(nest_.m, m_vars_);
  add(nest_.n, n_vars_);
  add(nest_.k, k_vars_);
  return evaluated;
}

KValue ContractEmitter::EvalOperand(const Evaluated& operand, const Tile& tile) {
  const ir::Node& node = context_.graph().node(group_.anchor);
  const KValue value = e_.EvalAccess(node, operand.def, 0, operand.point, tile);
  return k_.Splat(k_.Cast(nest_.operand_dtype(), value), tile.rows, tile.lanes);
}

KValue ContractEmitter::EvalRow(const TileShape& shape, KValue step) {
  Tile tile{.lanes = shape.lanes, .lane_count = shape.lane_count};
  if (shape.lanes > 1) tile.lane_var = n_vars_.back();
  const auto row = [&](KValue at) {
    ElementEmitter::Scope scope(e_);
    e_.Bind(k_vars_.back(), at);
    return EvalOperand(b_, tile);
  };
  if (!nest_.pairs) return row(step);
  const KValue element = k_.Mul(step, k_.ConstI64(2));
  return Interleave(row(element), row(k_.Add(element, k_.ConstI64(1))));
}

void ContractEmitter::EvalBlock(const TileShape& shape, KValue column, KValue step, KValue steps,
                                KValue to) {
  const int columns = std::min(16, shape.lanes);
  const int blocks = nest_.pairs ? 2 : 1;  // of 16 elements, in 16 steps
  const KValue panel_column = k_.Mul(k_.Add(first_panel_, panel_index_), k_.ConstI64(s_.lanes));
  for (int block = 0; block < blocks; ++block) {
    ElementEmitter::Scope scope(e_);
    Tile tile{.rows = columns, .lanes = 16, .lane_var = k_vars_.back()};
    e_.Bind(n_vars_.back(), k_.Add(panel_column, column));
    e_.Bind(k_vars_.back(), k_.Add(k_.Mul(step, k_.ConstI64(blocks)), k_.ConstI64(16 * block)));
    if (columns > 1) {
      tile.row_var = n_vars_.back();
      if (shape.lane_count.valid()) {
        tile.row_count = k_.Max(k_.ConstI64(0), k_.Sub(shape.lane_count, column));
      }
    }
    if (steps.valid()) {
      const KValue left = k_.Sub(k_.Mul(steps, k_.ConstI64(blocks)), k_.ConstI64(16 * block));
      tile.lane_count = k_.Min(k_.ConstI64(16), k_.Max(k_.ConstI64(0), left));
    }
    const KValue by_step = k_.Transpose(EvalOperand(b_, tile));
    kernel::MemRef target{.buffer = panel_, .offset = to};
    if (!nest_.pairs) {
      target.row_stride = k_.ConstI64(s_.lanes);
      target.row_count = steps;
      k_.Store(by_step, target);
      continue;
    }
    for (int pair = 0; pair < 8; ++pair) {
      const KValue number = k_.ConstI64(8 * block + pair);
      target.offset = k_.Add(to, k_.Mul(number, k_.ConstI64(s_.lanes)));
      if (steps.valid()) target.predicate = k_.Scalar(ir::ScalarOp::kLt, {number, steps});
      k_.Store(Interleave(k_.Row(by_step, 2 * pair), k_.Row(by_step, 2 * pair + 1)), target);
    }
  }
  e_.Bind(n_vars_.back(), panel_column);
}

}  // namespace tenon::contract
