// Reshapes, transposes and broadcasts compose and cancel. All of them keep every element's bits.
#include <algorithm>

#include "tenon/passes/simplify/rules/util.h"

namespace tenon::passes::rules {

using ir::AxesAttrs;
using ir::BroadcastAttrs;
using ir::Dim;
using ir::OpCode;
using ir::ReshapeAttrs;
using ir::Shape;
using ir::TransposeAttrs;
using ir::Value;

namespace {

bool IsIdentity(const std::vector<int64_t>& permutation) {
  for (size_t i = 0; i < permutation.size(); ++i) {
    if (permutation[i] != static_cast<int64_t>(i)) return false;
  }
  return true;
}

}  // namespace

Replacement ReshapeSame(Match& m) {
  if (m[0].shape() != m.type().dims) return std::nullopt;
  return m[0];
}

Replacement ReshapeReshape(Match& m) {
  if (!m.Is(m[0], OpCode::kReshape)) return std::nullopt;
  return Make(m, OpCode::kReshape, m.node().attributes, {m.OperandOf(m[0])});
}

Replacement ReshapeBroadcast(Match& m) {
  if (!m.Is(m[0], OpCode::kBroadcast)) return std::nullopt;
  const Value x = m.OperandOf(m[0]);
  const Shape to = m.type().dims;
  if (x.rank() == 0) return Make(m, OpCode::kBroadcast, BroadcastAttrs{to, {}}, {x});
  const Shape from = m[0].shape();
  const std::vector<int64_t> axes = m.AttrsOf<BroadcastAttrs>(m[0]).axes;
  const std::optional<std::vector<int>> source = MatchUnits(from, to);
  if (!source.has_value()) return std::nullopt;
  // Where each dimension of the broadcast went; -1: an extent of 1 that is gone.
  std::vector<int64_t> went(from.size(), -1);
  for (size_t i = 0; i < source->size(); ++i) {
    if ((*source)[i] >= 0) went[(*source)[i]] = static_cast<int64_t>(i);
  }
  std::vector<bool> drop;
  std::vector<int64_t> new_axes;
  for (int64_t axis : axes) {
    drop.push_back(went[axis] < 0);
    if (went[axis] >= 0) new_axes.push_back(went[axis]);
  }
  return Make(m, OpCode::kBroadcast, BroadcastAttrs{to, new_axes}, {DropUnits(m, x, drop)});
}

Replacement TransposeIdentity(Match& m) {
  if (!IsIdentity(m.attrs<TransposeAttrs>().permutation)) return std::nullopt;
  return m[0];
}

Replacement TransposeTranspose(Match& m) {
  if (!m.Is(m[0], OpCode::kTranspose)) return std::nullopt;
  const std::vector<int64_t> inner = m.AttrsOf<TransposeAttrs>(m[0]).permutation;
  TransposeAttrs composed = m.attrs<TransposeAttrs>();
  for (int64_t& axis : composed.permutation) axis = inner[axis];
  return Make(m, OpCode::kTranspose, composed, {m.OperandOf(m[0])});
}

Replacement TransposeUnit(Match& m) {
  // The dimensions other than those of extent 1 keep their order.
  const std::vector<int64_t> permutation = m.attrs<TransposeAttrs>().permutation;
  int64_t last = -1;
  for (int64_t axis : permutation) {
    if (IsOne(m[0].shape()[axis])) continue;
    if (axis < last) return std::nullopt;
    last = axis;
  }
  const Shape shape = m.type().dims;
  return Make(m, OpCode::kReshape, ReshapeAttrs{shape}, {m[0]});
}

Replacement TransposeBroadcast(Match& m) {
  if (!m.Is(m[0], OpCode::kBroadcast)) return std::nullopt;
  const Value x = m.OperandOf(m[0]);
  const std::vector<int64_t> permutation = m.attrs<TransposeAttrs>().permutation;
  const std::vector<int64_t> axes = m.AttrsOf<BroadcastAttrs>(m[0]).axes;
  // In the result's order: which dimensions of x come, and where they go.
  std::vector<int64_t> new_axes, inner;
  for (size_t i = 0; i < permutation.size(); ++i) {
    const auto it = std::find(axes.begin(), axes.end(), permutation[i]);
    if (it == axes.end()) continue;
    new_axes.push_back(static_cast<int64_t>(i));
    inner.push_back(it - axes.begin());
  }
  const Shape shape = m.type().dims;
  Value source = x;
  if (!IsIdentity(inner)) {
    // Transposing what is smaller is no worse, unless nothing was repeated at all.
    if (x.type().NumElements() == m.type().NumElements()) return std::nullopt;
    source = Make(m, OpCode::kTranspose, TransposeAttrs{inner}, {x});
  }
  return Make(m, OpCode::kBroadcast, BroadcastAttrs{shape, new_axes}, {source});
}

Replacement BroadcastSame(Match& m) {
  if (m[0].shape() != m.type().dims) return std::nullopt;
  return m[0];
}

Replacement BroadcastBroadcast(Match& m) {
  if (!m.Is(m[0], OpCode::kBroadcast)) return std::nullopt;
  const std::vector<int64_t> inner = m.AttrsOf<BroadcastAttrs>(m[0]).axes;
  BroadcastAttrs composed = m.attrs<BroadcastAttrs>();
  std::vector<int64_t> axes;
  for (int64_t axis : inner) axes.push_back(composed.axes[axis]);
  composed.axes = axes;
  return Make(m, OpCode::kBroadcast, composed, {m.OperandOf(m[0])});
}

Replacement BroadcastReshape(Match& m) {
  if (!m.Is(m[0], OpCode::kReshape)) return std::nullopt;
  const Value x = m.OperandOf(m[0]);
  const std::optional<std::vector<int>> source = MatchUnits(x.shape(), m[0].shape());
  if (!source.has_value()) return std::nullopt;
  BroadcastAttrs attrs = m.attrs<BroadcastAttrs>();
  std::vector<int64_t> axes;
  for (size_t i = 0; i < source->size(); ++i) {
    if ((*source)[i] >= 0) axes.push_back(attrs.axes[i]);
  }
  // Extents of 1 that the reshape took away would have to go as well: only additions here.
  if (axes.size() != static_cast<size_t>(x.rank())) return std::nullopt;
  attrs.axes = axes;
  return Make(m, OpCode::kBroadcast, attrs, {x});
}

Replacement BroadcastTranspose(Match& m) {
  if (!m.Is(m[0], OpCode::kTranspose)) return std::nullopt;
  const std::vector<int64_t> permutation = m.AttrsOf<TransposeAttrs>(m[0]).permutation;
  const Value x = m.OperandOf(m[0]);
  BroadcastAttrs attrs = m.attrs<BroadcastAttrs>();
  // x's dimension permutation[i] goes to axes[i]. An extent of 1 may go to any new place; the
  // others must come to stand in ascending order.
  std::vector<int64_t> axes(permutation.size());
  for (size_t i = 0; i < permutation.size(); ++i) axes[permutation[i]] = attrs.axes[i];
  if (!std::is_sorted(axes.begin(), axes.end())) return std::nullopt;
  attrs.axes = axes;
  return Make(m, OpCode::kBroadcast, attrs, {x});
}

Replacement ReverseTrivial(Match& m) {
  const AxesAttrs attrs = m.attrs<AxesAttrs>();
  const Shape shape = m.type().dims;
  std::vector<bool> repeated(shape.size());  // all elements along the dimension are the same
  if (m.Is(m[0], OpCode::kBroadcast)) {
    const BroadcastAttrs broadcast = m.AttrsOf<BroadcastAttrs>(m[0]);
    const Shape source = m.OperandOf(m[0]).shape();
    repeated.assign(shape.size(), true);
    for (size_t i = 0; i < source.size(); ++i) {
      repeated[broadcast.axes[i]] = source[i] != shape[broadcast.axes[i]];
    }
  }
  std::vector<int64_t> axes;
  for (int64_t axis : attrs.axes) {
    if (!IsOne(shape[axis]) && !repeated[axis]) axes.push_back(axis);
  }
  if (axes.empty()) return m[0];
  if (m.Is(m[0], OpCode::kReverse)) {
    const std::vector<int64_t> inner = m.AttrsOf<AxesAttrs>(m[0]).axes;
    std::vector<int64_t> both;  // reversed once in all
    for (int64_t axis = 0; axis < static_cast<int64_t>(shape.size()); ++axis) {
      const bool a = std::find(axes.begin(), axes.end(), axis) != axes.end();
      const bool b = std::find(inner.begin(), inner.end(), axis) != inner.end();
      if (a != b) both.push_back(axis);
    }
    const Value x = m.OperandOf(m[0]);
    return both.empty() ? x : Make(m, OpCode::kReverse, AxesAttrs{both}, {x});
  }
  if (axes.size() == attrs.axes.size()) return std::nullopt;
  return Make(m, OpCode::kReverse, AxesAttrs{axes}, {m[0]});
}

}  // namespace tenon::passes::rules
