// Slices, pads and concatenations cut and join elements: what is cut off need not be joined first.
#include <algorithm>

#include "tenon/passes/simplify/rules/util.h"

namespace tenon::passes::rules {

using ir::AxisAttrs;
using ir::BroadcastAttrs;
using ir::Dim;
using ir::DynamicSliceAttrs;
using ir::OpCode;
using ir::PadAttrs;
using ir::Shape;
using ir::SliceAttrs;
using ir::Value;

namespace {

// 0 <= d for every allowed extent.
bool NeverNegative(const Dim& d) {
  const std::optional<int64_t> low = d.LowerBound();
  return low.has_value() && *low >= 0;
}

bool AllStridesOne(const SliceAttrs& attrs) {
  return std::all_of(attrs.stride.begin(), attrs.stride.end(), [](int64_t s) { return s == 1; });
}

bool NoInterior(const PadAttrs& attrs) {
  return std::all_of(attrs.interior.begin(), attrs.interior.end(),
                     [](int64_t i) { return i == 0; });
}

}  // namespace

Replacement SliceAll(Match& m) {
  const SliceAttrs attrs = m.attrs<SliceAttrs>();
  if (!AllStridesOne(attrs) || m[0].shape() != m.type().dims) return std::nullopt;
  for (const Dim& d : attrs.start) {
    if (!IsZero(d)) return std::nullopt;
  }
  return m[0];
}

Replacement SliceSlice(Match& m) {
  if (!m.Is(m[0], OpCode::kSlice)) return std::nullopt;
  const SliceAttrs inner = m.AttrsOf<SliceAttrs>(m[0]);
  SliceAttrs composed = m.attrs<SliceAttrs>();
  for (size_t d = 0; d < composed.start.size(); ++d) {
    int64_t stride;  // any stride is legal where one element is taken
    if (__builtin_mul_overflow(composed.stride[d], inner.stride[d], &stride)) return std::nullopt;
    composed.start[d] = inner.start[d] + composed.start[d] * Dim(inner.stride[d]);
    if (inner.stride[d] == 1) {
      composed.limit[d] = inner.start[d] + composed.limit[d];
    } else {
      // The last element taken, and no further: a limit in steps may lie beyond the operand.
      const Dim taken = m.type().dims[d];
      if (!IsPositive(taken)) return std::nullopt;
      composed.limit[d] = composed.start[d] + (taken - Dim(1)) * Dim(stride) + Dim(1);
    }
    composed.stride[d] = stride;
  }
  return Make(m, OpCode::kSlice, composed, {m.OperandOf(m[0])});
}

Replacement SliceConcat(Match& m) {
  if (!m.Is(m[0], OpCode::kConcat)) return std::nullopt;
  const int64_t axis = m.AttrsOf<AxisAttrs>(m[0]).axis;
  SliceAttrs attrs = m.attrs<SliceAttrs>();
  Dim offset = 0;
  for (int i = 0; i < m.NumOperandsOf(m[0]); ++i) {
    const Value part = m.OperandOf(m[0], i);
    const Dim end = offset + part.shape()[axis];
    if (NeverNegative(attrs.start[axis] - offset) && NeverNegative(end - attrs.limit[axis])) {
      attrs.start[axis] = attrs.start[axis] - offset;
      attrs.limit[axis] = attrs.limit[axis] - offset;
      return Make(m, OpCode::kSlice, attrs, {part});
    }
    offset = end;
  }
  return std::nullopt;
}

Replacement SlicePad(Match& m) {
  if (!m.Is(m[0], OpCode::kPad)) return std::nullopt;
  const PadAttrs pad = m.AttrsOf<PadAttrs>(m[0]);
  if (!NoInterior(pad)) return std::nullopt;
  const Value x = m.OperandOf(m[0]);
  SliceAttrs attrs = m.attrs<SliceAttrs>();
  for (size_t d = 0; d < attrs.start.size(); ++d) {
    attrs.start[d] = attrs.start[d] - pad.low[d];
    attrs.limit[d] = attrs.limit[d] - pad.low[d];
    if (!NeverNegative(attrs.start[d]) || !NeverNegative(x.shape()[d] - attrs.limit[d])) {
      return std::nullopt;
    }
  }
  return Make(m, OpCode::kSlice, attrs, {x});
}

Replacement SliceBroadcast(Match& m) {
  if (!m.Is(m[0], OpCode::kBroadcast)) return std::nullopt;
  const Value x = m.OperandOf(m[0]);
  const BroadcastAttrs broadcast = m.AttrsOf<BroadcastAttrs>(m[0]);
  const Shape shape = m.type().dims;
  const SliceAttrs attrs = m.attrs<SliceAttrs>();
  SliceAttrs inner;  // what is left to cut from x
  bool cut = false;
  for (int i = 0; i < x.rank(); ++i) {
    const int64_t axis = broadcast.axes[i];
    const bool stretched = x.shape()[i] != m[0].shape()[axis];
    inner.start.push_back(stretched ? Dim(0) : attrs.start[axis]);
    inner.limit.push_back(stretched ? Dim(1) : attrs.limit[axis]);
    inner.stride.push_back(stretched ? 1 : attrs.stride[axis]);
    cut = cut || (!stretched && shape[axis] != m[0].shape()[axis]);
  }
  const Value part = cut ? Make(m, OpCode::kSlice, inner, {x}) : x;
  return Make(m, OpCode::kBroadcast, BroadcastAttrs{shape, broadcast.axes}, {part});
}

Replacement PadNothing(Match& m) {
  const PadAttrs attrs = m.attrs<PadAttrs>();
  for (size_t d = 0; d < attrs.low.size(); ++d) {
    const bool gaps = attrs.interior[d] != 0 && !IsOne(m[0].shape()[d]) && !IsZero(m[0].shape()[d]);
    if (!IsZero(attrs.low[d]) || !IsZero(attrs.high[d]) || gaps) return std::nullopt;
  }
  return m[0];
}

Replacement PadPad(Match& m) {
  if (!m.Is(m[0], OpCode::kPad) || !Same(m.OperandOf(m[0], 1), m[1])) return std::nullopt;
  const PadAttrs inner = m.AttrsOf<PadAttrs>(m[0]);
  PadAttrs attrs = m.attrs<PadAttrs>();
  if (!NoInterior(inner) || !NoInterior(attrs)) return std::nullopt;
  for (size_t d = 0; d < attrs.low.size(); ++d) {
    // What one pad crops, the other one does not bring back.
    for (const Dim& amount : {inner.low[d], inner.high[d], attrs.low[d], attrs.high[d]}) {
      if (!NeverNegative(amount)) return std::nullopt;
    }
    attrs.low[d] = attrs.low[d] + inner.low[d];
    attrs.high[d] = attrs.high[d] + inner.high[d];
  }
  return Make(m, OpCode::kPad, attrs, {m.OperandOf(m[0]), m[1]});
}

Replacement ConcatOne(Match& m) {
  const int64_t axis = m.attrs<AxisAttrs>().axis;
  std::vector<Value> parts;
  for (Value v : m.operands()) {
    if (!IsZero(v.shape()[axis])) parts.push_back(v);
  }
  if (parts.empty()) return m[0];
  if (parts.size() == 1) return parts[0];
  if (static_cast<int>(parts.size()) == m.num_operands()) return std::nullopt;
  return Make(m, OpCode::kConcat, AxisAttrs{axis}, parts);
}

Replacement ConcatConcat(Match& m) {
  const int64_t axis = m.attrs<AxisAttrs>().axis;
  std::vector<Value> parts;
  bool any = false;
  for (Value v : m.operands()) {
    // One that is used elsewhere as well is copied from as a whole.
    if (m.Is(v, OpCode::kConcat) && m.AttrsOf<AxisAttrs>(v).axis == axis && m.SingleUse(v)) {
      for (int i = 0; i < m.NumOperandsOf(v); ++i) parts.push_back(m.OperandOf(v, i));
      any = true;
    } else {
      parts.push_back(v);
    }
  }
  if (!any) return std::nullopt;
  return Make(m, OpCode::kConcat, AxisAttrs{axis}, parts);
}

Replacement ConcatSlices(Match& m) {
  const int64_t axis = m.attrs<AxisAttrs>().axis;
  std::vector<Value> parts = {m[0]};
  bool any = false;
  for (int i = 1; i < m.num_operands(); ++i) {
    const Value last = parts.back();
    const Value next = m[i];
    if (m.Is(last, OpCode::kSlice) && m.Is(next, OpCode::kSlice) &&
        Same(m.OperandOf(last), m.OperandOf(next))) {
      SliceAttrs a = m.AttrsOf<SliceAttrs>(last);
      const SliceAttrs b = m.AttrsOf<SliceAttrs>(next);
      bool adjacent = AllStridesOne(a) && AllStridesOne(b) && a.limit[axis] == b.start[axis];
      for (size_t d = 0; d < a.start.size(); ++d) {
        if (static_cast<int64_t>(d) == axis) continue;
        adjacent = adjacent && a.start[d] == b.start[d] && a.limit[d] == b.limit[d];
      }
      if (adjacent) {
        a.limit[axis] = b.limit[axis];
        parts.back() = Make(m, OpCode::kSlice, a, {m.OperandOf(last)});
        any = true;
        continue;
      }
    }
    parts.push_back(next);
  }
  if (!any) return std::nullopt;
  return parts.size() == 1 ? parts[0] : Make(m, OpCode::kConcat, AxisAttrs{axis}, parts);
}

Replacement DynamicSliceConstant(Match& m) {
  const Shape sizes = m.attrs<DynamicSliceAttrs>().sizes;
  const Shape shape = m[0].shape();
  SliceAttrs attrs;
  for (size_t d = 0; d < shape.size(); ++d) {
    int64_t start = 0;
    if (shape[d] != sizes[d]) {  // all of a dimension begins at 0, whatever is asked for
      const ir::Literal* literal = m.Splat(m[1 + static_cast<int>(d)]);
      if (literal == nullptr || !shape[d].is_constant() || !sizes[d].is_constant()) {
        return std::nullopt;
      }
      start = std::clamp<int64_t>(literal->data<int64_t>()[0], 0,
                                  shape[d].constant() - sizes[d].constant());
    }
    attrs.start.push_back(Dim(start));
    attrs.limit.push_back(Dim(start) + sizes[d]);
    attrs.stride.push_back(1);
  }
  return Make(m, OpCode::kSlice, attrs, {m[0]});
}

Replacement DynamicUpdateAll(Match& m) {
  if (m[1].shape() != m.type().dims) return std::nullopt;
  return m[1];
}

}  // namespace tenon::passes::rules
