// Register tiles: which of a block's rows each takes, its loops over k, and the stored values on
// it.
#include <algorithm>

#include "tenon/passes/contract/emitter.h"
#include "tenon/passes/contract/tile_cost.h"

namespace tenon::contract {

using ir::Dim;
using ir::ScalarOp;
using lower::IndexExpr;
using lower::Tile;

void ContractEmitter::EmitTileAt(const TileShape& tile, KValue row, KValue sums_row, KValue a_base,
                                 const KRange& range) {
  lower::ElementEmitter::Scope scope(e_);
  e_.Bind(m_vars_.back(), row);
  tile_row_ = row;
  const KValue a = ATile(tile, row, a_base, range);
  if (s_.matrix && !s_.several_k_blocks) {
    EmitMatrixTile(tile, a, k_.ConstI64(0), range);
    return;
  }
  sums_row = k_.Add(sums_row, k_.Mul(panel_index_, k_.ConstI64(SumRows())));
  const KValue sums = k_.Mul(sums_row, k_.ConstI64(s_.lanes));
  s_.matrix ? EmitMatrixTile(tile, a, sums, range) : EmitTile(tile, a, sums, range);
}

void ContractEmitter::EmitTiles(const TileShape& shape, KValue low, KValue start, KValue high,
                                const TileBody& body) {
  if (s_.matrix) {
    EmitMatrixTiles(shape, start, high, body);
    return;
  }
  const Dim& extent = nest_.m.back().extent;
  const bool even = extent.is_constant() && extent.constant() % shape.rows == 0;
  const bool any_row = s_.a_rows != Schedule::Rows::kByTile;
  if (s_.deferred && !s_.several_k_blocks && !even && any_row) {
    EmitOverlapping(shape, low, start, high, body);
    return;
  }
  const KValue count = k_.Sub(high, start);
  const KValue whole = k_.Mul(k_.Div(count, shape.rows), k_.ConstI64(shape.rows));
  const KValue main_end = k_.Add(start, whole);
  k_.For(start, main_end, shape.rows, {}, [&](KValue row, std::vector<KValue>) {
    body(row, shape);
    return std::vector<KValue>();
  });
  if (extent.is_constant()) {
    const int tail = static_cast<int>(extent.constant() % shape.rows);
    if (tail == 0) return;
    // Only the last block has it: all others are multiples of the tile.
    k_.If(
        k_.Scalar(ScalarOp::kLt, {main_end, high}),
        [&] {
          body(main_end, {tail, shape.lanes, shape.lane_count});
          return std::vector<KValue>();
        },
        [] { return std::vector<KValue>(); });
    return;
  }
  int power = 1;
  while (power * 2 < shape.rows) power *= 2;
  const KValue rest = k_.Sub(high, main_end);
  for (; power >= 1 && shape.rows > 1; power /= 2) {
    // The tile of `power` rows stands behind those of the higher powers.
    const KValue in_turn = k_.Rem(rest, 2 * power);
    k_.If(
        k_.Scalar(ScalarOp::kGe, {in_turn, k_.ConstI64(power)}),
        [&] {
          body(k_.Add(main_end, k_.Sub(rest, in_turn)), {power, shape.lanes, shape.lane_count});
          return std::vector<KValue>();
        },
        [] { return std::vector<KValue>(); });
  }
}

void ContractEmitter::EmitOverlapping(const TileShape& shape, KValue low, KValue start, KValue high,
                                      const TileBody& body) {
  const KValue rows = k_.ConstI64(shape.rows);
  k_.If(
      k_.Scalar(ScalarOp::kGe, {k_.Sub(high, low), rows}),
      [&] {
        const KValue last = k_.Sub(high, rows);
        k_.For(start, high, shape.rows, {}, [&](KValue row, std::vector<KValue>) {
          body(k_.Min(row, last), shape);
          return std::vector<KValue>();
        });
        return std::vector<KValue>();
      },
      [&] {
        k_.For(low, high, 1, {}, [&](KValue row, std::vector<KValue>) {
          body(row, {1, shape.lanes, shape.lane_count});
          return std::vector<KValue>();
        });
        return std::vector<KValue>();
      });
}

void ContractEmitter::EmitTile(const TileShape& shape, KValue a, KValue sums, const KRange& range) {
  const KValue zero = k_.Const(nest_.accumulator, 0, shape.rows, shape.lanes);
  KValue acc = zero;
  const auto waiting = [&] {
    kernel::MemRef mem{.buffer = sums_, .offset = sums};
    if (shape.rows > 1) mem.row_stride = k_.ConstI64(s_.lanes);
    return mem;
  };
  if (range.is_first.valid()) {
    acc = k_.If(
        range.is_first, [&] { return std::vector<KValue>{zero}; },
        [&] {
          return std::vector<KValue>{
              k_.Load(nest_.accumulator, shape.rows, shape.lanes, waiting())};
        })[0];
  }
  acc = EmitK(0, shape, range.low, range.high, {a, b_at_, PanelStart(range.low)}, acc);
  if (s_.deferred) {
    k_.Store(acc, waiting());
    return;
  }
  if (!range.is_last.valid()) {
    EmitResults(shape, acc);
    return;
  }
  k_.If(
      range.is_last,
      [&] {
        lower::ElementEmitter::Scope scope(e_);
        EmitResults(shape, acc);
        return std::vector<KValue>();
      },
      [&] {
        k_.Store(acc, waiting());
        return std::vector<KValue>();
      });
}

// Whether steps are so few, and whole tiles so small, that all steps of one are no more code than a
// core keeps decoded beside other tiles'.
bool ContractEmitter::IsShort() const {
  constexpr int64_t kSteps = 32, kMultiplyAdds = 512;
  const Dim steps = nest_.K();
  const int width = std::max(1, context_.target().Lanes(ir::ByteSize(nest_.accumulator)));
  return steps.is_constant() && steps.constant() <= kSteps &&
         steps.constant() * s_.rows * CeilDiv(s_.lanes, width) <= kMultiplyAdds;
}

KValue ContractEmitter::EmitK(size_t d, const TileShape& shape, KValue low, KValue high,
                              const StepOffsets& at, KValue acc) {
  const NestDim& dim = nest_.k[d];
  const bool innermost = d + 1 == nest_.k.size();
  // Loops of few steps are written out: all of them, or the innermost.
  const bool all = s_.split == 0 && IsShort();
  const bool few = dim.extent.is_constant() && dim.extent.constant() <= 8 && d > 0;
  const bool whole = shape.rows == s_.rows && shape.lanes == s_.lanes;
  const int unroll = all || (innermost && few) ? 0 : innermost && whole ? 4 : 1;
  const int held = HeldRows(context_.target(), s_, shape.rows, shape.lanes);
  if (innermost && held > 0) return EmitHeldSteps(shape, held, low, high, at, acc, unroll);
  if (innermost && whole && !filling_) {
    if (next_.count.valid()) return EmitGroups(shape, StepsPerPiece(), low, high, at, acc);
    if (unroll > 0 && KeepsBusy(shape)) return EmitGroups(shape, 2, low, high, at, acc);
  }
  return k_.For(
      low, high, 1, {acc},
      [&](KValue i, std::vector<KValue> carried) -> std::vector<KValue> {
        const StepOffsets here = AtStep(d, at, i);
        if (!innermost) {
          const KValue extent = k_.DimValue(nest_.k[d + 1].extent);
          return {EmitK(d + 1, shape, k_.ConstI64(0), extent, here, carried[0])};
        }
        if (unroll != 0) AskAhead(shape, here.b);
        return {EmitStep(shape, LoadA(shape.rows, 1, here.a), here, carried[0])};
      },
      unroll)[0];
}

// The generator repeats no body that keeps the machine busy, as a step of such a tile does: its
// loop's own instructions are a tenth of it, and issuing them is what a core's other thread leaves
// no time for.
bool ContractEmitter::KeepsBusy(const TileShape& shape) const {
  constexpr int kProducts = 16;  // with their operands, half of what the generator calls busy
  const int width = std::max(1, context_.target().Lanes(ir::ByteSize(nest_.accumulator)));
  return shape.rows * shape.lanes >= kProducts * width;
}

KValue ContractEmitter::EmitGroups(const TileShape& shape, int group, KValue low, KValue high,
                                   const StepOffsets& at, KValue acc) {
  const size_t d = nest_.k.size() - 1;
  const auto step = [&](KValue i, KValue sums) {
    const StepOffsets here = AtStep(d, at, i);
    AskAhead(shape, here.b);
    return EmitStep(shape, LoadA(shape.rows, 1, here.a), here, sums);
  };
  const KValue groups = k_.Div(k_.Sub(high, low), group);
  const KValue end = k_.Add(low, k_.Mul(groups, k_.ConstI64(group)));
  const bool copies = next_.count.valid();
  const KValue first_piece = copies ? FirstPieceToCopy(groups) : KValue();
  acc = k_.For(low, end, group, {acc},
               [&, begin = low](KValue i, std::vector<KValue> carried) -> std::vector<KValue> {
                 if (copies) {
                   CopyPieceIfAny(k_.Add(first_piece, k_.Div(k_.Sub(i, begin), group)));
                 }
                 for (int s = 0; s < group; ++s) {
                   carried[0] = step(k_.Add(i, k_.ConstI64(s)), carried[0]);
                 }
                 return carried;
               })[0];
  return k_.For(end, high, 1, {acc},
                [&](KValue i, std::vector<KValue> carried) -> std::vector<KValue> {
                  return {step(i, carried[0])};
                })[0];
}

KValue ContractEmitter::EmitHeldSteps(const TileShape& shape, int held, KValue low, KValue high,
                                      const StepOffsets& at, KValue acc, int unroll) {
  const size_t d = nest_.k.size() - 1;
  constexpr int kSteps = Schedule::kHeldSteps;
  const KValue groups = k_.Div(k_.Sub(high, low), kSteps);
  const KValue end = k_.Add(low, k_.Mul(groups, k_.ConstI64(kSteps)));
  acc = k_.For(
      low, end, kSteps, {acc},
      [&](KValue i, std::vector<KValue> carried) -> std::vector<KValue> {
        const KValue group = LoadA(held, kSteps, AtStep(d, at, i).a);
        for (int step = 0; step < kSteps; ++step) {
          const StepOffsets here = AtStep(d, at, k_.Add(i, k_.ConstI64(step)));
          if (unroll != 0) AskAhead(shape, here.b);
          KValue a = k_.Extract(group, step);
          if (held < shape.rows) {
            const KValue others = k_.Add(here.a, k_.Mul(RowStrideOfA(), k_.ConstI64(held)));
            a = k_.ConcatRows({a, LoadA(shape.rows - held, 1, others)});
          }
          carried[0] = EmitStep(shape, a, here, carried[0]);
        }
        return carried;
      },
      unroll)[0];
  return k_.For(
      end, high, 1, {acc},
      [&](KValue i, std::vector<KValue> carried) -> std::vector<KValue> {
        const StepOffsets here = AtStep(d, at, i);
        return {EmitStep(shape, LoadA(shape.rows, 1, here.a), here, carried[0])};
      },
      unroll)[0];
}

ContractEmitter::StepOffsets ContractEmitter::AtStep(size_t d, const StepOffsets& at, KValue i) {
  return {k_.Add(at.a, Scaled(i, AStride(d))), k_.Add(at.b, Scaled(i, nest_.k[d].b)),
          k_.Add(at.panel, Scaled(i, PanelStride(d)))};
}

KValue ContractEmitter::RowStrideOfA() {
  switch (s_.a_rows) {
    case Schedule::Rows::kDirect:
      return k_.DimValue(nest_.m.back().a);
    case Schedule::Rows::kByRow:
      return k_.ConstI64(RowPitch());
    case Schedule::Rows::kByTile:
    case Schedule::Rows::kTransposed:
      break;
  }
  return k_.ConstI64(1);
}

KValue ContractEmitter::LoadA(int rows, int steps, KValue offset) {
  kernel::MemRef mem{.buffer = rows_ >= 0 ? rows_ : a_buffer_, .offset = offset};
  if (rows > 1) mem.row_stride = RowStrideOfA();
  const bool as_it_lies = s_.a_rows != Schedule::Rows::kByTile;
  if (nest_.pairs && as_it_lies) mem.lane_stride = k_.ConstI64(2);
  return k_.Load(nest_.step_dtype(), rows, steps, mem);
}

KValue ContractEmitter::EmitStep(const TileShape& shape, KValue a, const StepOffsets& at,
                                 KValue acc) {
  const kernel::MemRef in_panel{.buffer = panel_, .offset = at.panel};
  const bool from_panel = panel_ >= 0 && !filling_;
  const KValue bv =
      from_panel ? k_.Load(nest_.step_dtype(), 1, shape.lanes, in_panel) : LoadB(shape, at.b);
  if (filling_) k_.Store(bv, in_panel);
  if (nest_.pairs) return k_.Scalar(ScalarOp::kDot2, {a, bv, acc});
  if (context_.numerics() != passes::Numerics::kExact) {
    return k_.Scalar(ScalarOp::kFma, {a, bv, acc});
  }
  return k_.Scalar(ScalarOp::kAdd, {acc, k_.Scalar(ScalarOp::kMul, {a, bv})});
}

void ContractEmitter::EmitResults(const TileShape& shape, KValue acc) {
  lower::ElementEmitter::Scope scope(e_);
  Tile tile{.rows = shape.rows, .lanes = shape.lanes};
  if (shape.rows > 1) {
    tile.row_var = m_vars_.back();
    tile.row_count = shape.row_count;
  }
  if (shape.lanes > 1) {
    tile.lane_var = n_vars_.back();
    tile.lane_count = shape.lane_count;
  }
  if (pieces_ >= 0) {
    e_.Bind(piece_var_, piece_);
    e_.StoreAt(pieces_, IndexExpr::Var(piece_var_) * Results(nest_) + position_, tile, acc);
    return;
  }
  const ir::Graph& graph = context_.graph();
  const ir::ValueId result = graph.node(group_.anchor).results[0];
  const ir::TensorType& type = graph.type(result);
  e_.Provide(result, e_.space().Delinearize(position_, type.dims), k_.Cast(type.dtype, acc));
  std::vector<KValue> values;
  for (ir::ValueId v : group_.stored) {
    values.push_back(e_.Eval(v, e_.space().Delinearize(position_, graph.type(v).dims), tile));
  }
  // All are computed before the first is stored: one may overwrite what another reads.
  for (size_t i = 0; i < values.size(); ++i) {
    const ir::ValueId v = group_.stored[i];
    e_.Store(v, e_.space().Delinearize(position_, graph.type(v).dims), tile, values[i]);
  }
}

}  // namespace tenon::contract
