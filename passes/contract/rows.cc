// Blocks of A's rows: their layout, and the loops that pack them from wherever they come.
#include <algorithm>

#include "tenon/passes/contract/emitter.h"
#include "tenon/passes/lower/loops.h"

namespace tenon::contract {

using ir::Dim;
using lower::ElementEmitter;
using lower::IndexExpr;
using lower::Tile;
using lower::VarId;

namespace {

// Rows of A that are packed in one pass over k, about: two lines of f32.
constexpr int kRowsTogether = 32;

}  // namespace

int64_t ContractEmitter::RowPitch() const {
  if (s_.a_rows == Schedule::Rows::kTransposed) {
    // In pairs, whole blocks of 16 of them; not a multiple of 4 KiB.
    const int64_t steps = (BlockSteps() + 15) / 16 * 16;
    return steps % 1024 == 0 ? steps + 16 : steps;
  }
  const int64_t elements = BlockSteps() * (nest_.pairs ? 2 : 1);
  const int64_t bytes = ir::ByteSize(nest_.operand_dtype());
  const int64_t line = context_.target().cache_line / bytes;
  // Rows a multiple of 4 KiB apart would share the sets of the first level.
  const bool same_sets = elements * bytes % 4096 == 0;
  return same_sets ? elements + line : elements;
}

Dim ContractEmitter::AStride(size_t d) const {
  if (s_.a_rows == Schedule::Rows::kDirect) return nest_.k[d].a;
  Dim stride = 1;
  if (s_.a_rows == Schedule::Rows::kByRow) stride = nest_.unit_step();
  if (s_.a_rows == Schedule::Rows::kByTile) stride = Dim(s_.rows);
  for (size_t i = d + 1; i < nest_.k.size(); ++i) stride = stride * nest_.k[i].extent;
  return stride;
}

KValue ContractEmitter::ATile(const TileShape& tile, KValue row, KValue a_base,
                              const KRange& range) {
  if (s_.a_rows == Schedule::Rows::kDirect) return k_.Add(a_base, Scaled(row, nest_.m.back().a));
  const KValue in_block = k_.Sub(row, block_low_), before = Scaled(range.low, AStride(0));
  if (s_.a_rows != Schedule::Rows::kByTile) {
    return k_.Sub(k_.Mul(in_block, k_.ConstI64(RowPitch())), before);
  }
  // A tile begins where a packed one does, or within it where the count of rows is not known.
  KValue within = k_.ConstI64(0);
  if (tile.rows < s_.rows && !nest_.m.back().extent.is_constant()) {
    within = k_.Rem(in_block, s_.rows);
  }
  const KValue steps = k_.Mul(k_.Sub(in_block, within), k_.ConstI64(BlockSteps()));
  return k_.Sub(k_.Add(steps, within), before);
}

void ContractEmitter::PackA(KValue low, KValue high, const KRange& range) {
  const VarId row_var = m_vars_.back();
  if (s_.a_rows == Schedule::Rows::kByRow) {
    lower::ForEach(e_, row_var, low, high, {}, [&, block = low](std::vector<KValue>) {
      // ForEach has bound the row.
      const KValue row = k_.Sub(e_.IndexValue(IndexExpr::Var(row_var), {}), block);
      const KValue start = k_.Mul(row, k_.ConstI64(RowPitch()));
      PackARow(0, range.low, range.high, k_.Sub(start, Scaled(range.low, AStride(0))));
      return std::vector<KValue>();
    });
    return;
  }
  if (s_.a_rows == Schedule::Rows::kTransposed) {
    constexpr int kRows = 16;
    k_.For(low, high, kRows, {}, [&, block = low, end = high](KValue row, std::vector<KValue>) {
      ElementEmitter::Scope scope(e_);
      e_.Bind(row_var, row);
      const Dim& extent = nest_.m.back().extent;
      const bool even = extent.is_constant() && extent.constant() % kRows == 0;
      const KValue rows = k_.ConstI64(kRows);
      const KValue start = k_.Mul(k_.Sub(row, block), k_.ConstI64(RowPitch()));
      PackATransposed(0, range.low, range.high, even ? rows : k_.Min(rows, k_.Sub(end, row)),
                      k_.Sub(start, Scaled(range.low, AStride(0))));
      return std::vector<KValue>();
    });
    return;
  }
  // What lies in memory is read by whole lines: several tiles at a time. Evaluating is written
  // once.
  const int together = nest_.a.computed ? 1 : std::max(1, kRowsTogether / s_.rows);
  const Dim& extent = nest_.m.back().extent;
  const bool even = extent.is_constant() && extent.constant() % s_.rows == 0;
  const auto pack = [&, block = low, end = high](KValue first, KValue last, int tiles) {
    k_.For(first, last, tiles * s_.rows, {}, [&](KValue row, std::vector<KValue>) {
      ElementEmitter::Scope scope(e_);
      const KValue rows = k_.ConstI64(s_.rows);
      const bool whole = even || tiles > 1;
      const KValue start = k_.Mul(k_.Sub(row, block), k_.ConstI64(BlockSteps()));
      PackATiles(0, range.low, range.high,
                 {row, tiles, whole ? rows : k_.Min(rows, k_.Sub(end, row))},
                 k_.Sub(start, Scaled(range.low, AStride(0))));
      return std::vector<KValue>();
    });
  };
  if (together == 1) return pack(low, high, 1);
  const int step = together * s_.rows;
  const KValue count = k_.Mul(k_.Div(k_.Sub(high, low), step), k_.ConstI64(step));
  const KValue whole_end = k_.Add(low, count);
  pack(low, whole_end, together);
  pack(whole_end, high, 1);
}

void ContractEmitter::PackARow(size_t d, KValue low, KValue high, KValue to) {
  if (d + 1 < nest_.k.size()) {
    lower::ForEach(e_, k_vars_[d], low, high, {}, [&](std::vector<KValue>) {
      const KValue at = e_.IndexValue(IndexExpr::Var(k_vars_[d]), {});
      PackARow(d + 1, k_.ConstI64(0), k_.DimValue(nest_.k[d + 1].extent),
               k_.Add(to, Scaled(at, AStride(d))));
      return std::vector<KValue>();
    });
    return;
  }
  // Of pairs, elements: they lie one by one.
  const KValue each = k_.ConstI64(nest_.pairs ? 2 : 1);
  const VarId k = k_vars_[d];
  const KValue first = k_.Mul(low, each), count = k_.Mul(k_.Sub(high, low), each);
  lower::ForTiles(e_, k, first, count, 16, 1, {}, [&](const Tile& tile, std::vector<KValue>) {
    const KValue at = e_.IndexValue(IndexExpr::Var(k), {});
    k_.Store(EvalOperand(a_, tile),
             {.buffer = rows_, .offset = k_.Add(to, at), .lane_count = tile.lane_count});
    return std::vector<KValue>();
  });
}

void ContractEmitter::PackATiles(size_t d, KValue low, KValue high, const TilesOfA& tiles,
                                 KValue to) {
  const ElementEmitter::LookAhead ahead(e_, k_vars_.back(), lower::FarSteps());
  k_.For(low, high, 1, {}, [&](KValue step, std::vector<KValue>) {
    ElementEmitter::Scope scope(e_);
    const KValue at = k_.Add(to, Scaled(step, AStride(d)));
    if (d + 1 < nest_.k.size()) {
      e_.Bind(k_vars_[d], step);
      PackATiles(d + 1, k_.ConstI64(0), k_.DimValue(nest_.k[d + 1].extent), tiles, at);
    } else {
      PackAStep(step, tiles, at);
    }
    return std::vector<KValue>();
  });
}

void ContractEmitter::PackAStep(KValue step, const TilesOfA& tiles, KValue to) {
  Tile tile;
  while (tile.lanes < s_.rows) tile.lanes *= 2;
  if (tile.lanes > 1) {
    tile.lane_var = m_vars_.back();
    const int64_t* constant = k_.AsConst(tiles.row_count);
    if (constant == nullptr || *constant != tile.lanes) tile.lane_count = tiles.row_count;
  }
  for (int i = 0; i < tiles.count; ++i) {
    ElementEmitter::Scope scope(e_);
    e_.Bind(m_vars_.back(), k_.Add(tiles.row, k_.ConstI64(i * s_.rows)));
    const auto rows = [&](KValue element) {
      ElementEmitter::Scope inner(e_);
      e_.Bind(k_vars_.back(), element);
      return EvalOperand(a_, tile);
    };
    const KValue element = nest_.pairs ? k_.Mul(step, k_.ConstI64(2)) : step;
    KValue value = rows(element);
    if (nest_.pairs) value = Interleave(value, rows(k_.Add(element, k_.ConstI64(1))));
    const KValue there = k_.Add(to, k_.ConstI64(i * s_.rows * BlockSteps()));
    k_.Store(value, {.buffer = rows_, .offset = there, .lane_count = tile.lane_count});
  }
}

}  // namespace tenon::contract
