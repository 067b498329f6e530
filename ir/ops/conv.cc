// Convolution over 1 to 3 spatial dimensions, and the two bilinear forms that are its transposes:
//
//   conv            y = x * f      x [batch, in..., channels], f [window..., channels/groups, out]
//   conv_transpose  x = y *' f     what conv does, transposed with respect to x
//   conv_filter     f = x *'' y    the same with respect to f
//
// Each one's gradients are the other two. Element `o` of y along a spatial dimension meets element
// o * stride + k * dilation - pad_low of x at position k of the filter. With groups, the channels
// split: input group g meets output group g only.
#include "tenon/ir/ops/common.h"

namespace tenon::ir::ops {
namespace {

// The shapes of the three tensors of a convolution, which must fit each other.
struct ConvShapes {
  Shape x, filter, y;
};

absl::Status CheckAttrs(const ConvAttrs& a, int rank) {
  if (rank < 3 || rank > 5) {
    return Error("rank ", rank,
                 "; a convolution has 1 to 3 spatial dimensions beside batch and "
                 "channels");
  }
  TENON_RETURN_IF_ERROR(CheckCount(a.stride.size(), rank - 2, "stride"));
  TENON_RETURN_IF_ERROR(CheckCount(a.dilation.size(), rank - 2, "dilation"));
  TENON_RETURN_IF_ERROR(CheckCount(a.pad_low.size(), rank - 2, "pad_low"));
  TENON_RETURN_IF_ERROR(CheckCount(a.pad_high.size(), rank - 2, "pad_high"));
  if (a.groups < 1) return Error("groups is ", a.groups);
  return absl::OkStatus();
}

// The shape of y for x and filter.
absl::StatusOr<Shape> OutputShape(const Shape& x, const Shape& filter, const ConvAttrs& a) {
  const int rank = static_cast<int>(x.size());
  TENON_RETURN_IF_ERROR(CheckAttrs(a, rank));
  if (filter.size() != x.size()) {
    return Error("the input's shape is ", ShapeToString(x), " and the filter's ",
                 ShapeToString(filter), ": the ranks differ");
  }
  if (!(filter[rank - 2] * Dim(a.groups) == x[rank - 1])) {
    return Error("the input has ", x[rank - 1].ToString(), " channels and the filter ",
                 filter[rank - 2].ToString(), " in each of ", a.groups, " groups");
  }
  if (!ExactDiv(filter[rank - 1], Dim(a.groups))) {
    return Error(filter[rank - 1].ToString(), " output channels do not split into ", a.groups,
                 " groups");
  }
  Shape y = {x[0]};
  for (int d = 0; d < rank - 2; ++d) {
    if (!filter[d].is_constant()) {
      return Error("spatial extent ", filter[d].ToString(), " of the filter is not constant");
    }
    absl::StatusOr<Dim> extent = WindowExtent(x[d + 1], filter[d].constant(), a.stride[d],
                                              a.dilation[d], 1, a.pad_low[d], a.pad_high[d]);
    if (!extent.ok()) return Error("spatial dimension ", d, ": ", extent.status().message());
    y.push_back(*std::move(extent));
  }
  y.push_back(filter[rank - 1]);
  return y;
}

absl::Status CheckDTypes(const InferContext& c) {
  if (c.operands[0].dtype != c.operands[1].dtype) {
    return Error("the element types differ: ", DTypeName(c.operands[0].dtype), " and ",
                 DTypeName(c.operands[1].dtype));
  }
  return CheckNumber(c.operands[0].dtype);
}

// The domain under construction: dimensions get their iterators one after the other.
class Nest {
 public:
  int Add(const Dim& extent) {
    def_.domain.push_back(extent);
    return static_cast<int>(def_.domain.size()) - 1;
  }
  std::vector<int> AddAll(const Shape& shape, int first, int count) {
    std::vector<int> iterators;
    for (int i = 0; i < count; ++i) iterators.push_back(Add(shape[first + i]));
    return iterators;
  }
  // A channel dimension split into groups, as two iterators; one without groups (first -1).
  std::pair<int, int> AddChannels(const Dim& channels, int64_t groups) {
    if (groups == 1) return {-1, Add(channels)};
    const int group = Add(Dim(groups));
    return {group, Add(*ExactDiv(channels, Dim(groups)))};
  }
  void EndParallel() { def_.num_parallel = static_cast<int>(def_.domain.size()); }

  // group * per_group + channel.
  static Index Channel(int group, int channel, const Dim& per_group) {
    Affine affine;
    if (group >= 0) affine.terms.push_back({group, per_group});
    affine.terms.push_back({channel, Dim(1)});
    return At(std::move(affine));
  }

  ComputeDef Finish(DType dtype, std::vector<Index> first, bool guard_first,
                    std::vector<Index> second, bool guard_second) {
    def_.compute_class = ComputeClass::kContract;
    def_.combiner = Combiner::kSum;
    def_.accesses.push_back({0, std::move(first), guard_first});
    def_.accesses.push_back({1, std::move(second), guard_second});
    int a = def_.body.Access(0, dtype), b = def_.body.Access(1, dtype);
    if (ComputeType(dtype) != dtype) {
      a = def_.body.Cast(ComputeType(dtype), a);
      b = def_.body.Cast(ComputeType(dtype), b);
    }
    def_.body.Op(ScalarOp::kMul, {a, b});
    return std::move(def_);
  }

 private:
  ComputeDef def_;
};

// The place in x that output o meets at filter position k.
Index InputPlace(int o, int k, int d, const ConvAttrs& a) {
  Affine affine;
  affine.terms.push_back({o, Dim(a.stride[d])});
  affine.terms.push_back({k, Dim(a.dilation[d])});
  affine.offset = Dim(-a.pad_low[d]);
  return At(std::move(affine));
}

bool IsPadded(const ConvAttrs& a) {
  for (size_t d = 0; d < a.pad_low.size(); ++d) {
    if (a.pad_low[d] > 0 || a.pad_high[d] > 0) return true;
  }
  return false;
}

ComputeDef ConvNest(const OpView& v) {
  const auto& a = v.attrs<ConvAttrs>();
  const Shape &filter = v.operands[1].dims, &y = v.results[0].dims;
  const int spatial = static_cast<int>(y.size()) - 2;
  Nest nest;
  const int batch = nest.Add(y[0]);
  const std::vector<int> o = nest.AddAll(y, 1, spatial);
  const auto [group, out] = nest.AddChannels(y[spatial + 1], a.groups);
  nest.EndParallel();
  const std::vector<int> k = nest.AddAll(filter, 0, spatial);
  const int in = nest.Add(filter[spatial]);
  std::vector<Index> x = {At(Affine::Iterator(batch))}, f;
  for (int d = 0; d < spatial; ++d) {
    x.push_back(InputPlace(o[d], k[d], d, a));
    f.push_back(At(Affine::Iterator(k[d])));
  }
  x.push_back(Nest::Channel(group, in, filter[spatial]));
  f.push_back(At(Affine::Iterator(in)));
  f.push_back(Nest::Channel(group, out, *ExactDiv(y[spatial + 1], Dim(a.groups))));
  return nest.Finish(v.operands[0].dtype, std::move(x), IsPadded(a), std::move(f), false);
}

ComputeDef TransposeNest(const OpView& v) {
  const auto& a = v.attrs<ConvAttrs>();
  const Shape &filter = v.operands[1].dims, &x = v.results[0].dims;
  const int spatial = static_cast<int>(x.size()) - 2;
  const Dim out_per_group = *ExactDiv(filter[spatial + 1], Dim(a.groups));
  Nest nest;
  const int batch = nest.Add(x[0]);
  const std::vector<int> i = nest.AddAll(x, 1, spatial);
  const auto [group, in] = nest.AddChannels(x[spatial + 1], a.groups);
  nest.EndParallel();
  const std::vector<int> k = nest.AddAll(filter, 0, spatial);
  const int out = nest.Add(out_per_group);
  std::vector<Index> y = {At(Affine::Iterator(batch))}, f;
  for (int d = 0; d < spatial; ++d) {
    // The output that meets element i at position k, where the division leaves no rest.
    Affine affine = Affine::Iterator(i[d]);
    affine.terms.push_back({k[d], Dim(-a.dilation[d])});
    affine.offset = Dim(a.pad_low[d]);
    affine.divisor = a.stride[d];
    y.push_back(At(std::move(affine)));
    f.push_back(At(Affine::Iterator(k[d])));
  }
  y.push_back(Nest::Channel(group, out, out_per_group));
  f.push_back(At(Affine::Iterator(in)));
  f.push_back(Nest::Channel(group, out, out_per_group));
  return nest.Finish(v.operands[0].dtype, std::move(y), true, std::move(f), false);
}

ComputeDef FilterNest(const OpView& v) {
  const auto& a = v.attrs<ConvAttrs>();
  const Shape &y = v.operands[1].dims, &filter = v.results[0].dims;
  const int spatial = static_cast<int>(y.size()) - 2;
  Nest nest;
  const std::vector<int> k = nest.AddAll(filter, 0, spatial);
  const int in = nest.Add(filter[spatial]);
  const auto [group, out] = nest.AddChannels(filter[spatial + 1], a.groups);
  nest.EndParallel();
  const int batch = nest.Add(y[0]);
  const std::vector<int> o = nest.AddAll(y, 1, spatial);
  std::vector<Index> x = {At(Affine::Iterator(batch))}, g = {At(Affine::Iterator(batch))};
  for (int d = 0; d < spatial; ++d) {
    x.push_back(InputPlace(o[d], k[d], d, a));
    g.push_back(At(Affine::Iterator(o[d])));
  }
  x.push_back(Nest::Channel(group, in, filter[spatial]));
  g.push_back(Nest::Channel(group, out, *ExactDiv(filter[spatial + 1], Dim(a.groups))));
  return nest.Finish(v.operands[0].dtype, std::move(x), IsPadded(a), std::move(g), false);
}

ConvAttrs WithShape(const ConvAttrs& a, const Shape& shape) {
  ConvAttrs copy = a;
  copy.shape = shape;
  copy.wide = false;
  return copy;
}

OpDef Bilinear(absl::string_view summary) {
  OpDef def{};
  def.summary = summary;
  def.min_operands = def.max_operands = 2;
  def.compute_class = ComputeClass::kContract;
  def.differentiability = Differentiability::kRule;
  return def;
}

}  // namespace

template <>
OpDef Define<OpCode::kConv>() {
  OpDef def = Bilinear(
      "The convolution (correlation: the filter is not turned) of x [batch, spatial..., channels] "
      "with a filter [spatial..., channels / groups, out], over 1 to 3 spatial dimensions, with "
      "stride, dilation, zero padding and groups: [batch, spatial..., out]. bf16 and f16 "
      "accumulate in f32 and round once; with `wide` the result is f32.");
  def.infer = [](const InferContext& c) -> Types {
    TENON_RETURN_IF_ERROR(CheckDTypes(c));
    const auto& a = c.attrs<ConvAttrs>();
    if (!a.shape.empty()) return Error("conv takes no shape");
    TENON_ASSIGN_OR_RETURN(Shape y, OutputShape(c.operands[0].dims, c.operands[1].dims, a));
    return {{TensorType{SumType(c.operands[0].dtype, a.wide), std::move(y)}}};
  };
  def.compute = ConvNest;
  def.gradient = [](GradContext& c) -> Cotangents {
    const auto& a = c.attrs<ConvAttrs>();
    const Value &x = c.operands[0], &f = c.operands[1];
    Cotangents out(2);
    if (c.needed[0]) out[0] = ConvTranspose(NarrowCotangent(c), f, WithShape(a, x.shape()));
    if (c.needed[1]) out[1] = ConvFilter(x, NarrowCotangent(c), WithShape(a, f.shape()));
    return out;
  };
  return def;
}

template <>
OpDef Define<OpCode::kConvTranspose>() {
  OpDef def = Bilinear(
      "The transpose of conv with respect to its input: from y [batch, spatial..., out] and the "
      "filter [spatial..., channels / groups, out] to `shape`, the shape of an input that conv "
      "would take to that of y. Also known as deconvolution.");
  def.infer = [](const InferContext& c) -> Types {
    TENON_RETURN_IF_ERROR(CheckDTypes(c));
    const auto& a = c.attrs<ConvAttrs>();
    TENON_ASSIGN_OR_RETURN(Shape y, OutputShape(a.shape, c.operands[1].dims, a));
    TENON_RETURN_IF_ERROR(CheckSame(c.operands[0], TensorType{c.operands[0].dtype, std::move(y)},
                                    "y",
                                    absl::StrCat("the convolution of ", ShapeToString(a.shape))));
    return {{TensorType{SumType(c.operands[0].dtype, a.wide), a.shape}}};
  };
  def.compute = TransposeNest;
  def.gradient = [](GradContext& c) -> Cotangents {
    const auto& a = c.attrs<ConvAttrs>();
    const Value &y = c.operands[0], &f = c.operands[1];
    Cotangents out(2);
    if (c.needed[0]) out[0] = Conv(NarrowCotangent(c), f, WithShape(a, {}));
    if (c.needed[1]) out[1] = ConvFilter(NarrowCotangent(c), y, WithShape(a, f.shape()));
    return out;
  };
  return def;
}

template <>
OpDef Define<OpCode::kConvFilter>() {
  OpDef def = Bilinear(
      "The transpose of conv with respect to its filter: from x [batch, spatial..., channels] and "
      "y "
      "[batch, spatial..., out] to `shape`, the shape of a filter under which conv would take the "
      "shape of x to that of y.");
  def.infer = [](const InferContext& c) -> Types {
    TENON_RETURN_IF_ERROR(CheckDTypes(c));
    const auto& a = c.attrs<ConvAttrs>();
    TENON_ASSIGN_OR_RETURN(Shape y, OutputShape(c.operands[0].dims, a.shape, a));
    TENON_RETURN_IF_ERROR(
        CheckSame(c.operands[1], TensorType{c.operands[1].dtype, std::move(y)}, "y",
                  absl::StrCat("the convolution with a filter ", ShapeToString(a.shape))));
    return {{TensorType{SumType(c.operands[0].dtype, a.wide), a.shape}}};
  };
  def.compute = FilterNest;
  def.gradient = [](GradContext& c) -> Cotangents {
    const auto& a = c.attrs<ConvAttrs>();
    const Value &x = c.operands[0], &y = c.operands[1];
    Cotangents out(2);
    if (c.needed[0]) out[0] = ConvTranspose(y, NarrowCotangent(c), WithShape(a, x.shape()));
    if (c.needed[1]) out[1] = Conv(x, NarrowCotangent(c), WithShape(a, {}));
    return out;
  };
  return def;
}

}  // namespace tenon::ir::ops
