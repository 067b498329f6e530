// Reductions: of what was repeated, permuted or has nothing to reduce. Sums start from 0.0, so the
// sum of -0.0 alone is 0.0: such rules need the level standard for sums of floats.
#include <algorithm>
#include <cmath>
#include <limits>

#include "tenon/passes/simplify/rules/util.h"

namespace tenon::passes::rules {

using ir::BroadcastAttrs;
using ir::Combiner;
using ir::Dim;
using ir::OpCode;
using ir::ReduceAttrs;
using ir::ReshapeAttrs;
using ir::Shape;
using ir::TensorType;
using ir::TransposeAttrs;
using ir::Value;

namespace {

// Combining one x with the identity gives x, to the bit.
bool KeepsSingle(Combiner kind, const TensorType& type) {
  return kind != Combiner::kSum || !IsFloat(type);
}

// The same bits whatever the order of the elements.
bool IgnoresOrder(const TensorType& type) { return !IsFloat(type); }

// Combining x with itself gives x.
bool IsIdempotent(Combiner kind) {
  return kind == Combiner::kMax || kind == Combiner::kMin || kind == Combiner::kAnd ||
         kind == Combiner::kOr;
}

// The number that the combiner starts from, for floats.
std::optional<double> Identity(Combiner kind) {
  switch (kind) {
    case Combiner::kSum:
      return 0.0;
    case Combiner::kProd:
      return 1.0;
    case Combiner::kMax:
      return -std::numeric_limits<double>::infinity();
    case Combiner::kMin:
      return std::numeric_limits<double>::infinity();
    case Combiner::kNone:
    case Combiner::kAnd:
    case Combiner::kOr:
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

Replacement ReduceNothing(Match& m) {
  const ReduceAttrs attrs = m.attrs<ReduceAttrs>();
  if (attrs.axes.empty()) return m[0];
  std::vector<bool> drop(static_cast<size_t>(m[0].rank()));
  std::vector<int64_t> rest;
  int64_t dropped = 0;
  for (int64_t axis = 0; axis < m[0].rank(); ++axis) {
    if (!Contains(attrs.axes, axis)) continue;
    if (IsOne(m[0].shape()[axis])) {
      drop[axis] = true;
      ++dropped;
    } else {
      rest.push_back(axis - dropped);
    }
  }
  if (dropped == 0) return std::nullopt;
  if (rest.empty() && !KeepsSingle(attrs.kind, m.type()) && !AtLeastStandard(m)) {
    return std::nullopt;
  }
  const Value x = DropUnits(m, m[0], drop);
  if (rest.empty()) return x;
  return Make(m, OpCode::kReduce, ReduceAttrs{attrs.kind, rest}, {x});
}

Replacement ReduceReduce(Match& m) {
  const ReduceAttrs outer = m.attrs<ReduceAttrs>();
  if (!m.Is(m[0], OpCode::kReduce) || !m.SingleUse(m[0])) return std::nullopt;
  const ReduceAttrs inner = m.AttrsOf<ReduceAttrs>(m[0]);
  if (inner.kind != outer.kind || inner.axes.empty() || outer.axes.empty()) return std::nullopt;
  if (!IgnoresOrder(m.type()) && !AtLeastStandard(m)) return std::nullopt;
  const Value x = m.OperandOf(m[0]);
  // A row's sum that is taken where the row is at hand costs nothing; one sum of everything would
  // go over all rows once more.
  if (Waiting(m, x.shape(), inner.axes).Of(x).value_or(0) > 0) return std::nullopt;
  std::vector<int64_t> axes;
  int64_t kept = 0;
  for (int64_t axis = 0; axis < x.rank(); ++axis) {
    if (Contains(inner.axes, axis) || Contains(outer.axes, kept++)) axes.push_back(axis);
  }
  return Make(m, OpCode::kReduce, ReduceAttrs{outer.kind, axes}, {x});
}

Replacement ReduceNeg(Match& m) {
  const ReduceAttrs attrs = m.attrs<ReduceAttrs>();
  if (attrs.kind != Combiner::kSum || !m.Is(m[0], OpCode::kNeg) || !m.SingleUse(m[0])) {
    return std::nullopt;
  }
  // Signs do not change how a sum rounds, but a sum of nothing or of zeros is 0.0.
  return Make(m, OpCode::kNeg, {Make(m, OpCode::kReduce, attrs, {m.OperandOf(m[0])})});
}

Replacement ReduceBroadcast(Match& m) {
  const ReduceAttrs attrs = m.attrs<ReduceAttrs>();
  if (!m.Is(m[0], OpCode::kBroadcast)) return std::nullopt;
  const Value x = m.OperandOf(m[0]);
  const std::vector<int64_t> axes = m.AttrsOf<BroadcastAttrs>(m[0]).axes;
  const Shape full = m[0].shape();
  // Which reduced axes hold copies only, and how many in all.
  std::vector<bool> copies(full.size(), true);
  for (int i = 0; i < x.rank(); ++i) copies[axes[i]] = x.shape()[i] != full[axes[i]];
  int64_t count = 1;
  bool any = false;
  for (int64_t axis : attrs.axes) {
    if (!copies[axis]) continue;
    any = true;
    if (IsIdempotent(attrs.kind)) {
      if (!IsPositive(full[axis])) return std::nullopt;  // of nothing it is the identity
      continue;
    }
    if (!full[axis].is_constant()) return std::nullopt;
    if (__builtin_mul_overflow(count, full[axis].constant(), &count)) return std::nullopt;
  }
  if (!any) return std::nullopt;
  if (!IsIdempotent(attrs.kind)) {
    // x * n rounds once. n must be a number of the type; 0 * x is 0 for what is finite only.
    if (attrs.kind != Combiner::kSum || count == 0) return std::nullopt;
    if (IsFloat(m.type()) && !AtLeastStandard(m)) return std::nullopt;
    const ir::Literal n = ir::Literal::Filled(m.type().dtype, {}, static_cast<double>(count));
    if (n.GetAsDouble(0) != static_cast<double>(count)) return std::nullopt;
  } else if (!IgnoresOrder(m.type()) && !AtLeastStandard(m)) {
    // Which of two zeros comes out last: only where something is left to reduce.
    for (int64_t axis : attrs.axes) {
      if (!copies[axis]) return std::nullopt;
    }
  }
  // The broadcast without the copies, then the reduction of the rest.
  std::vector<bool> drop(full.size());
  std::vector<int64_t> rest;
  int64_t left = 0;
  for (int64_t axis = 0; axis < static_cast<int64_t>(full.size()); ++axis) {
    const bool reduced = Contains(attrs.axes, axis);
    drop[axis] = reduced && copies[axis];
    if (reduced && !drop[axis]) rest.push_back(left);
    if (!drop[axis]) ++left;
  }
  Value y = DropCopies(m, m[0], drop);
  if (!rest.empty()) y = Make(m, OpCode::kReduce, ReduceAttrs{attrs.kind, rest}, {y});
  if (IsIdempotent(attrs.kind) || count == 1) return y;
  const TensorType type = m.type();
  return Make(m, OpCode::kMul, {y, Full(m, type, static_cast<double>(count))});
}

Replacement ReduceTranspose(Match& m) {
  const ReduceAttrs attrs = m.attrs<ReduceAttrs>();
  if (!m.Is(m[0], OpCode::kTranspose)) return std::nullopt;
  const std::vector<int64_t> permutation = m.AttrsOf<TransposeAttrs>(m[0]).permutation;
  const Value x = m.OperandOf(m[0]);
  std::vector<int64_t> reduced, kept;  // dimensions of x, in the order of the transpose
  for (int64_t i = 0; i < static_cast<int64_t>(permutation.size()); ++i) {
    (Contains(attrs.axes, i) ? reduced : kept).push_back(permutation[i]);
  }
  const bool ordered = std::is_sorted(reduced.begin(), reduced.end());
  if (!ordered && !IgnoresOrder(m.type()) && !AtLeastStandard(m)) return std::nullopt;
  std::sort(reduced.begin(), reduced.end());
  Value y = Make(m, OpCode::kReduce, ReduceAttrs{attrs.kind, reduced}, {x});
  if (std::is_sorted(kept.begin(), kept.end())) return y;
  std::vector<int64_t> sorted = kept;
  std::sort(sorted.begin(), sorted.end());
  std::vector<int64_t> result;
  for (int64_t axis : kept) {
    result.push_back(std::lower_bound(sorted.begin(), sorted.end(), axis) - sorted.begin());
  }
  return Make(m, OpCode::kTranspose, TransposeAttrs{result}, {y});
}

Replacement ReduceReshape(Match& m) {
  const ReduceAttrs attrs = m.attrs<ReduceAttrs>();
  if (!m.Is(m[0], OpCode::kReshape)) return std::nullopt;
  const Value x = m.OperandOf(m[0]);
  const std::optional<std::vector<int>> source = MatchUnits(x.shape(), m[0].shape());
  if (!source.has_value()) return std::nullopt;
  std::vector<int64_t> axes;
  for (int64_t axis : attrs.axes) {
    if ((*source)[axis] >= 0) axes.push_back((*source)[axis]);
  }
  // Only extents of 1 were reduced: that is ReduceNothing's.
  if (axes.empty()) return std::nullopt;
  const Shape shape = m.type().dims;
  const Value y = Make(m, OpCode::kReduce, ReduceAttrs{attrs.kind, axes}, {x});
  return Make(m, OpCode::kReshape, ReshapeAttrs{shape}, {y});
}

Replacement WindowOfPad(Match& m) {
  if (!m.Is(m[0], OpCode::kPad)) return std::nullopt;
  ir::WindowAttrs attrs = m.attrs<ir::WindowAttrs>();
  const ir::PadAttrs pad = m.AttrsOf<ir::PadAttrs>(m[0]);
  const std::optional<double> identity = Identity(attrs.kind);
  if (!IsFloat(m.type()) || !identity || !m.IsSplat(m.OperandOf(m[0], 1), *identity)) {
    return std::nullopt;
  }
  const Value x = m.OperandOf(m[0]);
  for (size_t d = 0; d < pad.low.size(); ++d) {
    const Dim& low = pad.low[d];
    const Dim& high = pad.high[d];
    if (pad.interior[d] != 0 || attrs.base_dilation[d] != 1 || !low.is_constant() ||
        !high.is_constant() || low.constant() < 0 || high.constant() < 0) {
      return std::nullopt;
    }
    // Of nothing at all, dilation makes no extent that padding could add to.
    if (!IsPositive(x.shape()[d])) return std::nullopt;
    attrs.pad_low[d] += low.constant();
    attrs.pad_high[d] += high.constant();
  }
  return Make(m, OpCode::kWindowReduce, attrs, {x});
}

}  // namespace tenon::passes::rules
