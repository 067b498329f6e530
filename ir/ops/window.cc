// Reductions over sliding windows, and choosing from windows by index: pooling and its gradients.
//
// A window is counted by its row-major position p in the window's own shape; position p of window w
// lies at w * stride + p * dilation - pad_low of the (dilated) operand, dimension by dimension.
#include <algorithm>
#include <limits>

#include "tenon/ir/ops/common.h"

namespace tenon::ir::ops {
namespace {

// The dimensions that windows extend over; where all are 1, the last one stands for them.
std::vector<int> Windowed(const std::vector<int64_t>& window) {
  std::vector<int> dims;
  for (size_t i = 0; i < window.size(); ++i) {
    if (window[i] != 1) dims.push_back(static_cast<int>(i));
  }
  if (dims.empty()) dims.push_back(static_cast<int>(window.size()) - 1);
  return dims;
}

// The domain of a reduction over windows, and which iterator is the position along each dimension
// (-1: always 0).
struct WindowNest {
  ComputeDef def;
  std::vector<int> position;
};
WindowNest MakeNest(const Shape& parallel, const std::vector<int64_t>& window, Combiner combiner) {
  WindowNest nest;
  nest.def.compute_class = ComputeClass::kWindow;
  nest.def.domain = parallel;
  nest.def.num_parallel = static_cast<int>(parallel.size());
  nest.def.combiner = combiner;
  nest.position.assign(window.size(), -1);
  for (int d : Windowed(window)) {
    nest.position[d] = static_cast<int>(nest.def.domain.size());
    nest.def.domain.push_back(Dim(window[d]));
  }
  return nest;
}

// i64: the row-major position in the window, from the iterators of the nest.
int FlatPosition(WindowNest& nest, const std::vector<int64_t>& window) {
  ScalarBody& body = nest.def.body;
  int flat = -1;
  for (size_t d = 0; d < window.size(); ++d) {
    if (nest.position[d] < 0) continue;
    if (flat >= 0 && window[d] != 1) {
      flat = body.Op(ScalarOp::kMul, {flat, body.ConstantI64(window[d])});
    }
    const int p = body.Iterator(nest.position[d]);
    flat = flat < 0 ? p : body.Op(ScalarOp::kAdd, {flat, p});
  }
  return body.Cast(DType::kI32, flat);
}

// From windows to the operand: w * stride + p * dilation - pad_low, over base_dilation.
Access ReadThrough(const WindowNest& nest, int operand, const std::vector<int64_t>& stride,
                   const std::vector<int64_t>& dilation, const std::vector<int64_t>& base,
                   const std::vector<int64_t>& pad_low, const std::vector<int64_t>& pad_high) {
  Access access{operand, {}};
  for (size_t d = 0; d < stride.size(); ++d) {
    Affine affine;
    affine.terms.push_back({static_cast<int>(d), Dim(stride[d])});
    if (nest.position[d] >= 0) affine.terms.push_back({nest.position[d], Dim(dilation[d])});
    affine.offset = Dim(-pad_low[d]);
    affine.divisor = base.empty() ? 1 : base[d];
    access.guarded = access.guarded || affine.divisor > 1 || pad_low[d] > 0 || pad_high[d] > 0;
    access.index.push_back(At(std::move(affine)));
  }
  return access;
}

// A nest over windows that reads operand 0 through them and operand 1 window by window.
WindowNest ReadWindows(const OpView& v, Combiner combiner) {
  const auto& a = v.attrs<WindowIndexAttrs>();
  WindowNest nest = MakeNest(v.results[0].dims, a.window, combiner);
  nest.def.accesses.push_back(
      ReadThrough(nest, 0, a.stride, a.dilation, {}, a.pad_low, a.pad_high));
  nest.def.accesses.push_back({1, Iterators(nest.def.num_parallel)});
  return nest;
}

// The body of choosing by index: what access 0 reads where access 1 reads the number of this
// position, and lies inside where it is guarded; else 0.
void TakeNamed(WindowNest& nest, const std::vector<int64_t>& window, DType dtype) {
  ScalarBody& body = nest.def.body;
  const int x = body.Access(0, dtype), index = body.Access(1, DType::kI32);
  const int inside = nest.def.accesses[1].guarded ? body.InBounds(1) : -1;
  int hit = body.Op(ScalarOp::kEq, {index, FlatPosition(nest, window)});
  if (inside >= 0) hit = body.Op(ScalarOp::kAnd, {inside, hit});
  body.Op(ScalarOp::kSelect, {hit, x, body.Constant(dtype, 0)});
}

// What the combiner leaves alone, as a body value of `dtype`.
int Identity(ScalarBody& body, Combiner combiner, DType dtype) {
  const double infinity = std::numeric_limits<double>::infinity();
  switch (combiner) {
    case Combiner::kProd:
    case Combiner::kAnd:
      return body.Constant(dtype, 1);
    case Combiner::kMax:
      if (dtype == DType::kI64) return body.ConstantI64(std::numeric_limits<int64_t>::min());
      return body.Constant(dtype, -infinity);  // saturates to the lowest integer
    case Combiner::kMin:
      if (dtype == DType::kI64) return body.ConstantI64(std::numeric_limits<int64_t>::max());
      return body.Constant(dtype, infinity);
    case Combiner::kSum:
    case Combiner::kOr:
    case Combiner::kNone:
      break;
  }
  return body.Constant(dtype, 0);
}

ComputeDef WindowReduceNest(const OpView& v) {
  const auto& a = v.attrs<WindowAttrs>();
  const DType dtype = v.operands[0].dtype;
  WindowNest nest = MakeNest(v.results[0].dims, a.window, a.kind);
  Access access =
      ReadThrough(nest, 0, a.stride, a.dilation, a.base_dilation, a.pad_low, a.pad_high);
  ScalarBody& body = nest.def.body;
  const int x = body.Access(0, dtype);
  // Outside, an access gives 0: right for sums and or.
  if (access.guarded && a.kind != Combiner::kSum && a.kind != Combiner::kOr) {
    const int inside = body.InBounds(0);
    body.Op(ScalarOp::kSelect, {inside, x, Identity(body, a.kind, dtype)});
  }
  nest.def.accesses.push_back(std::move(access));
  return std::move(nest.def);
}

absl::Status CheckWindow(const WindowIndexAttrs& a, int rank) {
  if (rank == 0) return Error("a scalar has no windows");
  TENON_RETURN_IF_ERROR(CheckCount(a.window.size(), rank, "window"));
  TENON_RETURN_IF_ERROR(CheckCount(a.stride.size(), rank, "stride"));
  TENON_RETURN_IF_ERROR(CheckCount(a.dilation.size(), rank, "dilation"));
  TENON_RETURN_IF_ERROR(CheckCount(a.pad_low.size(), rank, "pad_low"));
  TENON_RETURN_IF_ERROR(CheckCount(a.pad_high.size(), rank, "pad_high"));
  int64_t positions = 1;
  for (int64_t w : a.window) {
    if (w > 0 && (__builtin_mul_overflow(positions, w, &positions) ||
                  positions > std::numeric_limits<int32_t>::max())) {
      return Error("a window has more positions than an i32 counts");
    }
  }
  return absl::OkStatus();
}

// The shape of the windows of a tensor of shape `dims`.
absl::StatusOr<Shape> WindowsOf(const Shape& dims, const WindowIndexAttrs& a) {
  TENON_RETURN_IF_ERROR(CheckWindow(a, static_cast<int>(dims.size())));
  Shape shape;
  for (size_t d = 0; d < dims.size(); ++d) {
    absl::StatusOr<Dim> extent = WindowExtent(dims[d], a.window[d], a.stride[d], a.dilation[d], 1,
                                              a.pad_low[d], a.pad_high[d]);
    if (!extent.ok()) return Error("dimension ", d, ": ", extent.status().message());
    shape.push_back(*std::move(extent));
  }
  return shape;
}

WindowIndexAttrs IndexAttrs(const WindowAttrs& a) {
  return {a.window, a.stride, a.dilation, a.pad_low, a.pad_high, {}};
}

// What a dimension of extent d takes up with gaps between its elements.
Dim Dilated(const Dim& d, int64_t dilation) {
  if (dilation == 1 || d == Dim(0)) return d;
  return (d - Dim(1)) * Dim(dilation) + Dim(1);
}

// The mirrored sum: every element collects the cotangents of the windows that it lies in, which is
// a sum over windows of the cotangents spread by the stride. Element i meets position p of window w
// where w * stride = i * base_dilation + pad_low - p * dilation.
Value SumGradient(const Value& x, const Value& g, const WindowAttrs& a) {
  WindowAttrs mirrored{Combiner::kSum, a.window, a.base_dilation, a.dilation, a.stride, {}, {}};
  Value cotangent = g;
  Shape low(x.rank(), Dim(0)), high = low;
  bool pad = false;
  for (int d = 0; d < x.rank(); ++d) {
    const int64_t span = (a.window[d] - 1) * a.dilation[d];
    const Dim dilated = Dilated(x.shape()[d], a.base_dilation[d]), windows = g.shape()[d];
    // So much on either side that the windows of the result are the elements of x.
    const int64_t below = span - a.pad_low[d];
    if (a.stride[d] > 1 && !windows.is_constant()) {
      // How many windows there are, and so how many gaps, the run decides.
      const int64_t room = std::max(span, a.pad_high[d]), before = std::max<int64_t>(below, 0);
      cotangent =
          SpreadAlong(cotangent, d, dilated + Dim(room + before - below), Dim(before), a.stride[d]);
      mirrored.base_dilation[d] = 1;
      mirrored.pad_low.push_back(below - before);
      mirrored.pad_high.push_back(span - room);
      continue;
    }
    const Dim above = dilated + Dim(span - below) - Dilated(windows, a.stride[d]);
    mirrored.pad_low.push_back(below);
    mirrored.pad_high.push_back(above.is_constant() ? above.constant() : 0);
    if (above.is_constant()) continue;
    high[d] = above;  // a window op pads by constants only
    pad = true;
  }
  if (pad) cotangent = Pad(cotangent, 0, low, high);
  return WindowReduce(cotangent, mirrored);
}

// Every position of the windows by itself: the product of the others, which zeros do not spoil, is
// what comes before it times what comes after it. Padding and gaps become ones first.
Value ProductGradient(GraphBuilder& b, const Value& x, const Value& g, const WindowAttrs& a) {
  WindowIndexAttrs attrs = IndexAttrs(a);
  Shape low, high;
  std::vector<int64_t> interior;
  int64_t positions = 1;
  for (int d = 0; d < x.rank(); ++d) {
    low.push_back(Dim(std::max<int64_t>(0, a.pad_low[d])));
    high.push_back(Dim(std::max<int64_t>(0, a.pad_high[d])));
    attrs.pad_low[d] = std::min<int64_t>(0, a.pad_low[d]);
    attrs.pad_high[d] = std::min<int64_t>(0, a.pad_high[d]);
    interior.push_back(a.base_dilation[d] - 1);
    positions *= a.window[d];
  }
  const Value padded = Pad(x, 1, low, high, interior);
  std::vector<Value> index, before, factor;
  for (int64_t p = 0; p < positions; ++p) {
    index.push_back(b.Full({DType::kI32, g.shape()}, static_cast<double>(p)));
    factor.push_back(WindowSelect(padded, index.back(), attrs));
    before.push_back(p == 0 ? g : before.back() * factor[static_cast<size_t>(p) - 1]);
  }
  WindowIndexAttrs spread = attrs;
  spread.shape = padded.shape();
  Value after, dx;
  for (size_t p = factor.size(); p-- > 0;) {
    const bool last = p + 1 == factor.size();
    const Value others = last ? before[p] : before[p] * after;
    const Value term = WindowUnselect(others, index[p], spread);
    dx = last ? term : dx + term;
    after = last ? factor[p] : after * factor[p];
  }
  Shape limit;
  for (int d = 0; d < x.rank(); ++d) {
    limit.push_back(low[d] + Dilated(x.shape()[d], a.base_dilation[d]));
  }
  return Slice(dx, low, limit, a.base_dilation);
}

Cotangents WindowReduceGradient(GradContext& c) {
  const auto& a = c.attrs<WindowAttrs>();
  const Value& x = c.operands[0];
  const Value& g = Cotangent(c);
  if (x.type().NumElements() == Dim(0)) return {Like(x, 0)};
  if (a.kind == Combiner::kSum) return {SumGradient(x, g, a)};
  if (a.kind == Combiner::kProd) return {ProductGradient(c.builder, x, g, a)};
  // min(x) = -max(-x).
  Value oriented = a.kind == Combiner::kMax ? x : -x;
  Value largest = a.kind == Combiner::kMax ? c.results[0] : -c.results[0];
  // Base dilation is a pad; the elements between neighbours are then taken out again.
  const bool dilated =
      std::any_of(a.base_dilation.begin(), a.base_dilation.end(), [](int64_t b) { return b > 1; });
  if (dilated) {
    const Shape none(x.rank(), Dim(0));
    std::vector<int64_t> interior;
    for (int64_t b : a.base_dilation) interior.push_back(b - 1);
    oriented = Pad(oriented, -std::numeric_limits<double>::infinity(), none, none, interior);
  }
  WindowIndexAttrs attrs = IndexAttrs(a);
  const Value indices = c.builder.Apply(OpCode::kWindowArgmax, attrs, {oriented, largest})[0];
  attrs.shape = oriented.shape();
  Value dx = WindowUnselect(g, indices, attrs);
  if (dilated) dx = Slice(dx, Shape(x.rank(), Dim(0)), oriented.shape(), a.base_dilation);
  return {dx};
}

}  // namespace

template <>
OpDef Define<OpCode::kWindowReduce>() {
  OpDef def{};
  def.summary =
      "x reduced over windows of shape `window`, which step by `stride`, take every `dilation`th "
      "element, and start `pad_low` before the tensor; `base_dilation` - 1 gaps lie between "
      "neighbours. Padding and gaps count as the combiner's identity. One entry a dimension.";
  def.min_operands = def.max_operands = 1;
  def.compute_class = ComputeClass::kWindow;
  def.infer = [](const InferContext& c) -> Types {
    const auto& a = c.attrs<WindowAttrs>();
    const TensorType& x = c.operands[0];
    TENON_RETURN_IF_ERROR(CheckCombiner(a.kind, x.dtype));
    TENON_RETURN_IF_ERROR(CheckWindow(IndexAttrs(a), x.rank()));
    TENON_RETURN_IF_ERROR(CheckCount(a.base_dilation.size(), x.rank(), "base_dilation"));
    TensorType result{x.dtype, {}};
    for (int d = 0; d < x.rank(); ++d) {
      absl::StatusOr<Dim> extent = WindowExtent(x.dims[d], a.window[d], a.stride[d], a.dilation[d],
                                                a.base_dilation[d], a.pad_low[d], a.pad_high[d]);
      if (!extent.ok()) return Error("dimension ", d, ": ", extent.status().message());
      result.dims.push_back(*std::move(extent));
    }
    return {{result}};
  };
  def.compute = WindowReduceNest;
  def.differentiability = Differentiability::kRule;
  def.gradient = WindowReduceGradient;
  def.gradient_note =
      "max and min give the gradient to the first element of the window that attains the result; "
      "that of prod is built of one window op a position";
  return def;
}

template <>
OpDef Define<OpCode::kWindowArgmax>() {
  OpDef def{};
  def.summary =
      "i32: the row-major position, inside each window of x, of the first element equal to y, the "
      "windows' maxima (what window_reduce max gives); NaN counts as equal to NaN. The largest i32 "
      "for a window that holds no such element.";
  def.min_operands = def.max_operands = 2;
  def.compute_class = ComputeClass::kWindow;
  def.infer = [](const InferContext& c) -> Types {
    const TensorType& x = c.operands[0];
    TENON_RETURN_IF_ERROR(CheckNumber(x.dtype));
    TENON_ASSIGN_OR_RETURN(const Shape windows, WindowsOf(x.dims, c.attrs<WindowIndexAttrs>()));
    TENON_RETURN_IF_ERROR(
        CheckSame(c.operands[1], TensorType{x.dtype, windows}, "the maxima", "the windows"));
    return {{TensorType{DType::kI32, windows}}};
  };
  def.compute = [](const OpView& v) {
    const auto& a = v.attrs<WindowIndexAttrs>();
    const DType dtype = v.operands[0].dtype;
    WindowNest nest = ReadWindows(v, Combiner::kMin);
    ScalarBody& body = nest.def.body;
    const int x = body.Access(0, dtype), largest = body.Access(1, dtype);
    int hit = body.Op(ScalarOp::kEq, {x, largest});
    if (IsFloat(dtype)) {
      const int both = body.Op(ScalarOp::kAnd, {body.Op(ScalarOp::kNe, {x, x}),
                                                body.Op(ScalarOp::kNe, {largest, largest})});
      hit = body.Op(ScalarOp::kOr, {hit, both});
    }
    if (nest.def.accesses[0].guarded) {
      hit = body.Op(ScalarOp::kAnd, {hit, body.InBounds(0)});
    }
    const int flat = FlatPosition(nest, a.window);
    const int beyond = body.Constant(DType::kI32, std::numeric_limits<int32_t>::max());
    body.Op(ScalarOp::kSelect, {hit, flat, beyond});
    return std::move(nest.def);
  };
  def.differentiability = Differentiability::kZero;
  def.gradient_note = "positions are integers";
  return def;
}

template <>
OpDef Define<OpCode::kWindowSelect>() {
  OpDef def{};
  def.summary =
      "From each window of x the element at the position that the i32 operand `indices` names (see "
      "window_argmax); 0 where the position lies outside x or the window.";
  def.min_operands = def.max_operands = 2;
  def.compute_class = ComputeClass::kWindow;
  def.infer = [](const InferContext& c) -> Types {
    const TensorType& x = c.operands[0];
    TENON_RETURN_IF_ERROR(CheckNumber(x.dtype));
    TENON_ASSIGN_OR_RETURN(const Shape windows, WindowsOf(x.dims, c.attrs<WindowIndexAttrs>()));
    TENON_RETURN_IF_ERROR(
        CheckSame(c.operands[1], TensorType{DType::kI32, windows}, "indices", "the windows"));
    return {{TensorType{x.dtype, windows}}};
  };
  def.compute = [](const OpView& v) {
    WindowNest nest = ReadWindows(v, Combiner::kSum);
    TakeNamed(nest, v.attrs<WindowIndexAttrs>().window, v.operands[0].dtype);
    return std::move(nest.def);
  };
  def.differentiability = Differentiability::kRule;
  def.gradient = [](GradContext& c) -> Cotangents {
    WindowIndexAttrs a = c.attrs<WindowIndexAttrs>();
    a.shape = c.operands[0].shape();
    return {WindowUnselect(Cotangent(c), c.operands[1], a), std::nullopt};
  };
  return def;
}

template <>
OpDef Define<OpCode::kWindowUnselect>() {
  OpDef def{};
  def.summary =
      "The transpose of window_select: a tensor of `shape` in which every element is the sum of "
      "the elements of y whose window names it by `indices`.";
  def.min_operands = def.max_operands = 2;
  def.compute_class = ComputeClass::kWindow;
  def.infer = [](const InferContext& c) -> Types {
    const auto& a = c.attrs<WindowIndexAttrs>();
    const TensorType& y = c.operands[0];
    TENON_RETURN_IF_ERROR(CheckNumber(y.dtype));
    TENON_RETURN_IF_ERROR(CheckCount(a.shape.size(), y.rank(), "shape"));
    TENON_ASSIGN_OR_RETURN(const Shape windows, WindowsOf(a.shape, a));
    TENON_RETURN_IF_ERROR(CheckSame(y, TensorType{y.dtype, windows}, "y",
                                    absl::StrCat("the windows of ", ShapeToString(a.shape))));
    TENON_RETURN_IF_ERROR(
        CheckSame(c.operands[1], TensorType{DType::kI32, windows}, "indices", "the windows"));
    return {{TensorType{y.dtype, a.shape}}};
  };
  def.compute = [](const OpView& v) {
    const auto& a = v.attrs<WindowIndexAttrs>();
    WindowNest nest = MakeNest(v.results[0].dims, a.window, Combiner::kSum);
    // Element i is position p of window (i + pad_low - p * dilation) / stride.
    for (int operand = 0; operand < 2; ++operand) {
      Access access{operand, {}};
      access.guarded = true;
      for (size_t d = 0; d < a.window.size(); ++d) {
        Affine affine = Affine::Iterator(static_cast<int>(d));
        if (nest.position[d] >= 0) affine.terms.push_back({nest.position[d], Dim(-a.dilation[d])});
        affine.offset = Dim(a.pad_low[d]);
        affine.divisor = a.stride[d];
        access.index.push_back(At(std::move(affine)));
      }
      nest.def.accesses.push_back(std::move(access));
    }
    TakeNamed(nest, a.window, v.operands[0].dtype);
    return std::move(nest.def);
  };
  def.differentiability = Differentiability::kRule;
  def.gradient = [](GradContext& c) -> Cotangents {
    WindowIndexAttrs a = c.attrs<WindowIndexAttrs>();
    a.shape.clear();
    return {WindowSelect(Cotangent(c), c.operands[1], a), std::nullopt};
  };
  return def;
}

}  // namespace tenon::ir::ops
