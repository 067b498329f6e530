// Ops that move elements and compute nothing.
#include <algorithm>
#include <numeric>

#include "tenon/ir/ops/common.h"

namespace tenon::ir::ops {
namespace {

OpDef Move(absl::string_view summary, int operands) {
  OpDef def{};
  def.summary = summary;
  def.min_operands = def.max_operands = operands;
  def.compute_class = ComputeClass::kMap;
  def.differentiability = Differentiability::kRule;
  return def;
}

// A map over the result whose only access, of operand 0, is to be filled in.
ComputeDef OneRead(const OpView& v, std::vector<Index> index) {
  ComputeDef def;
  def.domain = v.results[0].dims;
  def.num_parallel = v.results[0].rank();
  def.accesses.push_back({0, std::move(index)});
  def.body.Access(0, v.operands[0].dtype);
  return def;
}

}  // namespace

template <>
OpDef Define<OpCode::kReshape>() {
  OpDef def = Move("The elements of x, in row-major order, in another shape of the same size.", 1);
  def.compute_class = ComputeClass::kReshape;
  def.infer = [](const InferContext& c) -> Types {
    const TensorType& x = c.operands[0];
    const TensorType result{x.dtype, c.attrs<ReshapeAttrs>().shape};
    if (!(x.NumElements() == result.NumElements())) {
      return Error(x.ToString(), " has ", x.NumElements().ToString(), " elements and ",
                   result.ToString(), " ", result.NumElements().ToString());
    }
    return {{result}};
  };
  def.gradient = [](GradContext& c) -> Cotangents {
    return {Reshape(Cotangent(c), c.operands[0].shape())};
  };
  return def;
}

template <>
OpDef Define<OpCode::kTranspose>() {
  OpDef def = Move(
      "x with its dimensions in another order: result dimension i is x's dimension "
      "permutation[i].",
      1);
  def.infer = [](const InferContext& c) -> Types {
    const TensorType& x = c.operands[0];
    const std::vector<int64_t>& p = c.attrs<TransposeAttrs>().permutation;
    TENON_RETURN_IF_ERROR(CheckCount(p.size(), x.rank(), "permutation"));
    std::vector<bool> seen(p.size());
    TensorType result{x.dtype, {}};
    for (int64_t axis : p) {
      TENON_RETURN_IF_ERROR(CheckAxis(axis, x.rank(), "axis"));
      if (seen[axis]) return Error("axis ", axis, " is named twice");
      seen[axis] = true;
      result.dims.push_back(x.dims[axis]);
    }
    return {{result}};
  };
  def.compute = [](const OpView& v) {
    const std::vector<int64_t>& p = v.attrs<TransposeAttrs>().permutation;
    std::vector<Index> index(p.size());
    for (size_t i = 0; i < p.size(); ++i) index[p[i]] = At(Affine::Iterator(static_cast<int>(i)));
    return OneRead(v, std::move(index));
  };
  def.gradient = [](GradContext& c) -> Cotangents {
    const std::vector<int64_t>& p = c.attrs<TransposeAttrs>().permutation;
    std::vector<int64_t> inverse(p.size());
    for (size_t i = 0; i < p.size(); ++i) inverse[p[i]] = static_cast<int64_t>(i);
    return {Transpose(Cotangent(c), inverse)};
  };
  return def;
}

template <>
OpDef Define<OpCode::kBroadcast>() {
  OpDef def = Move(
      "x repeated to `shape`: x's dimension i becomes dimension axes[i] (ascending), "
      "an extent of 1 stretches, dimensions not named are new.",
      1);
  def.infer = [](const InferContext& c) -> Types {
    const TensorType& x = c.operands[0];
    const auto& a = c.attrs<BroadcastAttrs>();
    TENON_RETURN_IF_ERROR(CheckCount(a.axes.size(), x.rank(), "axes"));
    TENON_RETURN_IF_ERROR(CheckAxes(a.axes, static_cast<int>(a.shape.size())));
    for (int i = 0; i < x.rank(); ++i) {
      const Dim& to = a.shape[a.axes[i]];
      if (!(x.dims[i] == Dim(1)) && !(x.dims[i] == to)) {
        return Error("dimension ", i, " of ", x.ToString(), " does not stretch to ", to.ToString(),
                     ", dimension ", a.axes[i], " of ", ShapeToString(a.shape));
      }
    }
    return {{TensorType{x.dtype, a.shape}}};
  };
  def.compute = [](const OpView& v) {
    const auto& a = v.attrs<BroadcastAttrs>();
    std::vector<Index> index;
    for (size_t i = 0; i < a.axes.size(); ++i) {
      const bool stretched = v.operands[0].dims[i] == Dim(1);
      index.push_back(
          At(stretched ? Affine::Constant(Dim(0)) : Affine::Iterator(static_cast<int>(a.axes[i]))));
    }
    return OneRead(v, std::move(index));
  };
  def.gradient = [](GradContext& c) -> Cotangents {
    const auto& a = c.attrs<BroadcastAttrs>();
    const Value& x = c.operands[0];
    std::vector<int64_t> summed;
    for (int64_t d = 0; d < static_cast<int64_t>(a.shape.size()); ++d) {
      const auto it = std::find(a.axes.begin(), a.axes.end(), d);
      const bool kept = it != a.axes.end() && x.shape()[it - a.axes.begin()] == a.shape[d];
      if (!kept) summed.push_back(d);
    }
    if (summed.empty()) return {Cotangent(c)};
    const Value sum = ReduceSum(Cotangent(c), summed);
    return {sum.shape() == x.shape() ? sum : Reshape(sum, x.shape())};
  };
  return def;
}

// --- Slice and pad
// ---------------------------------------------------------------------------------

namespace {

Types InferSlice(const InferContext& c) {
  const TensorType& x = c.operands[0];
  const auto& a = c.attrs<SliceAttrs>();
  TENON_RETURN_IF_ERROR(CheckCount(a.start.size(), x.rank(), "start"));
  TENON_RETURN_IF_ERROR(CheckCount(a.limit.size(), x.rank(), "limit"));
  TENON_RETURN_IF_ERROR(CheckCount(a.stride.size(), x.rank(), "stride"));
  TensorType result{x.dtype, {}};
  for (int d = 0; d < x.rank(); ++d) {
    const Dim length = a.limit[d] - a.start[d];
    if (a.stride[d] < 1) return Error("stride ", a.stride[d], " in dimension ", d, " is below 1");
    if (!NeverNegative(a.start[d]) || !NeverNegative(length) ||
        !NeverNegative(x.dims[d] - a.limit[d])) {
      return Error("[", a.start[d].ToString(), ", ", a.limit[d].ToString(),
                   ") does not always lie inside dimension ", d, " of extent ",
                   x.dims[d].ToString());
    }
    result.dims.push_back(FloorDiv(length + Dim(a.stride[d] - 1), a.stride[d]));
  }
  return {{result}};
}

Cotangents SliceGradient(GradContext& c) {
  const auto& a = c.attrs<SliceAttrs>();
  const Value& x = c.operands[0];
  Value g = Cotangent(c);
  Shape low, high;
  std::vector<int64_t> interior;
  for (int d = 0; d < x.rank(); ++d) {
    const Dim extent = x.shape()[d], taken = g.shape()[d];
    if (a.stride[d] > 1 && !taken.is_constant()) {
      g = SpreadAlong(g, d, extent, a.start[d], a.stride[d]);
      low.push_back(Dim(0));
      high.push_back(Dim(0));
      interior.push_back(0);
      continue;
    }
    const Dim span = taken == Dim(0) ? Dim(0) : (taken - Dim(1)) * Dim(a.stride[d]) + Dim(1);
    low.push_back(a.start[d]);
    high.push_back(extent - a.start[d] - span);
    interior.push_back(a.stride[d] - 1);
  }
  return {g.shape() == x.shape() ? g : Pad(g, 0, low, high, interior)};
}

}  // namespace

template <>
OpDef Define<OpCode::kSlice>() {
  OpDef def =
      Move("The elements of x at start, start + stride, ... below limit, in every dimension.", 1);
  def.infer = InferSlice;
  def.compute = [](const OpView& v) {
    const auto& a = v.attrs<SliceAttrs>();
    std::vector<Index> index;
    for (size_t d = 0; d < a.start.size(); ++d) {
      Affine affine;
      affine.terms.push_back({static_cast<int>(d), Dim(a.stride[d])});
      affine.offset = a.start[d];
      index.push_back(At(std::move(affine)));
    }
    return OneRead(v, std::move(index));
  };
  def.gradient = SliceGradient;
  return def;
}

namespace {

// The extent between low and high padding.
absl::StatusOr<Dim> Spread(const Dim& extent, int64_t interior) {
  if (interior == 0 || extent == Dim(0)) return extent;
  if (extent.LowerBound().value_or(0) < 1) {
    return Error("extent ", extent.ToString(), " may be 0, and then has no gaps to fill");
  }
  return (extent - Dim(1)) * (Dim(interior) + Dim(1)) + Dim(1);
}

Types InferPad(const InferContext& c) {
  const TensorType& x = c.operands[0];
  const auto& a = c.attrs<PadAttrs>();
  TENON_RETURN_IF_ERROR(
      CheckSame(c.operands[1], TensorType{x.dtype, {}}, "the value to pad with", "its right type"));
  TENON_RETURN_IF_ERROR(CheckCount(a.low.size(), x.rank(), "low"));
  TENON_RETURN_IF_ERROR(CheckCount(a.high.size(), x.rank(), "high"));
  TENON_RETURN_IF_ERROR(CheckCount(a.interior.size(), x.rank(), "interior"));
  TensorType result{x.dtype, {}};
  for (int d = 0; d < x.rank(); ++d) {
    if (a.interior[d] < 0) return Error("interior ", a.interior[d], " is negative");
    TENON_ASSIGN_OR_RETURN(const Dim spread, Spread(x.dims[d], a.interior[d]));
    const Dim extent = a.low[d] + spread + a.high[d];
    if (!NeverNegative(extent)) {
      return Error("low ", a.low[d].ToString(), " and high ", a.high[d].ToString(),
                   " may crop more than extent ", spread.ToString(), " of dimension ", d);
    }
    result.dims.push_back(extent);
  }
  return {{result}};
}

Cotangents PadGradient(GradContext& c) {
  const auto& a = c.attrs<PadAttrs>();
  const Value &x = c.operands[0], &g = Cotangent(c);
  Cotangents out(2);
  if (c.needed[0]) {
    Shape low, high, start;
    std::vector<int64_t> stride;
    bool gaps = false;
    for (int d = 0; d < x.rank(); ++d) {
      low.push_back(Dim(0) - a.low[d]);
      high.push_back(Dim(0) - a.high[d]);
      start.push_back(Dim(0));
      stride.push_back(a.interior[d] + 1);
      gaps = gaps || a.interior[d] > 0;
    }
    Value dx = Pad(g, 0, low, high);
    if (gaps) dx = Slice(dx, start, dx.shape(), stride);
    out[0] = dx;
  }
  if (c.needed[1]) {
    const Value inside = Pad(Like(x, 1), 0, a.low, a.high, a.interior);
    out[1] = ReduceSum(Select(Eq(inside, 0), g, 0));
  }
  return out;
}

}  // namespace

template <>
OpDef Define<OpCode::kPad>() {
  OpDef def = Move(
      "x with copies of a scalar around it: `low` before and `high` after each "
      "dimension (negative amounts crop), and `interior` between neighbours.",
      2);
  def.infer = InferPad;
  def.compute = [](const OpView& v) {
    const auto& a = v.attrs<PadAttrs>();
    std::vector<Index> index;
    for (size_t d = 0; d < a.low.size(); ++d) {
      Affine affine = Affine::Iterator(static_cast<int>(d));
      affine.offset = Dim(0) - a.low[d];
      affine.divisor = a.interior[d] + 1;
      index.push_back(At(std::move(affine)));
    }
    ComputeDef def = OneRead(v, std::move(index));
    def.accesses[0].guarded = true;
    def.accesses.push_back({1, {}});
    const int value = def.body.Access(1, v.operands[0].dtype);
    def.body.Op(ScalarOp::kSelect, {def.body.InBounds(0), 0, value});
    return def;
  };
  def.gradient = PadGradient;
  return def;
}

// --- Concat and reverse
// ----------------------------------------------------------------------------

namespace {

Types InferConcat(const InferContext& c) {
  const int64_t axis = c.attrs<AxisAttrs>().axis;
  TensorType result = c.operands[0];
  TENON_RETURN_IF_ERROR(CheckAxis(axis, result.rank(), "axis"));
  for (size_t i = 1; i < c.operands.size(); ++i) {
    TensorType other = c.operands[i];
    if (other.rank() == result.rank()) other.dims[axis] = c.operands[0].dims[axis];
    if (absl::Status s = CheckSame(c.operands[0], other, "operand 0", absl::StrCat("operand ", i));
        !s.ok()) {
      return Error("operand 0 is ", c.operands[0].ToString(), " and operand ", i, " ",
                   c.operands[i].ToString(), ": only the extents along axis ", axis, " may differ");
    }
    result.dims[axis] = result.dims[axis] + c.operands[i].dims[axis];
  }
  return {{result}};
}

ComputeDef ConcatNest(const OpView& v) {
  const int64_t axis = v.attrs<AxisAttrs>().axis;
  ComputeDef def;
  def.domain = v.results[0].dims;
  def.num_parallel = v.results[0].rank();
  Dim offset(0);
  for (size_t i = 0; i < v.operands.size(); ++i) {
    Access access{static_cast<int>(i), Iterators(def.num_parallel)};
    access.guarded = v.operands.size() > 1;
    access.index[axis].affine.offset = Dim(0) - offset;
    def.accesses.push_back(std::move(access));
    offset = offset + v.operands[i].dims[axis];
  }
  // From the back: what none of the earlier ones holds.
  const DType dtype = v.results[0].dtype;
  int value = def.body.Access(static_cast<int>(v.operands.size()) - 1, dtype);
  for (int i = static_cast<int>(v.operands.size()) - 2; i >= 0; --i) {
    const int inside = def.body.InBounds(i);
    value = def.body.Op(ScalarOp::kSelect, {inside, def.body.Access(i, dtype), value});
  }
  return def;
}

}  // namespace

template <>
OpDef Define<OpCode::kConcat>() {
  OpDef def =
      Move("The operands one after the other along `axis`; all other extents are equal.", 1);
  def.max_operands = -1;
  def.infer = InferConcat;
  def.compute = ConcatNest;
  def.gradient = [](GradContext& c) -> Cotangents {
    const int64_t axis = c.attrs<AxisAttrs>().axis;
    Cotangents out;
    Dim offset(0);
    for (size_t i = 0; i < c.operands.size(); ++i) {
      const Value& x = c.operands[i];
      const Dim end = offset + x.shape()[axis];
      out.push_back(std::nullopt);
      if (c.needed[i]) {
        Shape start(x.rank(), Dim(0)), limit = x.shape();
        start[axis] = offset;
        limit[axis] = end;
        out.back() = Slice(Cotangent(c), start, limit);
      }
      offset = end;
    }
    return out;
  };
  return def;
}

template <>
OpDef Define<OpCode::kReverse>() {
  OpDef def = Move("x with the order of its elements turned round along each of `axes`.", 1);
  def.infer = [](const InferContext& c) -> Types {
    std::vector<int64_t> axes = c.attrs<AxesAttrs>().axes;
    std::sort(axes.begin(), axes.end());
    TENON_RETURN_IF_ERROR(CheckAxes(axes, c.operands[0].rank()));
    return {{c.operands[0]}};
  };
  def.compute = [](const OpView& v) {
    std::vector<Index> index = Iterators(v.results[0].rank());
    for (int64_t axis : v.attrs<AxesAttrs>().axes) {
      Affine& affine = index[axis].affine;
      affine.terms[0].coefficient = Dim(-1);
      affine.offset = v.results[0].dims[axis] - Dim(1);
    }
    return OneRead(v, std::move(index));
  };
  def.gradient = [](GradContext& c) -> Cotangents {
    return {Reverse(Cotangent(c), c.attrs<AxesAttrs>().axes)};
  };
  return def;
}

}  // namespace tenon::ir::ops
