#include "tenon/passes/contract/emit.h"

#include <algorithm>
#include <utility>

#include "tenon/ir/check.h"
#include "tenon/passes/lower/element.h"
#include "tenon/passes/lower/schedules.h"

namespace tenon::contract {

using ir::Dim;
using ir::ScalarOp;
using kernel::KernelBuilder;
using lower::ElementIndex;
using lower::IndexExpr;
using lower::Place;
using lower::Tile;
using lower::VarId;
using KValue = kernel::ValueId;

namespace {

Dim CeilDiv(const Dim& d, int64_t divisor) { return FloorDiv(d + Dim(divisor - 1), divisor); }

// Pieces into which the schedule cuts k, and elements of the result.
Dim Pieces(const ContractNest& nest, const Schedule& s) {
  return s.split > 0 ? CeilDiv(nest.k[0].extent, s.split) : Dim(1);
}
Dim Results(const ContractNest& nest) { return nest.Batch() * nest.M() * nest.N(); }

// A register tile's shape and what of its lanes are columns.
struct TileShape {
  int rows;
  int lanes;
  KValue lane_count;  // absent: all
};

// Writes the main kernel. Member functions emit into the builder, outermost loops first.
class ContractEmitter {
 public:
  ContractEmitter(lower::LowerContext& context, const fuse::Group& group, const ContractNest& nest,
                  const Schedule& schedule, const Place& a, const Place& b, const Place* pieces)
      : context_(context),
        group_(group),
        nest_(nest),
        s_(schedule),
        kernel_(context, group, pieces != nullptr ? "contract_pieces" : "contract"),
        e_(kernel_),
        k_(e_.builder()) {
    a_buffer_ = kernel_.BufferParam(a, false);
    b_buffer_ = kernel_.BufferParam(b, false);
    if (pieces != nullptr) {
      pieces_ = kernel_.BufferParam(*pieces, true);
      piece_var_ = e_.space().AddLoop(Pieces(nest, schedule));
    }
    for (const NestDim& d : nest_.batch) batch_vars_.push_back(e_.space().AddLoop(d.extent));
    for (const NestDim& d : nest_.m) m_vars_.push_back(e_.space().AddLoop(d.extent));
    for (const NestDim& d : nest_.n) n_vars_.push_back(e_.space().AddLoop(d.extent));
    const auto add = [&](const std::vector<NestDim>& dims, const std::vector<VarId>& vars) {
      for (size_t i = 0; i < dims.size(); ++i) {
        position_ = position_ + IndexExpr::Var(vars[i]) * dims[i].c;
      }
    };
    add(nest_.batch, batch_vars_);
    add(nest_.m, m_vars_);
    add(nest_.n, n_vars_);
  }

  void Emit() {
    AddLocals();
    const NestDim &m = nest_.m.back(), &n = nest_.n.back();
    const bool by_rows = nest_.m.size() == 1;
    Dim outer = 1;
    for (size_t i = 0; i + 1 < nest_.m.size(); ++i) outer = outer * nest_.m[i].extent;
    const Dim blocks =
        by_rows ? CeilDiv(m.extent, s_.rows_per_chunk) : CeilDiv(outer, s_.outer_per_chunk);
    // Chunks, slowest first: batch, pieces of k, outer columns, panels, blocks of rows.
    std::vector<Dim> counts;
    for (const NestDim& d : nest_.batch) counts.push_back(d.extent);
    counts.push_back(Pieces(nest_, s_));
    for (size_t i = 0; i + 1 < nest_.n.size(); ++i) counts.push_back(nest_.n[i].extent);
    counts.push_back(CeilDiv(n.extent, s_.lanes));
    counts.push_back(blocks);
    k_.Parallel(k_.DimValue(ir::Product(counts)), [&](KValue chunk) {
      std::vector<KValue> at(counts.size());
      for (size_t i = counts.size(); i-- > 0;) {
        at[i] = i == 0 ? chunk : Rem(chunk, counts[i]);
        if (i > 0) chunk = Quotient(chunk, counts[i]);
      }
      EmitChunk(at, outer, by_rows);
    });
    context_.Launch(kernel_);
  }

 private:
  KValue Quotient(KValue v, const Dim& d) {
    if (d.is_constant() && d.constant() > 0) return k_.Div(v, d.constant());
    return k_.Scalar(ScalarOp::kDiv, {v, k_.DimValue(d)});
  }
  KValue Rem(KValue v, const Dim& d) {
    if (d.is_constant() && d.constant() > 0) return k_.Rem(v, d.constant());
    return k_.Scalar(ScalarOp::kRem, {v, k_.DimValue(d)});
  }
  KValue Scaled(KValue v, const Dim& stride) { return k_.Mul(v, k_.DimValue(stride)); }

  // The k loops inside the outermost one, as one number.
  Dim InnerK() const {
    Dim inner = 1;
    for (size_t i = 1; i < nest_.k.size(); ++i) inner = inner * nest_.k[i].extent;
    return inner;
  }

  void AddLocals() {
    if (s_.panel != Schedule::Panel::kDirect) {
      const int64_t inner = InnerK().UpperBound().value_or(1);
      panel_ = k_.AddLocal({"panel", nest_.accumulator, s_.k_block * inner * s_.lanes});
    }
    if (s_.several_k_blocks) {
      const int64_t row_blocks = nest_.m.size() == 1 ? 1 : s_.outer_per_chunk;
      sums_ = k_.AddLocal({"sums", nest_.accumulator, row_blocks * s_.rows_per_chunk * s_.lanes});
    }
  }

  // `at`: batch indices, piece, outer column indices, panel, block.
  void EmitChunk(const std::vector<KValue>& at, const Dim& outer, bool by_rows) {
    lower::ElementEmitter::Scope scope(e_);
    if (pieces_ < 0) HoistInvariants();
    a_base_ = k_.DimValue(nest_.a.offset);
    b_base_ = k_.DimValue(nest_.b.offset);
    size_t next = 0;
    for (size_t i = 0; i < nest_.batch.size(); ++i, ++next) {
      e_.Bind(batch_vars_[i], at[next]);
      a_base_ = k_.Add(a_base_, Scaled(at[next], nest_.batch[i].a));
      b_base_ = k_.Add(b_base_, Scaled(at[next], nest_.batch[i].b));
    }
    piece_ = at[next++];
    for (size_t i = 0; i + 1 < nest_.n.size(); ++i, ++next) {
      e_.Bind(n_vars_[i], at[next]);
      b_base_ = k_.Add(b_base_, Scaled(at[next], nest_.n[i].b));
    }
    const KValue column = k_.Mul(at[next++], k_.ConstI64(s_.lanes));
    const KValue block = at[next];
    e_.Bind(n_vars_.back(), column);
    b_base_ = k_.Add(b_base_, Scaled(column, nest_.n.back().b));
    const Dim& n = nest_.n.back().extent;
    const KValue rest = k_.Sub(k_.DimValue(n), column);
    if (s_.tail_lanes == 0) {
      EmitPanel({s_.rows, s_.lanes, {}}, block, outer, by_rows);
      return;
    }
    const auto tail = [&] {
      lower::ElementEmitter::Scope inner(e_);
      const bool full = n.is_constant() && n.constant() % s_.lanes == s_.tail_lanes;
      const bool known = n.is_constant();
      const KValue count = known ? k_.ConstI64(n.constant() % s_.lanes) : rest;
      EmitPanel({s_.rows, s_.tail_lanes, full ? KValue() : count}, block, outer, by_rows);
      return std::vector<KValue>();
    };
    if (n.is_constant() && n.constant() < s_.lanes) {
      tail();
      return;
    }
    k_.If(
        k_.Scalar(ScalarOp::kGe, {rest, k_.ConstI64(s_.lanes)}),
        [&] {
          lower::ElementEmitter::Scope inner(e_);
          EmitPanel({s_.rows, s_.lanes, {}}, block, outer, by_rows);
          return std::vector<KValue>();
        },
        tail);
  }

  // All rows of a chunk against one panel, for each block of k.
  void EmitPanel(const TileShape& shape, KValue block, const Dim& outer, bool by_rows) {
    const KValue extent = k_.DimValue(nest_.k[0].extent);
    KValue first = k_.ConstI64(0), last = extent;
    if (s_.split > 0) {
      first = k_.Mul(piece_, k_.ConstI64(s_.split));
      last = k_.Min(extent, k_.Add(first, k_.ConstI64(s_.split)));
    }
    if (!s_.several_k_blocks) {
      EmitRows(shape, block, outer, by_rows, first, last, {}, {});
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
      EmitRows(shape, block, outer, by_rows, low, high, is_first, is_last);
      return std::vector<KValue>();
    });
  }

  void EmitRows(const TileShape& shape, KValue block, const Dim& outer, bool by_rows, KValue k_low,
                KValue k_high, KValue is_first, KValue is_last) {
    const bool fills = by_rows && s_.panel == Schedule::Panel::kPacked;
    if (panel_ >= 0 && !fills) PackPanel(shape, k_low, k_high);
    const NestDim& m = nest_.m.back();
    const KValue m_extent = k_.DimValue(m.extent);
    const auto tiles = [&](KValue low, KValue high, KValue a_base, KValue sums_row) {
      const auto tile_at = [&](KValue row, const TileShape& tile) {
        lower::ElementEmitter::Scope scope(e_);
        e_.Bind(m_vars_.back(), row);
        const KValue a = k_.Add(a_base, Scaled(row, m.a));
        const KValue sums = k_.Mul(k_.Add(sums_row, k_.Sub(row, low)), k_.ConstI64(s_.lanes));
        EmitTile(tile, a, k_low, k_high, sums, is_first, is_last);
      };
      if (!fills) {
        EmitTiles(shape, low, high, tile_at);
        return;
      }
      // The first tile copies the panel as it goes: its loads overlap with the arithmetic.
      const KValue first_end = k_.Add(low, k_.ConstI64(shape.rows));
      const KValue any_whole = k_.Scalar(ScalarOp::kGe, {high, first_end});
      k_.If(
          any_whole,
          [&] {
            filling_ = true;
            tile_at(low, shape);
            filling_ = false;
            return std::vector<KValue>();
          },
          [&] {
            PackPanel(shape, k_low, k_high);
            return std::vector<KValue>();
          });
      const KValue start = k_.Scalar(ScalarOp::kSelect, {any_whole, first_end, low});
      EmitTiles(shape, start, high, tile_at);
    };
    if (by_rows) {
      const bool one = m.extent.is_constant() && m.extent.constant() <= s_.rows_per_chunk;
      const KValue low = one ? k_.ConstI64(0) : k_.Mul(block, k_.ConstI64(s_.rows_per_chunk));
      const KValue high =
          one ? m_extent : k_.Min(m_extent, k_.Add(low, k_.ConstI64(s_.rows_per_chunk)));
      tiles(low, high, a_base_, k_.ConstI64(0));
      return;
    }
    const KValue low = k_.Mul(block, k_.ConstI64(s_.outer_per_chunk));
    const KValue high = k_.Min(k_.DimValue(outer), k_.Add(low, k_.ConstI64(s_.outer_per_chunk)));
    k_.For(low, high, 1, {}, [&](KValue i, std::vector<KValue>) {
      lower::ElementEmitter::Scope scope(e_);
      KValue rest = i, a_base = a_base_;
      for (size_t d = nest_.m.size() - 1; d-- > 0;) {
        const KValue index = d == 0 ? rest : Rem(rest, nest_.m[d].extent);
        if (d > 0) rest = Quotient(rest, nest_.m[d].extent);
        e_.Bind(m_vars_[d], index);
        a_base = k_.Add(a_base, Scaled(index, nest_.m[d].a));
      }
      const KValue sums_row = k_.Mul(k_.Sub(i, low), k_.ConstI64(s_.rows_per_chunk));
      tiles(k_.ConstI64(0), m_extent, a_base, sums_row);
      return std::vector<KValue>();
    });
  }

  // Rows low .. high: whole tiles, then what is left: in one tile where its count is known, else in
  // tiles of powers of two.
  using TileBody = std::function<void(KValue row, const TileShape& shape)>;
  void EmitTiles(const TileShape& shape, KValue low, KValue high, const TileBody& body) {
    const KValue count = k_.Sub(high, low);
    const KValue whole = k_.Mul(k_.Div(count, shape.rows), k_.ConstI64(shape.rows));
    const KValue main_end = k_.Add(low, whole);
    k_.For(low, main_end, shape.rows, {}, [&](KValue row, std::vector<KValue>) {
      body(row, shape);
      return std::vector<KValue>();
    });
    const Dim& extent = nest_.m.back().extent;
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

  // One register tile: accumulators from zero (or from the block before) over k, then the epilogue
  // (or a place to wait).
  void EmitTile(const TileShape& shape, KValue a, KValue k_low, KValue k_high, KValue sums,
                KValue is_first, KValue is_last) {
    const KValue zero = k_.Const(nest_.accumulator, 0, shape.rows, shape.lanes);
    KValue acc = zero;
    const auto waiting = [&] {
      kernel::MemRef mem{.buffer = sums_, .offset = sums};
      if (shape.rows > 1) mem.row_stride = k_.ConstI64(s_.lanes);
      return mem;
    };
    if (is_first.valid()) {
      acc = k_.If(
          is_first, [&] { return std::vector<KValue>{zero}; },
          [&] {
            return std::vector<KValue>{
                k_.Load(nest_.accumulator, shape.rows, shape.lanes, waiting())};
          })[0];
    }
    acc = EmitK(0, shape, k_low, k_high, {a, b_base_, PanelStart(k_low)}, acc);
    if (!is_last.valid()) {
      EmitResults(shape, acc);
      return;
    }
    k_.If(
        is_last,
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

  // Where the panel's row for k = 0 would be, the first one being that of `k_low`.
  KValue PanelStart(KValue k_low) {
    if (panel_ < 0) return k_.ConstI64(0);
    return k_.Sub(k_.ConstI64(0), Scaled(k_low, InnerK() * Dim(s_.lanes)));
  }

  // Row-major stride of k dimension `d` in the panel.
  Dim PanelStride(size_t d) const {
    Dim stride = s_.lanes;
    for (size_t i = d + 1; i < nest_.k.size(); ++i) stride = stride * nest_.k[i].extent;
    return stride;
  }

  // Element offsets of a step of k: in A, in B as it lies, and in the panel.
  struct StepOffsets {
    KValue a, b, panel;
  };

  KValue EmitK(size_t d, const TileShape& shape, KValue low, KValue high, const StepOffsets& at,
               KValue acc) {
    const NestDim& dim = nest_.k[d];
    const bool innermost = d + 1 == nest_.k.size();
    // Loops of few steps are written out: all of them, or the innermost.
    const Dim steps = nest_.K();
    const bool all = steps.is_constant() && steps.constant() <= 32 && s_.split == 0;
    const bool few = dim.extent.is_constant() && dim.extent.constant() <= 8 && d > 0;
    const int unroll = all || (innermost && few) ? 0 : innermost ? 4 : 1;
    return k_.For(
        low, high, 1, {acc},
        [&](KValue i, std::vector<KValue> carried) -> std::vector<KValue> {
          const StepOffsets here = {k_.Add(at.a, Scaled(i, dim.a)), k_.Add(at.b, Scaled(i, dim.b)),
                                    k_.Add(at.panel, Scaled(i, PanelStride(d)))};
          if (!innermost) {
            const KValue extent = k_.DimValue(nest_.k[d + 1].extent);
            return {EmitK(d + 1, shape, k_.ConstI64(0), extent, here, carried[0])};
          }
          return {EmitStep(shape, here, carried[0])};
        },
        unroll)[0];
  }

  // A row of B as it lies.
  KValue LoadB(const TileShape& shape, KValue offset) {
    kernel::MemRef mem{.buffer = b_buffer_, .offset = offset};
    mem.lane_count = shape.lane_count;
    const Dim& stride = nest_.n.back().b;
    if (shape.lanes > 1 && !(stride == Dim(1))) mem.lane_stride = k_.DimValue(stride);
    return k_.Load(nest_.accumulator, 1, shape.lanes, mem);
  }

  KValue EmitStep(const TileShape& shape, const StepOffsets& at, KValue acc) {
    kernel::MemRef a_mem{.buffer = a_buffer_, .offset = at.a};
    if (shape.rows > 1) a_mem.row_stride = k_.DimValue(nest_.m.back().a);
    const KValue av = k_.Load(nest_.accumulator, shape.rows, 1, a_mem);
    const kernel::MemRef in_panel{.buffer = panel_, .offset = at.panel};
    const bool from_panel = panel_ >= 0 && !filling_;
    const KValue bv =
        from_panel ? k_.Load(nest_.accumulator, 1, shape.lanes, in_panel) : LoadB(shape, at.b);
    if (filling_) k_.Store(bv, in_panel);
    if (context_.numerics() != passes::Numerics::kExact) {
      return k_.Scalar(ScalarOp::kFma, {av, bv, acc});
    }
    return k_.Scalar(ScalarOp::kAdd, {acc, k_.Scalar(ScalarOp::kMul, {av, bv})});
  }

  // Copies rows k_low .. k_high of the panel's columns, zeros behind the last column.
  void PackPanel(const TileShape& shape, KValue k_low, KValue k_high) {
    PackDim(0, shape, k_low, k_high, b_base_, PanelStart(k_low));
  }

  void PackDim(size_t d, const TileShape& shape, KValue low, KValue high, KValue from, KValue to) {
    const NestDim& dim = nest_.k[d];
    if (d + 1 == nest_.k.size()) {
      from = k_.Add(from, Scaled(low, dim.b));
      to = k_.Add(to, k_.Mul(low, k_.ConstI64(s_.lanes)));
      const KValue count = k_.Sub(high, low);
      if (s_.panel == Schedule::Panel::kTransposed) {
        PackTransposed(shape, count, from, to);
      } else {
        PackRows(shape, count, from, to);
      }
      return;
    }
    k_.For(low, high, 1, {}, [&](KValue i, std::vector<KValue>) {
      PackDim(d + 1, shape, k_.ConstI64(0), k_.DimValue(nest_.k[d + 1].extent),
              k_.Add(from, Scaled(i, dim.b)), k_.Add(to, Scaled(i, PanelStride(d))));
      return std::vector<KValue>();
    });
  }

  void PackRows(const TileShape& shape, KValue count, KValue from, KValue to) {
    k_.For(
        k_.ConstI64(0), count, 1, {},
        [&](KValue i, std::vector<KValue>) {
          const KValue row = LoadB(shape, k_.Add(from, Scaled(i, nest_.k.back().b)));
          k_.Store(row, {.buffer = panel_, .offset = k_.Add(to, k_.Mul(i, k_.ConstI64(s_.lanes)))});
          return std::vector<KValue>();
        },
        4);
  }

  // Blocks of up to 16 columns by 16 steps of k, which lie next to each other.
  void PackTransposed(const TileShape& shape, KValue count, KValue from, KValue to) {
    const int columns = std::min(16, shape.lanes);
    const auto block = [&](KValue i, KValue steps) {
      for (int c = 0; c < shape.lanes; c += columns) {
        const KValue first = k_.ConstI64(c);
        kernel::MemRef source{.buffer = b_buffer_,
                              .offset = k_.Add(k_.Add(from, i), Scaled(first, nest_.n.back().b))};
        source.lane_count = steps;
        if (columns > 1) {
          source.row_stride = k_.DimValue(nest_.n.back().b);
          if (shape.lane_count.valid()) {
            source.row_count = k_.Max(k_.ConstI64(0), k_.Sub(shape.lane_count, first));
          }
        }
        const KValue loaded = k_.Load(nest_.accumulator, columns, 16, source);
        kernel::MemRef target{
            .buffer = panel_,
            .offset = k_.Add(k_.Add(to, first), k_.Mul(i, k_.ConstI64(s_.lanes)))};
        target.row_stride = k_.ConstI64(s_.lanes);
        target.row_count = steps;
        k_.Store(k_.Transpose(loaded), target);
      }
    };
    const KValue whole = k_.Mul(k_.Div(count, 16), k_.ConstI64(16));
    k_.For(k_.ConstI64(0), whole, 16, {}, [&](KValue i, std::vector<KValue>) {
      block(i, {});
      return std::vector<KValue>();
    });
    const KValue rest = k_.Sub(count, whole);
    k_.If(
        k_.Scalar(ScalarOp::kGt, {rest, k_.ConstI64(0)}),
        [&] {
          block(whole, rest);
          return std::vector<KValue>();
        },
        [] { return std::vector<KValue>(); });
  }

  // What the epilogue needs that is the same for every element: once a chunk, not once a tile.
  void HoistInvariants() {
    std::vector<VarId> inner = batch_vars_;
    inner.insert(inner.end(), m_vars_.begin(), m_vars_.end());
    inner.insert(inner.end(), n_vars_.begin(), n_vars_.end());
    for (ir::ValueId v : group_.stored) {
      const ir::Shape& dims = context_.graph().type(v).dims;
      e_.Hoist(v, e_.space().Delinearize(position_, dims), inner);
    }
  }

  // The group's stored values on the tile whose sums are `acc`; of a piece, the sums themselves.
  void EmitResults(const TileShape& shape, KValue acc) {
    lower::ElementEmitter::Scope scope(e_);
    Tile tile{.rows = shape.rows, .lanes = shape.lanes};
    if (shape.rows > 1) tile.row_var = m_vars_.back();
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

  lower::LowerContext& context_;
  const fuse::Group& group_;
  const ContractNest& nest_;
  const Schedule& s_;
  lower::KernelContext kernel_;
  lower::ElementEmitter e_;
  KernelBuilder& k_;
  bool filling_ = false;  // whether steps copy B's rows into the panel
  int a_buffer_ = -1, b_buffer_ = -1, pieces_ = -1, panel_ = -1, sums_ = -1;
  std::vector<VarId> batch_vars_, m_vars_, n_vars_;
  VarId piece_var_ = -1;
  IndexExpr position_;  // of the result's element, over those but piece_var_
  KValue a_base_, b_base_, piece_;
};

// Adds up the pieces, in their order, and computes the group's stored values from the sums.
void EmitSumOfPieces(lower::LowerContext& context, const fuse::Group& group,
                     const ContractNest& nest, const Schedule& schedule, const Place& pieces) {
  lower::KernelContext kernel(context, group, "contract_sum");
  const int buffer = kernel.BufferParam(pieces, /*written=*/false);
  const ir::ValueId result = context.graph().node(group.anchor).results[0];
  const ir::TensorType& type = context.graph().type(result);
  const double count = static_cast<double>(Pieces(nest, schedule).UpperBound().value_or(16));
  fuse::Nest points = group.nests[0];
  IndexExpr kept;
  Dim stride = 1;
  for (size_t i = points.kept.size(); i-- > 0;) {
    kept = kept + IndexExpr::Var(points.kept[i]) * stride;
    stride = stride * points.space.var(points.kept[i]).extent;
  }
  const ElementIndex index = points.space.Delinearize(kept, type.dims);
  lower::EmitMapNest(kernel, points, count + lower::WorkPerPoint(kernel),
                     [&](lower::ElementEmitter& e, const lower::Translation& translate,
                         const Tile& tile, const IndexExpr& position) {
                       KernelBuilder& k = e.builder();
                       const VarId piece = e.space().AddLoop(Pieces(nest, schedule));
                       const IndexExpr place = IndexExpr::Var(piece) * Results(nest) + position;
                       const KValue sum = k.For(
                           k.ConstI64(0), k.DimValue(Pieces(nest, schedule)), 1,
                           {k.Const(nest.accumulator, 0, tile.rows, tile.lanes)},
                           [&](KValue i, std::vector<KValue> carried) -> std::vector<KValue> {
                             e.Bind(piece, i);
                             const KValue next = e.LoadAt(buffer, nest.accumulator, place, tile);
                             return {k.Scalar(ScalarOp::kAdd, {carried[0], next})};
                           })[0];
                       e.Provide(result, translate(index), k.Cast(type.dtype, sum));
                     });
  context.Launch(kernel);
}

}  // namespace

void EmitContraction(lower::LowerContext& context, const fuse::Group& group,
                     const ContractNest& nest, const Schedule& schedule, const Place& a,
                     const Place& b) {
  if (schedule.split == 0) {
    ContractEmitter(context, group, nest, schedule, a, b, nullptr).Emit();
    return;
  }
  const Place pieces{
      context.AddBuffer("pieces", nest.accumulator, Pieces(nest, schedule) * Results(nest))};
  ContractEmitter(context, group, nest, schedule, a, b, &pieces).Emit();
  EmitSumOfPieces(context, group, nest, schedule, pieces);
}

}  // namespace tenon::contract
