// Indices and memory accesses of ElementEmitter: symbolic expressions as kernel values, loads and
// stores of tiles.
#include <algorithm>
#include <cstdlib>

#include "tenon/ir/check.h"
#include "tenon/passes/lower/element.h"

namespace tenon::lower {

using ir::Dim;
using ir::DType;
using ir::ScalarOp;
using kernel::Type;
using KValue = kernel::ValueId;

// --- Indices

// base + row * row_stride + lane * lane_stride; `general`, where valid, is the whole instead.
struct ElementEmitter::Position {
  KValue base;
  Dim row_stride = 0;
  Dim lane_stride = 0;
  KValue general;
};

ElementEmitter::Position ElementEmitter::Resolve(const IndexExpr& e, const Tile& tile) {
  Position p;
  p.base = k_.ConstI64(0);
  KValue general;
  for (const auto& [v, coefficient] : e.terms) {
    const IndexSpace::Var var = space_.var(v);
    KValue value;
    if (var.kind == IndexSpace::VarKind::kDigit) {
      value = IndexValue(var.of, tile);
      const Type t = k_.type(value);
      auto operand = [&](const Dim& d) { return k_.Splat(k_.DimValue(d), t.rows, t.lanes); };
      if (!(var.divisor == Dim(1))) {
        value = k_.Scalar(ScalarOp::kDiv, {value, operand(var.divisor)});
      }
      value = k_.Scalar(ScalarOp::kRem, {value, operand(var.extent)});
    } else {
      auto it = bound_.find(v);
      TENON_CHECK(it != bound_.end());
      value = it->second;
    }
    if (v == tile.row_var && tile.rows > 1) p.row_stride = coefficient;
    if (v == tile.lane_var && tile.lanes > 1) p.lane_stride = coefficient;
    const KValue scaled = k_.Mul(value, k_.DimValue(coefficient));
    KValue& sum = k_.type(value).is_scalar() ? p.base : general;
    sum = sum.valid() ? k_.Add(sum, scaled) : scaled;
  }
  p.base = k_.Add(p.base, k_.DimValue(e.offset));
  if (!general.valid()) return p;
  p.general = k_.Add(general, p.base);
  if (!(p.row_stride == Dim(0))) {
    p.general = k_.Add(p.general, k_.Mul(RowNumbers(tile.rows), k_.DimValue(p.row_stride)));
  }
  if (!(p.lane_stride == Dim(0))) {
    p.general = k_.Add(p.general, k_.Mul(k_.Iota(tile.lanes), k_.DimValue(p.lane_stride)));
  }
  return p;
}

KValue ElementEmitter::RowNumbers(int rows) {
  std::vector<KValue> numbers;
  for (int r = 0; r < rows; ++r) numbers.push_back(k_.ConstI64(r));
  return k_.ConcatRows(numbers);
}

KValue ElementEmitter::IndexValue(const IndexExpr& e, const Tile& tile) {
  const Position p = Resolve(e, tile);
  if (p.general.valid()) return p.general;
  KValue value = p.base;
  if (!(p.row_stride == Dim(0))) {
    value = k_.Add(value, k_.Mul(RowNumbers(tile.rows), k_.DimValue(p.row_stride)));
  }
  if (!(p.lane_stride == Dim(0))) {
    value = k_.Add(value, k_.Mul(k_.Iota(tile.lanes), k_.DimValue(p.lane_stride)));
  }
  return value;
}

KValue ElementEmitter::And(KValue a, KValue b) {
  if (!a.valid()) return b;
  if (!b.valid()) return a;
  return k_.Scalar(ScalarOp::kAnd, {a, b});
}

KValue ElementEmitter::InBounds(const IndexExpr& e, const Dim& extent, const Tile& tile) {
  KValue inside;
  const bool low = space_.ProvablyNonNegative(e), high = space_.ProvablyBelow(e, extent);
  if (low && high) return inside;
  const KValue value = IndexValue(e, tile);
  if (!low) inside = k_.Scalar(ScalarOp::kGe, {value, k_.ConstI64(0)});
  if (!high) inside = And(inside, k_.Scalar(ScalarOp::kLt, {value, k_.DimValue(extent)}));
  return inside;
}

KValue ElementEmitter::ActivePoints(const Tile& tile) {
  KValue active;
  if (tile.row_count.valid()) {
    active = k_.Scalar(ScalarOp::kLt, {RowNumbers(tile.rows), tile.row_count});
  }
  if (tile.lane_count.valid()) {
    active = And(active, k_.Scalar(ScalarOp::kLt, {k_.Iota(tile.lanes), tile.lane_count}));
  }
  return active;
}

// --- Memory

KValue ElementEmitter::LoadAt(int buffer, DType dtype, const IndexExpr& position, const Tile& tile,
                              KValue mask, ir::ValueId value) {
  const Position p = Resolve(position, tile);
  const Type m = mask.valid() ? k_.type(mask) : Type{DType::kBool, 1, 1};
  if (!p.general.valid()) {
    const bool by_row = !(p.row_stride == Dim(0)), by_lane = !(p.lane_stride == Dim(0));
    const int rows = by_row ? tile.rows : m.rows;
    const int lanes = by_lane ? tile.lanes : m.lanes;
    kernel::MemRef mem{.buffer = buffer, .offset = p.base};
    if (rows > 1) {
      mem.row_stride = k_.DimValue(p.row_stride);
      if (by_row) mem.row_count = tile.row_count;
    }
    if (lanes > 1) {
      if (!(p.lane_stride == Dim(1))) mem.lane_stride = k_.DimValue(p.lane_stride);
      if (by_lane) mem.lane_count = tile.lane_count;
    }
    // Predicates are given for every element, for every lane, or for all at once.
    if (mask.valid()) mem.predicate = m.rows > 1 ? k_.Splat(mask, rows, lanes) : mask;
    if (mask.valid() && m.rows == 1 && m.lanes == 1 && rows == 1) mem.predicate = mask;
    if (!mem.lane_stride.valid()) AskAhead(buffer, value, dtype, position, p, rows, lanes);
    return k_.Load(dtype, rows, lanes, mem);
  }
  const Type g = k_.type(p.general);
  const int rows = std::max(g.rows, m.rows), lanes = std::max(g.lanes, m.lanes);
  const KValue offsets = k_.Splat(p.general, rows, lanes);
  std::vector<KValue> loaded;
  for (int r = 0; r < rows; ++r) {
    kernel::MemRef mem{.buffer = buffer, .offset = k_.Row(offsets, r)};
    if (lanes > 1) mem.lane_count = tile.lane_count;
    if (mask.valid()) mem.predicate = k_.Row(mask, m.rows > 1 ? r : 0);
    if (rows > 1 && tile.row_count.valid()) {
      mem.predicate =
          And(mem.predicate, k_.Scalar(ScalarOp::kLt, {k_.ConstI64(r), tile.row_count}));
    }
    loaded.push_back(k_.Load(dtype, 1, lanes, mem));
  }
  return k_.ConcatRows(loaded);
}

void ElementEmitter::AskAhead(int buffer, ir::ValueId value, DType dtype, const IndexExpr& position,
                              const Position& p, int rows, int lanes) {
  if (looking_ == nullptr || kernel_.IsLocal(buffer) || !target().has_prefetch) return;
  const LookAheadRule& rule = looking_->rule_;
  const Dim step = position.Coefficient(looking_->var_);
  if (rule.ahead.empty() || step == Dim(0) || !step.is_constant()) return;
  if (std::abs(step.constant()) * ir::ByteSize(dtype) < rule.step_bytes) return;
  if (kernel_.SizeOf(buffer) * static_cast<double>(ir::ByteSize(dtype)) <= rule.buffer_bytes)
    return;
  for (const auto& [v, coefficient] : position.terms) {
    // Where a digit moves, the way is not the same from each step to the next.
    if (v != looking_->var_ && space_.DependsOn(IndexExpr::Var(v), looking_->var_)) return;
  }
  for (const Ahead& a : rule.ahead) {
    KValue row = k_.Add(p.base, k_.ConstI64(a.steps * step.constant()));
    for (int r = 0; r < rows; ++r) {
      if (!looking_->asks_ || looking_->asks_(value, r)) k_.Prefetch(buffer, row, lanes, a.level);
      row = k_.Add(row, k_.DimValue(p.row_stride));
    }
  }
}

void ElementEmitter::AskToStore(ir::ValueId value, const ElementIndex& index, const Tile& tile,
                                int level) {
  const ir::TensorType& type = kernel_.context().graph().type(value);
  const int buffer = kernel_.Param(value, /*written=*/true);
  const double bytes = kernel_.SizeOf(buffer) * static_cast<double>(ir::ByteSize(type.dtype));
  if (!AsksToStore(bytes, target())) return;
  const Position p = Resolve(space_.Linearize(index, type.dims), tile);
  if (p.general.valid() || !(p.lane_stride == Dim(1))) return;
  KValue row = p.base;
  for (int r = 0; r < tile.rows; ++r) {
    k_.Prefetch(buffer, row, tile.lanes, level, /*to_write=*/true);
    row = k_.Add(row, k_.DimValue(p.row_stride));
  }
}

void ElementEmitter::StoreAt(int buffer, const IndexExpr& position, const Tile& tile,
                             KValue value) {
  const Position p = Resolve(position, tile);
  value = k_.Splat(value, tile.rows, tile.lanes);
  if (!p.general.valid()) {
    kernel::MemRef mem{.buffer = buffer, .offset = p.base};
    if (tile.rows > 1) {
      mem.row_stride = k_.DimValue(p.row_stride);
      mem.row_count = tile.row_count;
    }
    if (tile.lanes > 1) {
      if (!(p.lane_stride == Dim(1))) mem.lane_stride = k_.DimValue(p.lane_stride);
      mem.lane_count = tile.lane_count;
    }
    k_.Store(value, mem);
    return;
  }
  const KValue offsets = k_.Splat(p.general, tile.rows, tile.lanes);
  for (int r = 0; r < tile.rows; ++r) {
    kernel::MemRef mem{.buffer = buffer, .offset = k_.Row(offsets, r)};
    if (tile.lanes > 1) mem.lane_count = tile.lane_count;
    if (tile.rows > 1 && tile.row_count.valid()) {
      mem.predicate = k_.Scalar(ScalarOp::kLt, {k_.ConstI64(r), tile.row_count});
    }
    k_.Store(k_.Row(value, r), mem);
  }
}

}  // namespace tenon::lower
