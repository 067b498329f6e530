// Panels of B: the loop over them, their layout, and the loops that copy them.
#include <algorithm>
#include <cstdlib>
#include <utility>

#include "tenon/passes/contract/emitter.h"
#include "tenon/passes/contract/tile_cost.h"

namespace tenon::contract {

using ir::Dim;
using ir::ScalarOp;

void ContractEmitter::ForPanels(const std::function<void(const TileShape&)>& body) {
  const Dim n = PanelColumns(nest_, s_);
  if (n == Dim(0)) return;
  const auto one = [&](const TileShape& shape) {
    lower::ElementEmitter::Scope scope(e_);
    body(shape);
    return std::vector<KValue>();
  };
  k_.For(k_.ConstI64(0), num_panels_, 1, {}, [&](KValue p, std::vector<KValue>) {
    lower::ElementEmitter::Scope scope(e_);
    panel_index_ = p;
    const KValue column = k_.Mul(k_.Add(first_panel_, p), k_.ConstI64(s_.lanes));
    e_.Bind(n_vars_.back(), column);
    b_at_ = k_.Add(b_base_, Scaled(column, nest_.n.back().b));
    const KValue rest = k_.Sub(k_.DimValue(n), column);
    const auto whole = [&] { return one({s_.rows, s_.lanes, {}}); };
    const auto tail = [&] {
      const bool full = n.is_constant() && n.constant() % s_.lanes == s_.tail_lanes;
      const KValue count = n.is_constant() ? k_.ConstI64(n.constant() % s_.lanes) : rest;
      return one({s_.rows, s_.tail_lanes, full ? KValue() : count});
    };
    if (s_.tail_lanes == 0) return whole();
    if (n.is_constant() && n.constant() < s_.lanes) return tail();
    return k_.If(k_.Scalar(ScalarOp::kGe, {rest, k_.ConstI64(s_.lanes)}), whole, tail);
  });
}

// A chunk is a panel, numbered as the launches that read it number it.
void ContractEmitter::EmitPacking() {
  panel_ = kernel_.BufferParam(places_.packed, /*written=*/true);
  if (places_.b.valid()) b_buffer_ = kernel_.BufferParam(places_.b, false);
  std::vector<Dim> counts;
  for (const NestDim& d : nest_.batch) counts.push_back(d.extent);
  for (size_t i = 0; i + 1 < nest_.n.size(); ++i) counts.push_back(nest_.n[i].extent);
  counts.push_back(NumPanels());
  k_.Parallel(k_.DimValue(ir::Product(counts)), [&](KValue chunk) {
    lower::ElementEmitter::Scope scope(e_);
    std::vector<KValue> at = Indices(chunk, counts);
    b_base_ = k_.DimValue(nest_.b.offset);
    const auto bind = [&](lower::VarId var, KValue index, const NestDim& d) {
      e_.Bind(var, index);
      b_base_ = k_.Add(b_base_, Scaled(index, d.b));
    };
    size_t next = 0;
    for (size_t i = 0; i < nest_.batch.size(); ++i) {
      bind(batch_vars_[i], at[next++], nest_.batch[i]);
    }
    for (size_t i = 0; i + 1 < nest_.n.size(); ++i) bind(n_vars_[i], at[next++], nest_.n[i]);
    first_panel_ = at.back();
    num_panels_ = k_.ConstI64(1);
    first_of_n_ = k_.Sub(chunk, first_panel_);
    ForPanels([&](const TileShape& shape) {
      PackPanel(shape, k_.ConstI64(0), k_.DimValue(nest_.k[0].extent));
    });
  });
  context_.Launch(kernel_, /*prepare=*/true);
}

KValue ContractEmitter::PanelStart(KValue k_low) {
  if (panel_ < 0) return k_.ConstI64(0);
  if (s_.prepacked) {
    // All of k lies there.
    const KValue panel = k_.Add(first_of_n_, k_.Add(first_panel_, panel_index_));
    return k_.Mul(panel, k_.DimValue(nest_.K() * Dim(s_.lanes)));
  }
  const bool in_turns = s_.steps_per_copied_row > 0;
  const KValue place = in_turns ? k_.Rem(PanelNumber(k_low), 2) : panel_index_;
  const KValue start = k_.Mul(place, k_.ConstI64(PanelSize()));
  return k_.Sub(start, Scaled(k_low, InnerK() * Dim(s_.lanes)));
}

Dim ContractEmitter::PanelStride(size_t d) const {
  Dim stride = s_.lanes;
  for (size_t i = d + 1; i < nest_.k.size(); ++i) stride = stride * nest_.k[i].extent;
  return stride;
}

KValue ContractEmitter::LoadB(const TileShape& shape, KValue offset) {
  const auto row = [&](KValue at) {
    kernel::MemRef mem{.buffer = b_buffer_, .offset = at};
    mem.lane_count = shape.lane_count;
    const Dim& stride = nest_.n.back().b;
    if (shape.lanes > 1 && !(stride == Dim(1))) mem.lane_stride = k_.DimValue(stride);
    return k_.Load(nest_.operand_dtype(), 1, shape.lanes, mem);
  };
  if (!nest_.pairs) return row(offset);
  if (nest_.k.back().b == nest_.unit_step()) return LoadPairs(1, shape, offset);
  const KValue half = k_.DimValue(*ir::ExactDiv(nest_.k.back().b, Dim(2)));
  return Interleave(row(offset), row(k_.Add(offset, half)));
}

void ContractEmitter::AskAhead(const TileShape& shape, KValue offset) {
  if (panel_ >= 0 && !filling_) return;
  const Dim &step = nest_.k.back().b, &lane = nest_.n.back().b;
  if (!step.is_constant() || !(lane == Dim(1))) return;
  const int64_t bytes = step.constant() * ir::ByteSize(nest_.operand_dtype());
  const bool near = std::abs(bytes) < lower::kFarBytes;
  if (near && (!filling_ || bytes % context_.target().cache_line == 0)) return;
  const Dim of_b = nest_.K() * nest_.N() * nest_.Batch();
  const bool all_near =
      Guess(of_b) * ir::ByteSize(nest_.operand_dtype()) <= context_.target().l2_bytes;
  const bool soon = !filling_ && Guess(nest_.M()) <= kFewRows && (s_.several_k_blocks || all_near);
  const lower::LookAheadRule rule = near   ? lower::StepsAcrossLines()
                                    : soon ? lower::FarStepsInTurn()
                                           : lower::FarSteps();
  for (const lower::Ahead& a : rule.ahead) {
    k_.Prefetch(b_buffer_, k_.Add(offset, k_.ConstI64(a.steps * step.constant())), shape.lanes,
                a.level);
  }
}

// bf16 are the upper halves of f32.
KValue ContractEmitter::Interleave(KValue low, KValue high) {
  const auto upper = [&](KValue v) {
    return k_.Bitcast(ir::DType::kI32, k_.Cast(ir::DType::kF32, v));
  };
  const KValue sixteen = k_.Const(ir::DType::kI32, 16, 1, k_.type(low).lanes);
  return k_.Scalar(ScalarOp::kOr,
                   {upper(high), k_.Scalar(ScalarOp::kShrLogical, {upper(low), sixteen})});
}

KValue ContractEmitter::LoadPairs(int rows, const TileShape& shape, KValue offset) {
  kernel::MemRef mem{.buffer = b_buffer_, .offset = offset};
  mem.lane_count = shape.lane_count;
  mem.lane_stride = k_.DimValue(nest_.n.back().b);
  return k_.Load(nest_.step_dtype(), rows, shape.lanes, mem);
}

void ContractEmitter::PackPanel(const TileShape& shape, KValue k_low, KValue k_high) {
  PackDim(0, shape, k_low, k_high, b_at_, PanelStart(k_low));
}

void ContractEmitter::PackDim(size_t d, const TileShape& shape, KValue low, KValue high,
                              KValue from, KValue to) {
  const NestDim& dim = nest_.k[d];
  if (d + 1 == nest_.k.size()) {
    from = k_.Add(from, Scaled(low, dim.b));
    to = k_.Add(to, k_.Mul(low, k_.ConstI64(s_.lanes)));
    const KValue count = k_.Sub(high, low);
    if (s_.panel == Schedule::Panel::kTransposed) {
      PackTransposed(shape, low, count, from, to);
    } else {
      PackRows(shape, low, count, from, to);
    }
    return;
  }
  k_.For(low, high, 1, {}, [&](KValue i, std::vector<KValue>) {
    lower::ElementEmitter::Scope scope(e_);
    e_.Bind(k_vars_[d], i);
    PackDim(d + 1, shape, k_.ConstI64(0), k_.DimValue(nest_.k[d + 1].extent),
            k_.Add(from, Scaled(i, dim.b)), k_.Add(to, Scaled(i, PanelStride(d))));
    return std::vector<KValue>();
  });
}

void ContractEmitter::PackRows(const TileShape& shape, KValue low, KValue count, KValue from,
                               KValue to) {
  const bool computed = nest_.b.computed;
  const lower::ElementEmitter::LookAhead ahead(e_, k_vars_.back(), lower::FarSteps());
  k_.For(
      k_.ConstI64(0), count, 1, {},
      [&](KValue i, std::vector<KValue>) {
        const KValue at = k_.Add(from, Scaled(i, nest_.k.back().b));
        if (!computed) AskAhead(shape, at);
        const KValue row = computed ? EvalRow(shape, k_.Add(low, i)) : LoadB(shape, at);
        k_.Store(row, {.buffer = panel_, .offset = k_.Add(to, k_.Mul(i, k_.ConstI64(s_.lanes)))});
        return std::vector<KValue>();
      },
      computed ? 1 : 4);
}

void ContractEmitter::PackTransposed(const TileShape& shape, KValue low, KValue count, KValue from,
                                     KValue to) {
  const int columns = std::min(16, shape.lanes);
  const auto square = [&](KValue column, KValue i, KValue steps) {
    kernel::MemRef target{.buffer = panel_,
                          .offset = k_.Add(k_.Add(to, column), k_.Mul(i, k_.ConstI64(s_.lanes)))};
    if (nest_.b.computed) {
      EvalBlock(shape, column, k_.Add(low, i), steps, target.offset);
      return;
    }
    kernel::MemRef source{.buffer = b_buffer_,
                          .offset = k_.Add(k_.Add(from, Scaled(i, nest_.unit_step())),
                                           Scaled(column, nest_.n.back().b))};
    source.lane_count = steps;
    if (columns > 1) {
      source.row_stride = k_.DimValue(nest_.n.back().b);
      if (shape.lane_count.valid()) {
        source.row_count = k_.Max(k_.ConstI64(0), k_.Sub(shape.lane_count, column));
      }
    }
    if (nest_.pairs) source.lane_stride = k_.ConstI64(2);
    const KValue loaded = k_.Load(nest_.step_dtype(), columns, 16, source);
    target.row_stride = k_.ConstI64(s_.lanes);
    target.row_count = steps;
    k_.Store(k_.Transpose(loaded), target);
  };
  // A loop, not a run of squares: each is 64 shuffles, which take LLVM long.
  const auto block = [&](KValue i, KValue steps) {
    k_.For(k_.ConstI64(0), k_.ConstI64(shape.lanes), columns, {},
           [&](KValue column, std::vector<KValue>) {
             square(column, i, steps);
             return std::vector<KValue>();
           });
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

}  // namespace tenon::contract
