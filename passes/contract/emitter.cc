#include "tenon/passes/contract/emitter.h"

#include <algorithm>
#include <utility>

namespace tenon::contract {

using ir::Dim;
using ir::ScalarOp;
using lower::IndexExpr;
using lower::VarId;

namespace {

Dim CeilDiv(const Dim& d, int64_t divisor) { return FloorDiv(d + Dim(divisor - 1), divisor); }

}  // namespace

Dim Pieces(const ContractNest& nest, const Schedule& s) {
  return s.split > 0 ? CeilDiv(nest.k[0].extent, s.split) : Dim(1);
}
Dim Results(const ContractNest& nest) { return nest.Batch() * nest.M() * nest.N(); }

ContractEmitter::ContractEmitter(lower::LowerContext& context, const fuse::Group& group,
                                 const ContractNest& nest, const Schedule& schedule,
                                 const Places& places, const char* name)
    : context_(context),
      group_(group),
      nest_(nest),
      s_(schedule),
      places_(places),
      kernel_(context, group, name),
      e_(kernel_),
      k_(e_.builder()) {
  for (const NestDim& d : nest_.batch) batch_vars_.push_back(e_.space().AddLoop(d.extent));
  for (const NestDim& d : nest_.m) m_vars_.push_back(e_.space().AddLoop(d.extent));
  for (const NestDim& d : nest_.n) n_vars_.push_back(e_.space().AddLoop(d.extent));
  // Of pairs the innermost variable counts elements.
  for (const NestDim& d : nest_.k) {
    const bool paired = nest_.pairs && &d == &nest_.k.back();
    k_vars_.push_back(e_.space().AddLoop(paired ? d.extent * Dim(2) : d.extent));
  }
  a_ = MakeEvaluated(nest_.a);
  b_ = MakeEvaluated(nest_.b);
  const auto add = [&](const std::vector<NestDim>& dims, const std::vector<VarId>& vars) {
    for (size_t i = 0; i < dims.size(); ++i) {
      position_ = position_ + IndexExpr::Var(vars[i]) * dims[i].c;
    }
  };
  add(nest_.batch, batch_vars_);
  add(nest_.m, m_vars_);
  add(nest_.n, n_vars_);
}

void ContractEmitter::AddBuffers() {
  if (places_.a.valid() && s_.a_rows == Schedule::Rows::kDirect) {
    a_buffer_ = kernel_.BufferParam(places_.a, false);
  }
  if (s_.prepacked) panel_ = kernel_.BufferParam(places_.packed, false);
  if (places_.b.valid() && (!s_.prepacked || DotsInPlace())) {
    b_buffer_ = kernel_.BufferParam(places_.b, false);
  }
  if (places_.pieces.valid()) {
    pieces_ = kernel_.BufferParam(places_.pieces, true);
    piece_var_ = e_.space().AddLoop(Pieces(nest_, s_));
  }
  const bool has_panels = !(PanelColumns(nest_, s_) == Dim(0));
  if (s_.panel != Schedule::Panel::kDirect && !s_.prepacked && has_panels) {
    const bool in_turns = s_.steps_per_copied_row > 0;
    const int64_t places = in_turns ? 2 : s_.panels_per_chunk;
    const char* name = in_turns ? "panels_in_turn" : "panel";
    panel_ = k_.AddLocal({name, nest_.step_dtype(), places * PanelSize()});
  }
  if (s_.a_rows == Schedule::Rows::kByRow) {
    rows_ = k_.AddLocal({"rows", nest_.operand_dtype(), s_.rows_per_block * RowPitch()});
  } else if (s_.a_rows == Schedule::Rows::kTransposed) {
    rows_ = k_.AddLocal({"rows", nest_.step_dtype(), s_.rows_per_block * RowPitch()});
  } else if (s_.a_rows == Schedule::Rows::kByTile) {
    rows_ = k_.AddLocal({"rows", nest_.step_dtype(), s_.rows_per_block * BlockSteps()});
  }
  if (s_.rows_per_step > 0) waiting_ = k_.AddLocal({"waiting", ir::DType::kI64, 5});
  if (s_.several_k_blocks || s_.deferred) {
    const int64_t panels = s_.panels_per_chunk + (s_.dot_columns > 0 ? 1 : 0);
    const int64_t rows = panels * SumRows();
    sums_ = k_.AddLocal({"sums", nest_.accumulator, rows * s_.lanes});
  } else if (s_.matrix) {
    // Results that are computed within the next tile's loop leave their sums a place of their own.
    const int64_t tiles = s_.rows_per_step > 0 ? 2 : 1;
    sums_ = k_.AddLocal({"sums", nest_.accumulator, tiles * s_.rows * s_.lanes});
  }
  if (s_.dot_columns > 0 && !DotsInPlace()) {
    columns_ = k_.AddLocal({"columns", nest_.accumulator, s_.dot_columns * BlockSteps()});
  }
  if (s_.dot_columns > 0 && s_.several_k_blocks) {
    const int64_t accumulators = s_.dot_columns * SumRows() * 16;
    dots_ = k_.AddLocal({"dots", nest_.accumulator, accumulators});
  }
}

void ContractEmitter::Emit() {
  AddBuffers();
  const NestDim& m = nest_.m.back();
  const bool by_rows = nest_.m.size() == 1;
  Dim outer = 1;
  for (size_t i = 0; i + 1 < nest_.m.size(); ++i) outer = outer * nest_.m[i].extent;
  const Dim blocks =
      by_rows ? CeilDiv(m.extent, s_.rows_per_chunk) : CeilDiv(outer, s_.outer_per_chunk);
  // Chunks, slowest first: batch, pieces of k, outer columns, blocks of rows, groups of panels.
  std::vector<Dim> counts;
  for (const NestDim& d : nest_.batch) counts.push_back(d.extent);
  counts.push_back(Pieces(nest_, s_));
  for (size_t i = 0; i + 1 < nest_.n.size(); ++i) counts.push_back(nest_.n[i].extent);
  counts.push_back(blocks);
  counts.push_back(NumGroups());
  k_.Parallel(k_.DimValue(ir::Product(counts)),
              [&](KValue chunk) { EmitChunk(Indices(chunk, counts), outer); });
  context_.Launch(kernel_);
}

std::vector<KValue> ContractEmitter::Indices(KValue number, const std::vector<Dim>& extents) {
  std::vector<KValue> at(extents.size());
  for (size_t i = extents.size(); i-- > 0;) {
    at[i] = i == 0 ? number : Rem(number, extents[i]);
    if (i > 0) number = Quotient(number, extents[i]);
  }
  return at;
}

KValue ContractEmitter::Quotient(KValue v, const Dim& d) {
  if (d.is_constant() && d.constant() > 0) return k_.Div(v, d.constant());
  return k_.Scalar(ScalarOp::kDiv, {v, k_.DimValue(d)});
}

KValue ContractEmitter::Rem(KValue v, const Dim& d) {
  if (d.is_constant() && d.constant() > 0) return k_.Rem(v, d.constant());
  return k_.Scalar(ScalarOp::kRem, {v, k_.DimValue(d)});
}

Dim ContractEmitter::InnerK() const {
  Dim inner = 1;
  for (size_t i = 1; i < nest_.k.size(); ++i) inner = inner * nest_.k[i].extent;
  return inner;
}

int64_t ContractEmitter::BlockSteps() const {
  return s_.k_block * InnerK().UpperBound().value_or(1);
}

int64_t ContractEmitter::PanelSize() const { return BlockSteps() * s_.lanes; }

Dim ContractEmitter::NumPanels() const { return CeilDiv(PanelColumns(nest_, s_), s_.lanes); }

Dim ContractEmitter::NumGroups() const {
  if (PanelColumns(nest_, s_) == Dim(0)) return s_.dot_columns > 0 ? Dim(1) : Dim(0);
  return CeilDiv(NumPanels(), s_.panels_per_chunk);
}

int64_t ContractEmitter::SumRows() const {
  return (nest_.m.size() == 1 ? 1 : s_.outer_per_chunk) * s_.rows_per_chunk;
}

void ContractEmitter::EmitChunk(const std::vector<KValue>& at, const Dim& outer) {
  lower::ElementEmitter::Scope scope(e_);
  HoistInvariants();
  a_base_ = k_.DimValue(nest_.a.offset);
  b_base_ = k_.DimValue(nest_.b.offset);
  first_of_n_ = k_.ConstI64(0);
  size_t next = 0;
  for (size_t i = 0; i < nest_.batch.size(); ++i, ++next) {
    e_.Bind(batch_vars_[i], at[next]);
    a_base_ = k_.Add(a_base_, Scaled(at[next], nest_.batch[i].a));
    b_base_ = k_.Add(b_base_, Scaled(at[next], nest_.batch[i].b));
    first_of_n_ = k_.Add(Scaled(first_of_n_, nest_.batch[i].extent), at[next]);
  }
  piece_ = at[next++];
  for (size_t i = 0; i + 1 < nest_.n.size(); ++i, ++next) {
    e_.Bind(n_vars_[i], at[next]);
    b_base_ = k_.Add(b_base_, Scaled(at[next], nest_.n[i].b));
    first_of_n_ = k_.Add(Scaled(first_of_n_, nest_.n[i].extent), at[next]);
  }
  const RowBlock rows{at[next++], outer, nest_.m.size() == 1};
  row_low_ = Bounds(rows).first;
  const Dim panels = NumPanels();
  first_of_n_ = Scaled(first_of_n_, panels);
  const KValue group_size = k_.ConstI64(s_.panels_per_chunk);
  first_panel_ = k_.Mul(at[next], group_size);
  const bool even = panels.is_constant() && panels.constant() % s_.panels_per_chunk == 0;
  num_panels_ = even ? group_size : k_.Min(group_size, k_.Sub(k_.DimValue(panels), first_panel_));
  const Dim last_group = NumGroups() - Dim(1);
  has_dots_ = last_group == Dim(0) ? KValue()
                                   : k_.Scalar(ScalarOp::kEq, {at[next], k_.DimValue(last_group)});
  const KValue none = k_.ConstI64(0);
  if (waiting_ >= 0) StoreWaiting({none, none, none, none, none});
  EmitKBlocks(rows);
  if (waiting_ >= 0) EmitRestOfWaiting(LoadWaiting(), none);
  if (!s_.deferred) return;
  ForPanels([&](const TileShape& shape) { EmitDeferred(shape, rows); });
  IfDots([&] { EmitDeferredDots(rows); });
}

void ContractEmitter::EmitKBlocks(const RowBlock& rows) {
  const KValue extent = k_.DimValue(nest_.k[0].extent);
  KValue first = k_.ConstI64(0), last = extent;
  if (s_.split > 0) {
    first = k_.Mul(piece_, k_.ConstI64(s_.split));
    last = k_.Min(extent, k_.Add(first, k_.ConstI64(s_.split)));
  }
  if (!s_.several_k_blocks) {
    EmitRowBlocks(rows, {first, last, {}, {}});
    return;
  }
  // At least one block, also of nothing: the results have to be written.
  const KValue blocks = k_.Max(k_.ConstI64(1), k_.CeilDiv(extent, s_.k_block));
  k_.For(k_.ConstI64(0), blocks, 1, {}, [&](KValue i, std::vector<KValue>) {
    lower::ElementEmitter::Scope scope(e_);
    const KValue low = k_.Mul(i, k_.ConstI64(s_.k_block));
    const KValue high = k_.Min(extent, k_.Add(low, k_.ConstI64(s_.k_block)));
    const KValue is_first = k_.Scalar(ScalarOp::kEq, {i, k_.ConstI64(0)});
    const KValue is_last = k_.Scalar(ScalarOp::kEq, {k_.Add(i, k_.ConstI64(1)), blocks});
    EmitRowBlocks(rows, {low, high, is_first, is_last});
    return std::vector<KValue>();
  });
}

void ContractEmitter::EmitRowBlocks(const RowBlock& rows, const KRange& range) {
  if (!rows.by_rows) {
    ForPanels([&](const TileShape& shape) { EmitOuterRows(shape, rows, range); });
    return;
  }
  const auto [low, high] = Bounds(rows);
  const auto panels = [&](KValue from, KValue to, KValue is_first) {
    block_low_ = from;
    if (rows_ >= 0) PackA(from, to, range);
    ForPanels([&](const TileShape& shape) { EmitRowRange(shape, from, to, range, is_first); });
    IfDots([&] { EmitDotColumns(from, to, range, is_first); });
  };
  if (s_.rows_per_block >= s_.rows_per_chunk) {
    panels(low, high, {});
    return;
  }
  k_.For(low, high, s_.rows_per_block, {},
         [&, first = low, last = high](KValue row, std::vector<KValue>) {
           lower::ElementEmitter::Scope scope(e_);
           const KValue end = k_.Min(last, k_.Add(row, k_.ConstI64(s_.rows_per_block)));
           panels(row, end, k_.Scalar(ScalarOp::kEq, {row, first}));
           return std::vector<KValue>();
         });
}

std::pair<KValue, KValue> ContractEmitter::Bounds(const RowBlock& rows) {
  const Dim& extent = rows.by_rows ? nest_.m.back().extent : rows.outer;
  const int64_t size = rows.by_rows ? s_.rows_per_chunk : s_.outer_per_chunk;
  if (extent.is_constant() && extent.constant() <= size) {
    return {k_.ConstI64(0), k_.DimValue(extent)};
  }
  const KValue low = k_.Mul(rows.block, k_.ConstI64(size));
  return {low, k_.Min(k_.DimValue(extent), k_.Add(low, k_.ConstI64(size)))};
}

KValue ContractEmitter::BindOuter(KValue i) {
  KValue a_base = a_base_;
  for (size_t d = nest_.m.size() - 1; d-- > 0;) {
    const KValue index = d == 0 ? i : Rem(i, nest_.m[d].extent);
    if (d > 0) i = Quotient(i, nest_.m[d].extent);
    e_.Bind(m_vars_[d], index);
    a_base = k_.Add(a_base, Scaled(index, nest_.m[d].a));
  }
  return a_base;
}

void ContractEmitter::EmitDeferred(const TileShape& shape, const RowBlock& rows) {
  const KValue panel_sums = k_.Mul(panel_index_, k_.ConstI64(SumRows()));
  const auto row_range = [&](KValue low, KValue high, KValue sums_row) {
    k_.For(low, high, 1, {}, [&](KValue row, std::vector<KValue>) {
      lower::ElementEmitter::Scope scope(e_);
      e_.Bind(m_vars_.back(), row);
      const KValue at = k_.Add(sums_row, k_.Sub(row, low));
      kernel::MemRef waiting{.buffer = sums_, .offset = k_.Mul(at, k_.ConstI64(s_.lanes))};
      // Tiles leave whole vectors, columns in no panel just their sums.
      if (s_.dot_columns > 0) waiting.lane_count = shape.lane_count;
      const KValue sums = k_.Load(nest_.accumulator, 1, shape.lanes, waiting);
      EmitResults({1, shape.lanes, shape.lane_count}, sums);
      return std::vector<KValue>();
    });
  };
  const auto [low, high] = Bounds(rows);
  if (rows.by_rows) {
    row_range(low, high, panel_sums);
    return;
  }
  k_.For(low, high, 1, {}, [&, first = low](KValue i, std::vector<KValue>) {
    lower::ElementEmitter::Scope scope(e_);
    BindOuter(i);
    const KValue row = k_.Mul(k_.Sub(i, first), k_.ConstI64(s_.rows_per_chunk));
    row_range(k_.ConstI64(0), k_.DimValue(nest_.m.back().extent), k_.Add(panel_sums, row));
    return std::vector<KValue>();
  });
}

void ContractEmitter::EmitOuterRows(const TileShape& shape, const RowBlock& rows,
                                    const KRange& range) {
  const auto [low, high] = Bounds(rows);
  if (panel_ >= 0 && !s_.prepacked) PackPanel(shape, range.low, range.high);
  k_.For(low, high, 1, {}, [&, first = low](KValue i, std::vector<KValue>) {
    lower::ElementEmitter::Scope scope(e_);
    const KValue a_base = BindOuter(i);
    const KValue sums_row = k_.Mul(k_.Sub(i, first), k_.ConstI64(s_.rows_per_chunk));
    const KValue zero = k_.ConstI64(0);
    EmitTiles(shape, zero, zero, k_.DimValue(nest_.m.back().extent),
              [&](KValue row, const TileShape& tile) {
                EmitTileAt(tile, row, k_.Add(sums_row, row), a_base, range);
              });
    return std::vector<KValue>();
  });
}

void ContractEmitter::EmitRowRange(const TileShape& shape, KValue low, KValue high,
                                   const KRange& range, KValue is_first) {
  const TileBody tile_at = [&](KValue row, const TileShape& tile) {
    EmitTileAt(tile, row, k_.Sub(row, row_low_), a_base_, range);
  };
  if (panel_ < 0 || s_.prepacked) {
    EmitTiles(shape, low, low, high, tile_at);
    return;
  }
  // The first tile copies the panel as it goes: its loads overlap with the arithmetic.
  const KValue first_end = k_.Add(low, k_.ConstI64(shape.rows));
  KValue filled = k_.Const(ir::DType::kBool, 0);
  // Rows of pairs are interleaved on the way, and those of a computed B evaluated, which takes
  // registers that a tile has not got.
  const bool fills = s_.panel == Schedule::Panel::kPacked && !nest_.pairs && !nest_.b.computed;
  if (fills) filled = k_.Scalar(ScalarOp::kGe, {high, first_end});
  const auto fill = [&] {
    const auto pack = [&] {
      PackPanel(shape, range.low, range.high);
      return std::vector<KValue>();
    };
    const auto compute = [&] {
      filling_ = true;
      tile_at(low, shape);
      filling_ = false;
      return std::vector<KValue>();
    };
    if (!fills) return pack();
    return k_.If(filled, compute, pack);
  };
  const bool copies_next =
      s_.steps_per_copied_row > 0 && shape.lanes == s_.lanes && !shape.lane_count.valid();
  if (copies_next) is_first = k_.Scalar(ScalarOp::kNot, {WasCopied(range)});
  if (is_first.valid()) {
    k_.If(is_first, fill, [] { return std::vector<KValue>(); });
    filled = k_.Scalar(ScalarOp::kAnd, {is_first, filled});
  } else {
    fill();
  }
  const KValue start = k_.Scalar(ScalarOp::kSelect, {filled, first_end, low});
  if (copies_next) next_ = FindNext(range, start);
  EmitTiles(shape, low, start, high, tile_at);
  if (copies_next) CopyRestOfNext(range, high);
  next_ = {};
}

void ContractEmitter::HoistInvariants() {
  std::vector<VarId> inner = batch_vars_;
  inner.insert(inner.end(), m_vars_.begin(), m_vars_.end());
  inner.insert(inner.end(), n_vars_.begin(), n_vars_.end());
  if (!places_.pieces.valid()) {
    for (ir::ValueId v : group_.stored) {
      const ir::Shape& dims = context_.graph().type(v).dims;
      e_.Hoist(v, e_.space().Delinearize(position_, dims), inner);
    }
  }
  inner.insert(inner.end(), k_vars_.begin(), k_vars_.end());
  const ir::Node& node = context_.graph().node(group_.anchor);
  if (rows_ >= 0) e_.HoistReads(node, a_.def, a_.point, inner);
  const bool evaluates_b = (nest_.b.computed && !s_.prepacked) || columns_ >= 0;
  if (evaluates_b) e_.HoistReads(node, b_.def, b_.point, inner);
}

}  // namespace tenon::contract
