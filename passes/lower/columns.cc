// Sums over rows that a kernel of rows hosts (fuse/columns.cc): each chunk of rows adds up its own,
// in order, in a local buffer of a row's length, and stores it as one part. Chunks follow from the
// shape alone, so the bits do not depend on threads.
#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "tenon/ir/check.h"
#include "tenon/passes/fuse/cost.h"
#include "tenon/passes/lower/combine.h"
#include "tenon/passes/lower/reduce_emitter.h"

namespace tenon::lower {

using ir::Dim;
using KValue = kernel::ValueId;
using KValues = std::vector<KValue>;

namespace {

Accumulator AccumulatorOf(LowerContext& context, const fuse::Nest::Reduction& r) {
  const ir::Node& node = context.graph().node(r.node);
  const ir::ComputeDef* def = context.Def(r.node);
  const ir::DType dtype = context.graph().type(node.results[0]).dtype;
  return {r, &node, def, def->combiner, ir::ComputeType(dtype)};
}

}  // namespace

void ReduceEmitter::FindColumns() {
  const double elements = SizeOf(nest_.reduced);
  for (const fuse::Nest::Reduction& r : nest_.columns) {
    const Accumulator sum = AccumulatorOf(context_, r);
    const int local = k_.AddLocal({.name = absl::StrCat("column", columns_.size()),
                                   .dtype = sum.dtype,
                                   .size = static_cast<int64_t>(elements)});
    columns_.push_back({sum, local});
  }
}

IndexExpr ReduceEmitter::PositionInRow() {
  return IndexExpr::Var(inner_) * ExtentOf(lane_) + IndexExpr::Var(lane_);
}

IndexExpr ReduceEmitter::PositionInLocal() {
  return IndexExpr::Var(row_) * (ExtentOf(inner_) * ExtentOf(lane_)) + PositionInRow();
}

Tile ReduceEmitter::InLocal(Tile tile) const {
  tile.row_var = row_;
  return tile;
}

void ReduceEmitter::EmitRowsWithColumns() {
  TENON_CHECK(!by_column_);
  kernel_.set_streams();
  const Dim rows = ExtentOf(outer_), elements = ExtentOf(inner_) * ExtentOf(lane_);
  // A chunk is a part, as if the sums were a kernel of their own.
  const int64_t length = fuse::OrderOf(*columns_[0].sum.def).part_of_rest;
  const Dim parts = FloorDiv(rows + Dim(length - 1), length);
  for (ColumnSum& c : columns_) {
    c.parts = {context_.AddBuffer("parts", c.sum.dtype, parts * elements)};
    context_.SetParts(c.sum.reduction.node, {c.parts, parts, elements});
  }
  const VarId part = e_.space().AddLoop(parts);
  k_.Parallel(k_.DimValue(parts), [&](KValue number) {
    ElementEmitter::Scope scope(e_);
    e_.Bind(part, number);
    const KValue low = k_.Mul(number, k_.ConstI64(length));
    const KValue high = k_.Min(k_.Add(low, k_.ConstI64(length)), k_.DimValue(rows));
    HoistStored({outer_, inner_, lane_});
    ClearColumns();
    EmitRowRange(low, high, length);
    StoreColumns(IndexExpr::Var(part) * elements);
  });
  context_.Launch(kernel_);
}

void ReduceEmitter::ClearColumns() {
  ForPoints(Tile{}, [&](const Tile& tile) {
    for (const ColumnSum& c : columns_) {
      const KValue identity = IdentityOf(k_, c.sum.combiner, c.sum.dtype);
      e_.StoreAt(c.local, PositionInRow(), tile, identity);
    }
  });
}

// Adds what the columns sum up at the tile's points, row after row.
void ReduceEmitter::AddToColumns(const Tile& tile) {
  Tile sums = tile;
  sums.rows = 1;
  for (const ColumnSum& c : columns_) {
    const ElementIndex point = translate_(c.sum.reduction.point);
    KValue x = k_.Cast(c.sum.dtype, e_.EvalBody(*c.sum.node, *c.sum.def, point, tile));
    x = k_.Splat(x, tile.rows, tile.lanes);
    KValue sum = e_.LoadAt(c.local, c.sum.dtype, PositionInRow(), sums);
    for (int row = 0; row < tile.rows; ++row) {
      sum = k_.Scalar(CombineOp(c.sum.combiner), {sum, k_.Row(x, row)});
    }
    e_.StoreAt(c.local, PositionInRow(), sums, sum);
  }
}

void ReduceEmitter::StoreColumns(const IndexExpr& part) {
  ForPoints(Tile{}, [&](const Tile& tile) {
    for (const ColumnSum& c : columns_) {
      const KValue sum = e_.LoadAt(c.local, c.sum.dtype, PositionInRow(), tile);
      e_.StoreAt(kernel_.BufferParam(c.parts, true), part + PositionInRow(), tile, sum);
    }
  });
}

void LowerHosted(LowerContext& context, const fuse::Group& group) {
  const fuse::Nest& nest = group.nests[0];
  TENON_CHECK(nest.reductions.size() == 1);
  const Accumulator sum = AccumulatorOf(context, nest.reductions[0]);
  EmitCombineParts(context, group, nest, {{&sum, context.parts(nest.reductions[0].node)}});
}

}  // namespace tenon::lower
