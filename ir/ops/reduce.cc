// Reductions over whole dimensions, and running reductions along one.
#include <algorithm>
#include <numeric>

#include "tenon/ir/ops/common.h"

namespace tenon::ir::ops {
namespace {

ComputeDef ReduceNest(const OpView& v) {
  const auto& a = v.attrs<ReduceAttrs>();
  const TensorType& x = v.operands[0];
  ComputeDef def;
  std::vector<int> iterator(x.rank());
  auto add = [&](bool reduced) {
    for (int i = 0; i < x.rank(); ++i) {
      if (std::binary_search(a.axes.begin(), a.axes.end(), i) != reduced) continue;
      iterator[i] = static_cast<int>(def.domain.size());
      def.domain.push_back(x.dims[i]);
    }
  };
  add(false);
  def.num_parallel = static_cast<int>(def.domain.size());
  add(true);
  std::vector<Index> index;
  for (int i : iterator) index.push_back(At(Affine::Iterator(i)));
  def.accesses.push_back({0, std::move(index)});
  def.body.Access(0, x.dtype);
  if (def.num_reduced() > 0) {
    def.compute_class = ComputeClass::kReduce;
    def.combiner = a.kind;
  }
  return def;
}

// x with `axes` moved to the end and merged into one; `Unmerge` is its inverse.
struct Merged {
  std::vector<int64_t> permutation;
  Shape permuted;
  Value value;
};
Merged Merge(const Value& x, const std::vector<int64_t>& axes) {
  Merged m;
  Dim merged(1);
  Shape shape;
  for (int64_t i = 0; i < x.rank(); ++i) {
    if (std::binary_search(axes.begin(), axes.end(), i)) continue;
    m.permutation.push_back(i);
    shape.push_back(x.shape()[i]);
  }
  for (int64_t axis : axes) {
    m.permutation.push_back(axis);
    merged = merged * x.shape()[axis];
  }
  shape.push_back(merged);
  for (int64_t i : m.permutation) m.permuted.push_back(x.shape()[i]);
  m.value = Reshape(Transpose(x, m.permutation), shape);
  return m;
}
Value Unmerge(const Merged& m, const Value& y) {
  std::vector<int64_t> inverse(m.permutation.size());
  for (size_t i = 0; i < inverse.size(); ++i) inverse[m.permutation[i]] = static_cast<int64_t>(i);
  return Transpose(Reshape(y, m.permuted), inverse);
}

// The product of all other elements, in a way that zeros among them do no harm: what stands before
// times what stands after.
Value ProductOfOthers(const Value& x, const std::vector<int64_t>& axes) {
  const Merged m = Merge(x, axes);
  const Value before = Cumulative(Combiner::kProd, m.value, -1, /*exclusive=*/true);
  const Value after =
      Cumulative(Combiner::kProd, m.value, -1, /*exclusive=*/true, /*reverse=*/true);
  return Unmerge(m, before * after);
}

Cotangents ReduceGradient(GradContext& c) {
  const auto& a = c.attrs<ReduceAttrs>();
  const Value& x = c.operands[0];
  const Value& g = Cotangent(c);
  switch (a.kind) {
    case Combiner::kSum:
      return {SpreadOver(g, x.shape(), a.axes)};
    case Combiner::kProd:
      return {SpreadOver(g, x.shape(), a.axes) * ProductOfOthers(x, a.axes)};
    case Combiner::kMax:
    case Combiner::kMin: {
      const Value hit = Eq(x, SpreadOver(c.results[0], x.shape(), a.axes));
      const Value count = ReduceSum(Cast(hit, x.dtype()), a.axes);
      const Value share = a.axes.empty() ? g : g / count;
      return {Select(hit, SpreadOver(share, x.shape(), a.axes), 0)};
    }
    case Combiner::kAnd:
    case Combiner::kOr:
    case Combiner::kNone:
      break;
  }
  return {std::nullopt};
}

}  // namespace

template <>
OpDef Define<OpCode::kReduce>() {
  OpDef def{};
  def.summary =
      "x reduced by sum, prod, max, min (numbers), and, or (bool) over `axes`, which vanish from "
      "the shape. An empty reduction gives the combiner's identity: 0, 1, the lowest or highest "
      "value (infinite for floats), true, false. max and min pass NaN on. bf16 and f16 accumulate "
      "in f32 and round once.";
  def.min_operands = def.max_operands = 1;
  def.compute_class = ComputeClass::kReduce;
  def.infer = [](const InferContext& c) -> Types {
    const auto& a = c.attrs<ReduceAttrs>();
    const TensorType& x = c.operands[0];
    TENON_RETURN_IF_ERROR(CheckCombiner(a.kind, x.dtype));
    TENON_RETURN_IF_ERROR(CheckAxes(a.axes, x.rank()));
    TensorType result{x.dtype, {}};
    for (int i = 0; i < x.rank(); ++i) {
      if (!std::binary_search(a.axes.begin(), a.axes.end(), i)) result.dims.push_back(x.dims[i]);
    }
    return {{result}};
  };
  def.compute = ReduceNest;
  def.differentiability = Differentiability::kRule;
  def.gradient = ReduceGradient;
  def.gradient_note =
      "max and min share the gradient equally among the elements that attain the result; prod "
      "is right where elements are 0";
  return def;
}

// --- Cumulative
// ------------------------------------------------------------------------------------

namespace {

Value LastAxisFrom(const Value& x, int64_t axis) {
  std::vector<int64_t> permutation;
  for (int64_t i = 0; i < x.rank(); ++i) {
    if (i != axis) permutation.push_back(i);
  }
  permutation.push_back(axis);
  return Transpose(x, permutation);
}
Value LastAxisTo(const Value& x, int64_t axis) {
  std::vector<int64_t> permutation(x.rank() - 1);
  std::iota(permutation.begin(), permutation.end(), 0);
  permutation.insert(permutation.begin() + axis, x.rank() - 1);
  return Transpose(x, permutation);
}

// y_i = product of x_j for j <= i (or j < i). With P_j the product of what stands before j,
//   dx_j = P_j * S_j,   S_j = sum over i of dy_i * (product of x_k for j < k <= i (or k < i)),
// where S follows a linear recurrence from the end: a scan, and right where elements are 0.
Value CumulativeProdGradient(const Value& x, const Value& g, int64_t axis, bool exclusive) {
  const Value before = Cumulative(Combiner::kProd, x, axis, /*exclusive=*/true);
  std::vector<int64_t> to_front = {axis}, back(x.rank());
  for (int64_t i = 0; i < x.rank(); ++i) {
    if (i != axis) to_front.push_back(i);
  }
  for (int64_t i = 0; i < x.rank(); ++i) back[to_front[i]] = i;
  const Value xs = Transpose(x, to_front), gs = Transpose(g, to_front);
  TensorType slice = xs.type();
  slice.dims.erase(slice.dims.begin());
  const std::vector<Value> out = Scan(
      {x.builder()->Full(slice, 0)}, {xs, gs}, x.shape()[axis],
      [exclusive](GraphBuilder&, std::vector<Value> v) -> std::vector<Value> {
        const Value &carry = v[0], &xj = v[1], &gj = v[2];
        if (exclusive) return {gj + xj * carry, carry};
        const Value s = gj + carry;
        return {xj * s, s};
      },
      /*reverse=*/true);
  return before * Transpose(out[1], back);
}

// The cotangent goes to the first element (along the direction of the run) that attains the
// running maximum. Works on the last axis.
Value CumulativeMaxGradient(const Value& x, const Value& g, bool exclusive) {
  GraphBuilder& b = *x.builder();
  const int64_t axis = x.rank() - 1;
  const Value before = Cumulative(Combiner::kMax, x, axis, /*exclusive=*/true);
  // A first NaN is taken too: nothing displaces it later.
  const Value taken = Or(Gt(x, before), And(Ne(x, x), Eq(before, before)));
  const Value index = b.Iota({DType::kI64, x.shape()}, axis);
  const Value position =
      Cumulative(Combiner::kMax, Select(taken, index, exclusive ? -1 : 0), axis, exclusive);
  Value cotangent = g, target = position;
  if (exclusive) {  // the first element has nothing before it
    cotangent = Select(Ge(position, 0), g, 0);
    target = Max(position, 0);
  }
  return Scatter(ScatterKind::kAdd, Like(x, 0), target, cotangent, axis, axis);
}

Cotangents CumulativeGradient(GradContext& c) {
  const auto& a = c.attrs<CumulativeAttrs>();
  Value x = c.operands[0], g = Cotangent(c);
  if (a.kind == Combiner::kSum) {
    return {Cumulative(Combiner::kSum, g, a.axis, a.exclusive, !a.reverse)};
  }
  if (a.reverse) {
    x = Reverse(x, {a.axis});
    g = Reverse(g, {a.axis});
  }
  Value dx;
  switch (a.kind) {
    case Combiner::kProd:
      dx = CumulativeProdGradient(x, g, a.axis, a.exclusive);
      break;
    case Combiner::kMax:
    case Combiner::kMin: {
      Value oriented = LastAxisFrom(x, a.axis);
      if (a.kind == Combiner::kMin) oriented = -oriented;
      dx =
          LastAxisTo(CumulativeMaxGradient(oriented, LastAxisFrom(g, a.axis), a.exclusive), a.axis);
      break;
    }
    case Combiner::kSum:
    case Combiner::kAnd:
    case Combiner::kOr:
    case Combiner::kNone:
      return {std::nullopt};
  }
  return {a.reverse ? Reverse(dx, {a.axis}) : dx};
}

}  // namespace

template <>
OpDef Define<OpCode::kCumulative>() {
  OpDef def{};
  def.summary =
      "The running reduction of x along `axis`: element i reduces elements 0 to i, or up to i - 1 "
      "where `exclusive` (the first is then the identity), or from the end where `reverse`. Kinds "
      "as for reduce. Evaluated in order; bf16 and f16 accumulate in f32.";
  def.min_operands = def.max_operands = 1;
  def.compute_class = ComputeClass::kCumulative;
  def.infer = [](const InferContext& c) -> Types {
    const auto& a = c.attrs<CumulativeAttrs>();
    TENON_RETURN_IF_ERROR(CheckCombiner(a.kind, c.operands[0].dtype));
    TENON_RETURN_IF_ERROR(CheckAxis(a.axis, c.operands[0].rank(), "axis"));
    return {{c.operands[0]}};
  };
  def.differentiability = Differentiability::kRule;
  def.gradient = CumulativeGradient;
  def.gradient_note =
      "max and min give the gradient to the first element that attains the running result; prod "
      "is right where elements are 0";
  return def;
}

}  // namespace tenon::ir::ops
