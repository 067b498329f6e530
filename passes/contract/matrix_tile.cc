// Tiles of matrix registers: blocks of up to 32 rows by 32 columns, each of up to four accumulators
// of 16 x 16, over pairs of bf16 in steps of 16.
//
// The sums go through memory: a register cannot be computed with. So a tile leaves them in
// `sums`, and what follows on them is computed row by row right behind it. Rows and steps that are
// not there are masked to zero, which goes by way of vectors, at the edges alone.
#include <algorithm>
#include <vector>

#include "tenon/passes/contract/emitter.h"
#include "tenon/passes/lower/loops.h"

namespace tenon::contract {

using ir::Dim;
using ir::ScalarOp;

namespace {

constexpr int kSide = 16;  // rows, columns and pairs of one tile_dot

int Sides(int extent) { return (extent + kSide - 1) / kSide; }

}  // namespace

void ContractEmitter::EmitMatrixTiles(const TileShape& shape, KValue low, KValue high,
                                      const TileBody& body) {
  const KValue count = k_.Sub(high, low);
  const KValue whole = k_.Mul(k_.Div(count, shape.rows), k_.ConstI64(shape.rows));
  const KValue main_end = k_.Add(low, whole);
  k_.For(low, main_end, shape.rows, {}, [&](KValue row, std::vector<KValue>) {
    body(row, shape);
    return std::vector<KValue>();
  });
  TileShape tail = shape;
  const Dim& extent = nest_.m.back().extent;
  if (extent.is_constant()) {
    // Only the last block has it: all others are multiples of the tile.
    const int64_t rest = extent.constant() % shape.rows;
    if (rest == 0) return;
    tail.rows = Sides(static_cast<int>(rest)) * kSide;
    tail.row_count = rest == tail.rows ? KValue() : k_.ConstI64(rest);
  } else {
    tail.row_count = k_.Sub(high, main_end);
  }
  k_.If(
      k_.Scalar(ScalarOp::kLt, {main_end, high}),
      [&] {
        body(main_end, tail);
        return std::vector<KValue>();
      },
      [] { return std::vector<KValue>(); });
}

void ContractEmitter::EmitMatrixTile(const TileShape& shape, KValue a, KValue sums,
                                     const KRange& range) {
  const size_t count = static_cast<size_t>(Sides(shape.rows)) * Sides(shape.lanes);
  const bool overlaps = waiting_ >= 0;
  WaitingTile waiting;
  if (overlaps) waiting = LoadWaiting();
  if (overlaps && !s_.several_k_blocks) {
    sums = k_.Sub(k_.ConstI64(int64_t{s_.rows} * s_.lanes), waiting.sums);
  }
  const StepOffsets at = {a, b_at_, PanelStart(range.low)};
  const auto place = [&](size_t i) {
    const size_t column = i % Sides(shape.lanes), row = i / Sides(shape.lanes);
    const auto offset = static_cast<int64_t>((row * s_.lanes + column) * kSide);
    return kernel::MemRef{.buffer = sums_,
                          .offset = k_.Add(sums, k_.ConstI64(offset)),
                          .row_stride = k_.ConstI64(s_.lanes)};
  };
  // Accumulators that start anew and those that go on have loops of their own, so that both stay
  // in registers from end to end.
  const auto add_up = [&](bool anew) {
    std::vector<KValue> acc;
    for (size_t i = 0; i < count; ++i) {
      acc.push_back(anew ? k_.Const(nest_.accumulator, 0, kSide, kSide)
                         : k_.Load(nest_.accumulator, kSide, kSide, place(i)));
    }
    // Of several blocks of k the first has nothing waiting.
    const bool beside = overlaps && !(anew && s_.several_k_blocks);
    acc = EmitMatrixK(0, shape, range.low, range.high, at, acc, beside ? &waiting : nullptr);
    for (size_t i = 0; i < count; ++i) k_.Store(acc[i], place(i));
    return std::vector<KValue>();
  };
  if (range.is_first.valid()) {
    k_.If(
        range.is_first, [&] { return add_up(true); }, [&] { return add_up(false); });
  } else {
    add_up(true);
  }
  const auto finish = [&] {
    if (!overlaps) {
      EmitMatrixResults(shape, sums);
      return std::vector<KValue>();
    }
    const auto index = [&](lower::VarId var) {
      return e_.IndexValue(lower::IndexExpr::Var(var), {});
    };
    StoreWaiting({index(m_vars_.back()), index(n_vars_.back()),
                  shape.row_count.valid() ? shape.row_count : k_.ConstI64(shape.rows),
                  shape.lane_count.valid() ? shape.lane_count : k_.ConstI64(shape.lanes), sums});
    return std::vector<KValue>();
  };
  if (range.is_last.valid()) {
    k_.If(range.is_last, finish, [] { return std::vector<KValue>(); });
  } else {
    finish();
  }
}

ContractEmitter::WaitingTile ContractEmitter::LoadWaiting() {
  const auto field = [&](int64_t i) {
    return k_.Load(ir::DType::kI64, 1, 1, {.buffer = waiting_, .offset = k_.ConstI64(i)});
  };
  return {field(0), field(1), field(2), field(3), field(4)};
}

void ContractEmitter::StoreWaiting(const WaitingTile& tile) {
  int64_t next = 0;
  for (const KValue field : {tile.row, tile.column, tile.rows, tile.columns, tile.sums}) {
    k_.Store(field, {.buffer = waiting_, .offset = k_.ConstI64(next++)});
  }
}

void ContractEmitter::EmitWaitingRows(const WaitingTile& tile, KValue next) {
  lower::ElementEmitter::Scope scope(e_);
  const auto bound = [&](lower::VarId var) {
    return e_.IndexValue(lower::IndexExpr::Var(var), {});
  };
  const KValue row_at_hand = bound(m_vars_.back()), column_at_hand = bound(n_vars_.back());
  e_.Bind(m_vars_.back(), k_.Add(tile.row, next));
  e_.Bind(n_vars_.back(), tile.column);
  TileShape shape{s_.rows_per_step, s_.lanes, {}};
  const auto even = [](const Dim& extent, int part) {
    return extent.is_constant() && extent.constant() % part == 0;
  };
  if (!even(nest_.n.back().extent, s_.lanes)) shape.lane_count = tile.columns;
  kernel::MemRef mem{.buffer = sums_,
                     .offset = k_.Add(tile.sums, k_.Mul(next, k_.ConstI64(s_.lanes)))};
  if (shape.rows > 1) {
    mem.row_stride = k_.ConstI64(s_.lanes);
    if (!even(nest_.m.back().extent, shape.rows)) {
      shape.row_count = k_.Min(k_.ConstI64(shape.rows), k_.Sub(tile.rows, next));
    }
    mem.row_count = shape.row_count;
  }
  mem.lane_count = shape.lane_count;
  EmitResults(shape, k_.Load(nest_.accumulator, shape.rows, shape.lanes, mem));
  e_.Bind(m_vars_.back(), row_at_hand);
  e_.Bind(n_vars_.back(), column_at_hand);
}

void ContractEmitter::EmitRestOfWaiting(const WaitingTile& tile, KValue next) {
  k_.For(next, tile.rows, s_.rows_per_step, {}, [&](KValue row, std::vector<KValue>) {
    EmitWaitingRows(tile, row);
    return std::vector<KValue>();
  });
}

std::vector<KValue> ContractEmitter::EmitMatrixK(size_t d, const TileShape& shape, KValue low,
                                                 KValue high, const StepOffsets& at,
                                                 const std::vector<KValue>& acc,
                                                 const WaitingTile* waiting) {
  const auto offsets = [&](KValue i) {
    return StepOffsets{k_.Add(at.a, Scaled(i, AStride(d))), at.b,
                       k_.Add(at.panel, Scaled(i, PanelStride(d)))};
  };
  if (d + 1 < nest_.k.size()) {
    return k_.For(low, high, 1, acc, [&](KValue i, std::vector<KValue> carried) {
      const KValue extent = k_.DimValue(nest_.k[d + 1].extent);
      return EmitMatrixK(d + 1, shape, k_.ConstI64(0), extent, offsets(i), carried, nullptr);
    });
  }
  const KValue count = k_.Sub(high, low);
  const Dim& extent = nest_.k.back().extent;
  const int64_t part = d > 0 ? 0 : s_.split > 0 ? s_.split : s_.several_k_blocks ? s_.k_block : 0;
  const bool even = extent.is_constant() && extent.constant() % kSide == 0 && part % kSide == 0;
  const KValue end = even ? high : k_.Add(low, k_.Mul(k_.Div(count, kSide), k_.ConstI64(kSide)));
  // The waiting tile's rows that go with the steps before `at`.
  const auto rows_before = [&, first = low](KValue at) {
    return k_.Mul(k_.Div(k_.Sub(at, first), kSide), k_.ConstI64(s_.rows_per_step));
  };
  const std::vector<KValue> sums =
      k_.For(low, end, kSide, acc, [&](KValue i, std::vector<KValue> carried) {
        std::vector<KValue> next = EmitMatrixStep(shape, offsets(i), {}, carried);
        if (waiting == nullptr) return next;
        const KValue row = rows_before(i);
        k_.If(
            k_.Scalar(ScalarOp::kLt, {row, waiting->rows}),
            [&] {
              EmitWaitingRows(*waiting, row);
              return std::vector<KValue>();
            },
            [] { return std::vector<KValue>(); });
        return next;
      });
  if (waiting != nullptr) EmitRestOfWaiting(*waiting, rows_before(end));
  if (even) return sums;
  const KValue rest = k_.Rem(count, kSide);
  return k_.If(
      k_.Scalar(ScalarOp::kGt, {rest, k_.ConstI64(0)}),
      [&] { return EmitMatrixStep(shape, offsets(end), rest, sums); }, [&] { return sums; });
}

// `steps` (absent: 16) pairs of all rows and columns.
std::vector<KValue> ContractEmitter::EmitMatrixStep(const TileShape& shape, const StepOffsets& at,
                                                    KValue steps, std::vector<KValue> acc) {
  std::vector<KValue> right;
  for (int column = 0; column < Sides(shape.lanes); ++column) {
    right.push_back(k_.Load(ir::DType::kI32, kSide, kSide,
                            {.buffer = panel_,
                             .offset = k_.Add(at.panel, k_.ConstI64(column * kSide)),
                             .row_stride = k_.ConstI64(s_.lanes),
                             .row_count = steps}));
  }
  const KValue pitch = s_.a_rows == Schedule::Rows::kDirect ? k_.DimValue(nest_.m.back().a)
                                                            : k_.ConstI64(RowPitch());
  size_t next = 0;
  for (int row = 0; row < Sides(shape.rows); ++row) {
    const KValue first = k_.ConstI64(row * kSide);
    kernel::MemRef mem{.buffer = rows_ >= 0 ? rows_ : a_buffer_,
                       .offset = k_.Add(at.a, k_.Mul(first, pitch)),
                       .row_stride = pitch,
                       .lane_count = steps};
    const bool transposed = s_.a_rows == Schedule::Rows::kTransposed;
    if (!transposed) mem.lane_stride = k_.ConstI64(2);
    // What was transposed is there in whole blocks, where it is known how many.
    const bool whole = transposed && nest_.m.back().extent.is_constant();
    if (shape.row_count.valid() && !whole) {
      mem.row_count = k_.Max(k_.ConstI64(0), k_.Sub(shape.row_count, first));
    }
    const KValue left = k_.Load(ir::DType::kI32, kSide, kSide, mem);
    for (const KValue b : right) {
      acc[next] = k_.TileDot(left, b, acc[next]);
      ++next;
    }
  }
  return acc;
}

void ContractEmitter::PackATransposed(size_t d, KValue low, KValue high, KValue row_count,
                                      KValue to) {
  const lower::VarId k = k_vars_[d];
  if (d + 1 < nest_.k.size()) {
    lower::ForEach(e_, k, low, high, {}, [&](std::vector<KValue>) {
      const KValue at = e_.IndexValue(lower::IndexExpr::Var(k), {});
      PackATransposed(d + 1, k_.ConstI64(0), k_.DimValue(nest_.k[d + 1].extent), row_count,
                      k_.Add(to, Scaled(at, AStride(d))));
      return std::vector<KValue>();
    });
    return;
  }
  const bool all_rows = k_.AsConst(row_count) != nullptr && *k_.AsConst(row_count) == kSide;
  const auto block = [&](KValue step, KValue steps) {
    lower::ElementEmitter::Scope scope(e_);
    e_.Bind(k, k_.Mul(step, k_.ConstI64(2)));
    lower::Tile tile{.rows = 2 * kSide, .lanes = kSide, .row_var = k, .lane_var = m_vars_.back()};
    if (steps.valid()) tile.row_count = k_.Mul(steps, k_.ConstI64(2));
    if (!all_rows) tile.lane_count = row_count;
    const KValue elements = EvalOperand(a_, tile);
    std::vector<KValue> pairs;
    for (int pair = 0; pair < kSide; ++pair) {
      pairs.push_back(Interleave(k_.Row(elements, 2 * pair), k_.Row(elements, 2 * pair + 1)));
    }
    // Rows that are not there are stored too: whole blocks of rows are read.
    k_.Store(k_.Transpose(k_.ConcatRows(pairs)), {.buffer = rows_,
                                                  .offset = k_.Add(to, step),
                                                  .row_stride = k_.ConstI64(RowPitch()),
                                                  .lane_count = steps});
    return std::vector<KValue>();
  };
  const KValue count = k_.Sub(high, low);
  const KValue end = k_.Add(low, k_.Mul(k_.Div(count, kSide), k_.ConstI64(kSide)));
  k_.For(low, end, kSide, {}, [&](KValue step, std::vector<KValue>) { return block(step, {}); });
  const KValue rest = k_.Rem(count, kSide);
  k_.If(
      k_.Scalar(ScalarOp::kGt, {rest, k_.ConstI64(0)}), [&] { return block(end, rest); },
      [] { return std::vector<KValue>(); });
}

void ContractEmitter::EmitMatrixResults(const TileShape& shape, KValue sums) {
  const lower::VarId row_var = m_vars_.back();
  const KValue first = e_.IndexValue(lower::IndexExpr::Var(row_var), {});
  const KValue count = shape.row_count.valid() ? shape.row_count : k_.ConstI64(shape.rows);
  k_.For(k_.ConstI64(0), count, 1, {}, [&, tile_row = first](KValue row, std::vector<KValue>) {
    lower::ElementEmitter::Scope scope(e_);
    e_.Bind(row_var, k_.Add(tile_row, row));
    const KValue at = k_.Add(sums, k_.Mul(row, k_.ConstI64(s_.lanes)));
    EmitResults({1, shape.lanes, shape.lane_count},
                k_.Load(nest_.accumulator, 1, shape.lanes, {.buffer = sums_, .offset = at}));
    return std::vector<KValue>();
  });
}

}  // namespace tenon::contract
