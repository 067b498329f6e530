// Columns that are in no panel: few of them, beyond whole vectors, with lanes along k.
#include <algorithm>

#include "tenon/passes/contract/emitter.h"
#include "tenon/passes/lower/loops.h"

namespace tenon::contract {

using ir::Dim;
using ir::ScalarOp;
using lower::ElementEmitter;
using lower::IndexExpr;
using lower::Tile;

bool ContractEmitter::DotsInPlace() const {
  return s_.dot_columns > 0 && !nest_.b.computed && nest_.k.back().b == Dim(1);
}

void ContractEmitter::IfDots(const std::function<void()>& body) {
  if (s_.dot_columns == 0) return;
  if (!has_dots_.valid()) return body();
  k_.If(
      has_dots_,
      [&] {
        ElementEmitter::Scope scope(e_);
        body();
        return std::vector<KValue>();
      },
      [] { return std::vector<KValue>(); });
}

void ContractEmitter::EmitDotColumns(KValue low, KValue high, const KRange& range,
                                     KValue is_first) {
  if (columns_ >= 0) {
    const auto pack = [&] {
      PackDotColumns(range);
      return std::vector<KValue>();
    };
    if (is_first.valid()) {
      k_.If(is_first, pack, [] { return std::vector<KValue>(); });
    } else {
      pack();
    }
  }
  // All columns of some rows, while these are near.
  EmitTiles({s_.dot_rows, 1, {}}, low, low, high, [&](KValue row, const TileShape& tile) {
    k_.For(k_.ConstI64(0), k_.ConstI64(s_.dot_columns), 1, {},
           [&](KValue column, std::vector<KValue>) {
             ElementEmitter::Scope scope(e_);
             e_.Bind(n_vars_.back(), k_.Add(k_.DimValue(PanelColumns(nest_, s_)), column));
             EmitDotTile(tile, row, column, range);
             return std::vector<KValue>();
           });
  });
}

void ContractEmitter::PackDotColumns(const KRange& range) {
  k_.For(k_.ConstI64(0), k_.ConstI64(s_.dot_columns), 1, {},
         [&, low = range.low, high = range.high](KValue column, std::vector<KValue>) {
           ElementEmitter::Scope scope(e_);
           e_.Bind(n_vars_.back(), k_.Add(k_.DimValue(PanelColumns(nest_, s_)), column));
           const KValue to = k_.Sub(k_.Mul(column, k_.ConstI64(BlockSteps())), low);
           const lower::VarId k = k_vars_.back();
           lower::ForTiles(e_, k, low, k_.Sub(high, low), Schedule::kDotLanes, 1, {},
                           [&](const Tile& tile, std::vector<KValue>) {
                             const KValue at = e_.IndexValue(IndexExpr::Var(k), {});
                             k_.Store(EvalOperand(b_, tile), {.buffer = columns_,
                                                              .offset = k_.Add(to, at),
                                                              .lane_count = tile.lane_count});
                             return std::vector<KValue>();
                           });
           return std::vector<KValue>();
         });
}

void ContractEmitter::EmitDotTile(const TileShape& tile, KValue row, KValue column,
                                  const KRange& range) {
  ElementEmitter::Scope scope(e_);
  e_.Bind(m_vars_.back(), row);
  KValue acc = k_.Const(nest_.accumulator, 0, tile.rows, Schedule::kDotLanes);
  if (!range.is_first.valid()) {
    EmitDotResults(tile, row, column, EmitDotSteps(tile, row, column, range, acc));
    return;
  }
  const KValue before = k_.Mul(column, k_.ConstI64(SumRows()));
  const KValue place = k_.Add(before, k_.Sub(row, row_low_));
  kernel::MemRef waiting{.buffer = dots_,
                         .offset = k_.Mul(place, k_.ConstI64(Schedule::kDotLanes))};
  if (tile.rows > 1) waiting.row_stride = k_.ConstI64(Schedule::kDotLanes);
  acc = k_.If(
      range.is_first, [&] { return std::vector<KValue>{acc}; },
      [&] {
        return std::vector<KValue>{
            k_.Load(nest_.accumulator, tile.rows, Schedule::kDotLanes, waiting)};
      })[0];
  acc = EmitDotSteps(tile, row, column, range, acc);
  k_.If(
      range.is_last,
      [&] {
        EmitDotResults(tile, row, column, acc);
        return std::vector<KValue>();
      },
      [&] {
        k_.Store(acc, waiting);
        return std::vector<KValue>();
      });
}

KValue ContractEmitter::EmitDotSteps(const TileShape& tile, KValue row, KValue column,
                                     const KRange& range, KValue acc) {
  const KValue a = ATile(tile, row, a_base_, range);
  const int b_buffer = columns_ >= 0 ? columns_ : b_buffer_;
  KValue b = k_.Sub(k_.Mul(column, k_.ConstI64(BlockSteps())), range.low);
  if (columns_ < 0) {
    const KValue at = k_.Add(k_.DimValue(PanelColumns(nest_, s_)), column);
    b = k_.Add(b_base_, Scaled(at, nest_.n.back().b));
  }
  const auto step = [&](KValue i, KValue count, KValue sums) {
    kernel::MemRef a_mem{.buffer = rows_ >= 0 ? rows_ : a_buffer_, .offset = k_.Add(a, i)};
    if (tile.rows > 1) {
      a_mem.row_stride = rows_ >= 0 ? k_.ConstI64(RowPitch()) : k_.DimValue(nest_.m.back().a);
    }
    a_mem.lane_count = count;
    const KValue av = k_.Load(nest_.accumulator, tile.rows, Schedule::kDotLanes, a_mem);
    const KValue bv = k_.Load(nest_.accumulator, 1, Schedule::kDotLanes,
                              {.buffer = b_buffer, .offset = k_.Add(b, i), .lane_count = count});
    return k_.Scalar(ScalarOp::kFma, {av, bv, sums});
  };
  const KValue count = k_.Sub(range.high, range.low);
  const KValue whole = k_.Mul(k_.Div(count, Schedule::kDotLanes), k_.ConstI64(Schedule::kDotLanes));
  const KValue rest = k_.Sub(count, whole), end = k_.Add(range.low, whole);
  acc = k_.For(
      range.low, end, Schedule::kDotLanes, {acc},
      [&](KValue i, std::vector<KValue> carried) {
        return std::vector<KValue>{step(i, {}, carried[0])};
      },
      4)[0];
  const int64_t* constant = k_.AsConst(rest);
  if (constant != nullptr) return *constant == 0 ? acc : step(end, rest, acc);
  return k_.If(
      k_.Scalar(ScalarOp::kGt, {rest, k_.ConstI64(0)}),
      [&] { return std::vector<KValue>{step(end, rest, acc)}; },
      [&] { return std::vector<KValue>{acc}; })[0];
}

void ContractEmitter::EmitDotResults(const TileShape& tile, KValue row, KValue column, KValue acc) {
  const KValue sums = k_.ReduceLanes(ir::Combiner::kSum, acc);
  if (!s_.deferred) return EmitResults(tile, sums);
  // As the columns of a panel behind the chunk's own.
  const KValue place = k_.Add(k_.ConstI64(s_.panels_per_chunk * SumRows()), k_.Sub(row, row_low_));
  kernel::MemRef waiting{.buffer = sums_,
                         .offset = k_.Add(k_.Mul(place, k_.ConstI64(s_.lanes)), column)};
  if (tile.rows > 1) waiting.row_stride = k_.ConstI64(s_.lanes);
  k_.Store(sums, waiting);
}

void ContractEmitter::EmitDeferredDots(const RowBlock& rows) {
  int lanes = 1;
  while (lanes < s_.dot_columns) lanes *= 2;
  panel_index_ = k_.ConstI64(s_.panels_per_chunk);
  e_.Bind(n_vars_.back(), k_.DimValue(PanelColumns(nest_, s_)));
  const KValue count = k_.ConstI64(s_.dot_columns);
  EmitDeferred({1, lanes, lanes == s_.dot_columns ? KValue() : count}, rows);
}

}  // namespace tenon::contract
