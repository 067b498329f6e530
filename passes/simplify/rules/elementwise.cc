// Element-wise ops commute with movement. Broadcasts go behind them, so that they compute once what
// was repeated; transposes and reshapes go behind them, towards others that they cancel or
// contractions that take them in.
#include "tenon/passes/simplify/rules/util.h"

namespace tenon::passes::rules {

using ir::BroadcastAttrs;
using ir::Dim;
using ir::OpCode;
using ir::Shape;
using ir::TensorType;
using ir::TransposeAttrs;
using ir::Value;

namespace {

// The splat `v` for operands of shape `shape`.
Value SplatLike(Match& m, Value v, const Shape& shape) {
  while (m.Is(v, OpCode::kBroadcast) || m.Is(v, OpCode::kReshape)) v = m.OperandOf(v);
  if (v.rank() > 0) v = Make(m, OpCode::kReshape, ir::ReshapeAttrs{}, {v});
  if (shape.empty()) return v;
  return Make(m, OpCode::kBroadcast, BroadcastAttrs{shape, {}}, {v});
}

bool IsSplat(const Match& m, Value v) { return m.Splat(v) != nullptr; }

}  // namespace

Replacement ElementwiseOfBroadcast(Match& m) {
  const Shape result = m.type().dims;
  std::optional<Shape> source;  // the shape before broadcasting
  std::vector<int64_t> axes;
  bool all_splats = true;
  for (int i = 0; i < m.num_operands(); ++i) {
    const Value v = m[i];
    if (v.shape() != result) return std::nullopt;
    if (IsSplat(m, v)) continue;
    all_splats = false;
    if (!m.Is(v, OpCode::kBroadcast)) return std::nullopt;
    const BroadcastAttrs attrs = m.AttrsOf<BroadcastAttrs>(v);
    const Shape shape = m.OperandOf(v).shape();
    if (source.has_value() && (*source != shape || axes != attrs.axes)) return std::nullopt;
    source = shape;
    axes = attrs.axes;
  }
  if (all_splats) {
    if (result.empty()) return std::nullopt;  // a scalar: folding's
    source = Shape{};
  }
  std::vector<Value> operands;
  for (int i = 0; i < m.num_operands(); ++i) {
    operands.push_back(IsSplat(m, m[i]) ? SplatLike(m, m[i], *source) : m.OperandOf(m[i]));
  }
  const Value small = Make(m, m.op(), m.node().attributes, operands);
  return Make(m, OpCode::kBroadcast, BroadcastAttrs{result, axes}, {small});
}

Replacement ElementwiseOfTranspose(Match& m) {
  std::optional<std::vector<int64_t>> permutation;
  Shape source;
  for (int i = 0; i < m.num_operands(); ++i) {
    const Value v = m[i];
    if (IsSplat(m, v)) continue;
    if (!m.Is(v, OpCode::kTranspose) || !m.SingleUse(v)) return std::nullopt;
    const std::vector<int64_t> p = m.AttrsOf<TransposeAttrs>(v).permutation;
    if (permutation.has_value() && *permutation != p) return std::nullopt;
    permutation = p;
    source = m.OperandOf(v).shape();
  }
  if (!permutation.has_value()) return std::nullopt;
  std::vector<Value> operands;
  for (int i = 0; i < m.num_operands(); ++i) {
    operands.push_back(IsSplat(m, m[i]) ? SplatLike(m, m[i], source) : m.OperandOf(m[i]));
  }
  const Value inner = Make(m, m.op(), m.node().attributes, operands);
  return Make(m, OpCode::kTranspose, TransposeAttrs{*permutation}, {inner});
}

Replacement ElementwiseOfReshape(Match& m) {
  std::optional<Shape> source;
  for (int i = 0; i < m.num_operands(); ++i) {
    const Value v = m[i];
    if (IsSplat(m, v)) continue;
    if (!m.Is(v, OpCode::kReshape)) return std::nullopt;
    const Shape shape = m.OperandOf(v).shape();
    // A reshape that stays for others is one more, which costs nothing if it is of extents of 1.
    if (!m.SingleUse(v) && !MatchUnits(shape, v.shape()).has_value()) return std::nullopt;
    if (source.has_value() && *source != shape) return std::nullopt;
    source = shape;
  }
  if (!source.has_value()) return std::nullopt;
  std::vector<Value> operands;
  for (int i = 0; i < m.num_operands(); ++i) {
    operands.push_back(IsSplat(m, m[i]) ? SplatLike(m, m[i], *source) : m.OperandOf(m[i]));
  }
  const Shape result = m.type().dims;
  const Value inner = Make(m, m.op(), m.node().attributes, operands);
  return Make(m, OpCode::kReshape, ir::ReshapeAttrs{result}, {inner});
}

}  // namespace tenon::passes::rules
