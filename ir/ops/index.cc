// Ops whose places are data: gather, scatter, dynamic slices, sorting.
#include <numeric>

#include "tenon/ir/ops/common.h"

namespace tenon::ir::ops {
namespace {

OpDef Indexed(absl::string_view summary, int min_operands, int max_operands) {
  OpDef def{};
  def.summary = summary;
  def.min_operands = min_operands;
  def.max_operands = max_operands;
  def.compute_class = ComputeClass::kMap;
  def.differentiability = Differentiability::kRule;
  return def;
}

// The shape that gather gives, and that scatter's updates have.
absl::StatusOr<Shape> GatheredShape(const TensorType& x, const TensorType& indices, int64_t axis,
                                    int64_t batch_dims) {
  if (!IsInteger(indices.dtype)) return Error("indices are ", DTypeName(indices.dtype));
  TENON_RETURN_IF_ERROR(CheckAxis(axis, x.rank(), "axis"));
  if (batch_dims < 0 || batch_dims > axis || batch_dims > indices.rank()) {
    return Error("batch_dims ", batch_dims, " is out of range: axis ", axis, ", indices ",
                 indices.ToString());
  }
  for (int64_t d = 0; d < batch_dims; ++d) {
    if (!(x.dims[d] == indices.dims[d])) {
      return Error("batch dimension ", d, " is ", x.dims[d].ToString(), " in ", x.ToString(),
                   " and ", indices.dims[d].ToString(), " in ", indices.ToString());
    }
  }
  Shape shape(x.dims.begin(), x.dims.begin() + axis);
  shape.insert(shape.end(), indices.dims.begin() + batch_dims, indices.dims.end());
  shape.insert(shape.end(), x.dims.begin() + axis + 1, x.dims.end());
  return shape;
}

absl::Status CheckStart(const TensorType& start, size_t i) {
  if (start == TensorType{DType::kI64, {}}) return absl::OkStatus();
  return Error("start ", i, " is ", start.ToString(), "; i64[] is needed");
}

// The accesses of `count` scalar operands from `first` on, which others add to their indices.
void ReadStarts(ComputeDef& def, int first, int count) {
  for (int i = 0; i < count; ++i) def.accesses.push_back({first + i, {}});
}

}  // namespace

// --- Gather
// ----------------------------------------------------------------------------------------

template <>
OpDef Define<OpCode::kGather>() {
  OpDef def = Indexed(
      "The slices of x along `axis` that the integer operand `indices` names. The first batch_dims "
      "dimensions of both coincide; the shape is x's with `axis` replaced by the remaining "
      "dimensions of indices. An index outside 0 to extent - 1 is a fault of the run.",
      2, 2);
  def.infer = [](const InferContext& c) -> Types {
    const auto& a = c.attrs<GatherAttrs>();
    TENON_ASSIGN_OR_RETURN(Shape shape,
                           GatheredShape(c.operands[0], c.operands[1], a.axis, a.batch_dims));
    return {{TensorType{c.operands[0].dtype, std::move(shape)}}};
  };
  def.compute = [](const OpView& v) {
    const auto& a = v.attrs<GatherAttrs>();
    const int free = v.operands[1].rank() - static_cast<int>(a.batch_dims);
    ComputeDef def;
    def.domain = v.results[0].dims;
    def.num_parallel = v.results[0].rank();
    Access indices{1, Iterators(static_cast<int>(a.batch_dims))};
    for (Index& i : Iterators(free, static_cast<int>(a.axis))) {
      indices.index.push_back(std::move(i));
    }
    Access x{0, Iterators(static_cast<int>(a.axis))};
    Index chosen = At(Affine::Constant(Dim(0)));
    chosen.indirect = 0;
    x.index.push_back(std::move(chosen));
    const int rest = v.operands[0].rank() - static_cast<int>(a.axis) - 1;
    for (Index& i : Iterators(rest, static_cast<int>(a.axis) + free)) {
      x.index.push_back(std::move(i));
    }
    def.accesses.push_back(std::move(indices));
    def.accesses.push_back(std::move(x));
    def.body.Access(1, v.operands[0].dtype);
    return def;
  };
  def.gradient = [](GradContext& c) -> Cotangents {
    const auto& a = c.attrs<GatherAttrs>();
    Cotangents out(2);
    out[0] = Scatter(ScatterKind::kAdd, Like(c.operands[0], 0), c.operands[1], Cotangent(c), a.axis,
                     a.batch_dims);
    return out;
  };
  return def;
}

// --- Scatter
// ---------------------------------------------------------------------------------------

namespace {

// Which updates a `set` keeps: of several to one place, the last. Each update writes its number,
// and keeps its place if it reads it back.
Value Survives(const Value& x, const Value& indices, const Value& updates, const ScatterAttrs& a) {
  GraphBuilder& b = *x.builder();
  const Shape places(indices.shape().begin() + a.batch_dims, indices.shape().end());
  const Value flat = Reshape(b.Iota({DType::kI64, {Product(places)}}, 0), places);
  std::vector<int64_t> axes(places.size());
  std::iota(axes.begin(), axes.end(), a.axis);
  const Value number = Broadcast(flat, updates.shape(), axes);
  const Value written = Scatter(ScatterKind::kSet, b.Full({DType::kI64, x.shape()}, -1), indices,
                                number, a.axis, a.batch_dims);
  return Eq(Gather(written, indices, a.axis, a.batch_dims), number);
}

Cotangents ScatterGradient(GradContext& c) {
  const auto& a = c.attrs<ScatterAttrs>();
  const Value &x = c.operands[0], &indices = c.operands[1], &updates = c.operands[2];
  const Value& g = Cotangent(c);
  Cotangents out(3);
  const Value gathered = Gather(g, indices, a.axis, a.batch_dims);
  switch (a.kind) {
    case ScatterKind::kAdd:
      out[0] = g;
      out[2] = gathered;
      break;
    case ScatterKind::kSet:
      if (c.needed[0]) {
        out[0] = Scatter(ScatterKind::kSet, g, indices, Like(updates, 0), a.axis, a.batch_dims);
      }
      if (c.needed[2]) out[2] = Select(Survives(x, indices, updates, a), gathered, 0);
      break;
    case ScatterKind::kMax:
    case ScatterKind::kMin: {
      const Value& y = c.results[0];
      const Value keeps = Eq(x, y);
      const Value wins = Eq(updates, Gather(y, indices, a.axis, a.batch_dims));
      const Value count = Scatter(ScatterKind::kAdd, Cast(keeps, x.dtype()), indices,
                                  Cast(wins, x.dtype()), a.axis, a.batch_dims);
      const Value share = g / count;
      out[0] = Select(keeps, share, 0);
      out[2] = Select(wins, Gather(share, indices, a.axis, a.batch_dims), 0);
      break;
    }
  }
  return out;
}

}  // namespace

template <>
OpDef Define<OpCode::kScatter>() {
  OpDef def = Indexed(
      "x with `updates` written into (set), added to, or combined by max or min with the slices "
      "along `axis` that the integer operand `indices` names; updates have the shape that gather "
      "would give. In row-major order of the updates, so of several sets to one place the last "
      "stays. An index outside 0 to extent - 1 is a fault of the run.",
      3, 3);
  def.compute_class = ComputeClass::kScatter;
  def.infer = [](const InferContext& c) -> Types {
    const auto& a = c.attrs<ScatterAttrs>();
    const TensorType& x = c.operands[0];
    TENON_ASSIGN_OR_RETURN(Shape shape, GatheredShape(x, c.operands[1], a.axis, a.batch_dims));
    TENON_RETURN_IF_ERROR(CheckSame(c.operands[2], TensorType{x.dtype, std::move(shape)}, "updates",
                                    "the gathered slices"));
    if (a.kind != ScatterKind::kSet) TENON_RETURN_IF_ERROR(CheckNumber(x.dtype));
    return {{x}};
  };
  def.gradient = ScatterGradient;
  def.gradient_note =
      "max and min share the gradient equally among the values that attain the result; of several "
      "sets to one place only the last gets it";
  return def;
}

// --- Dynamic slice and update
// ----------------------------------------------------------------------

namespace {

Types InferDynamicSlice(const InferContext& c) {
  const TensorType& x = c.operands[0];
  const Shape& sizes = c.attrs<DynamicSliceAttrs>().sizes;
  TENON_RETURN_IF_ERROR(CheckCount(sizes.size(), x.rank(), "sizes"));
  TENON_RETURN_IF_ERROR(CheckCount(c.operands.size() - 1, x.rank(), "the list of starts"));
  for (int d = 0; d < x.rank(); ++d) {
    TENON_RETURN_IF_ERROR(CheckStart(c.operands[d + 1], d));
    if (!NeverNegative(sizes[d]) || !NeverNegative(x.dims[d] - sizes[d])) {
      return Error("size ", sizes[d].ToString(), " does not always fit dimension ", d,
                   " of extent ", x.dims[d].ToString());
    }
  }
  return {{TensorType{x.dtype, sizes}}};
}

Types InferDynamicUpdate(const InferContext& c) {
  const TensorType &x = c.operands[0], &update = c.operands[1];
  if (update.dtype != x.dtype || update.rank() != x.rank()) {
    return Error("the update is ", update.ToString(), " for ", x.ToString(),
                 ": element type and rank must be equal");
  }
  TENON_RETURN_IF_ERROR(CheckCount(c.operands.size() - 2, x.rank(), "the list of starts"));
  for (int d = 0; d < x.rank(); ++d) {
    TENON_RETURN_IF_ERROR(CheckStart(c.operands[d + 2], d));
    if (!NeverNegative(x.dims[d] - update.dims[d])) {
      return Error("the update's extent ", update.dims[d].ToString(),
                   " does not always fit dimension ", d, " of extent ", x.dims[d].ToString());
    }
  }
  return {{x}};
}

// The index of a dynamic slice along dimension d: iterator d plus or minus the clamped start that
// access d reads.
Index Offset(int d, int sign, const Dim& room) {
  Index index = At(Affine::Iterator(d));
  index.indirect = d;
  index.indirect_sign = sign;
  index.clamp = true;
  index.clamp_max = room;
  return index;
}

std::vector<Value> Starts(const GradContext& c, int first) {
  return {c.operands.begin() + first, c.operands.end()};
}

}  // namespace

template <>
OpDef Define<OpCode::kDynamicSlice>() {
  OpDef def = Indexed(
      "The part of x of shape `sizes` that begins at the starts, one i64 scalar a dimension, each "
      "clamped so that the part lies inside x.",
      1, 1 + kMaxRank);
  def.infer = InferDynamicSlice;
  def.compute = [](const OpView& v) {
    const TensorType &x = v.operands[0], &y = v.results[0];
    ComputeDef def;
    def.domain = y.dims;
    def.num_parallel = y.rank();
    ReadStarts(def, 1, x.rank());
    Access access{0, {}};
    for (int d = 0; d < x.rank(); ++d) access.index.push_back(Offset(d, 1, x.dims[d] - y.dims[d]));
    def.accesses.push_back(std::move(access));
    def.body.Access(x.rank(), x.dtype);
    return def;
  };
  def.gradient = [](GradContext& c) -> Cotangents {
    Cotangents out(c.operands.size());
    out[0] = DynamicUpdate(Like(c.operands[0], 0), Cotangent(c), Starts(c, 1));
    return out;
  };
  return def;
}

template <>
OpDef Define<OpCode::kDynamicUpdate>() {
  OpDef def = Indexed(
      "x with `update`, of the same rank, written over the part that begins at the starts, one i64 "
      "scalar a dimension, each clamped so that the part lies inside x.",
      2, 2 + kMaxRank);
  def.infer = InferDynamicUpdate;
  def.compute = [](const OpView& v) {
    const TensorType &x = v.operands[0], &update = v.operands[1];
    ComputeDef def;
    def.domain = x.dims;
    def.num_parallel = x.rank();
    ReadStarts(def, 2, x.rank());
    Access whole{0, Iterators(x.rank())}, part{1, {}};
    part.guarded = true;
    for (int d = 0; d < x.rank(); ++d) {
      part.index.push_back(Offset(d, -1, x.dims[d] - update.dims[d]));
    }
    def.accesses.push_back(std::move(whole));
    def.accesses.push_back(std::move(part));
    const int old = def.body.Access(x.rank(), x.dtype);
    const int fresh = def.body.Access(x.rank() + 1, x.dtype);
    def.body.Op(ScalarOp::kSelect, {def.body.InBounds(x.rank() + 1), fresh, old});
    return def;
  };
  def.gradient = [](GradContext& c) -> Cotangents {
    Cotangents out(c.operands.size());
    const Value &g = Cotangent(c), &update = c.operands[1];
    if (c.needed[0]) out[0] = DynamicUpdate(g, Like(update, 0), Starts(c, 2));
    if (c.needed[1]) out[1] = DynamicSlice(g, Starts(c, 2), update.shape());
    return out;
  };
  return def;
}

// --- Sort
// ------------------------------------------------------------------------------------------

namespace {

// dx[permutation[i]] = g[i] along the axis, where the permutation is what sorting an iota along
// with the keys gives.
Cotangents SortGradient(GradContext& c) {
  const auto& a = c.attrs<SortAttrs>();
  const Value& keys = c.operands[0];
  GraphBuilder& b = c.builder;
  const Value index = b.Iota({DType::kI64, keys.shape()}, a.axis);
  const Value order = Sort({keys, index}, a.axis, a.descending)[1];
  const int last = keys.rank() - 1;
  std::vector<int64_t> swap(keys.rank());  // its own inverse: the axis trades places with the last
  std::iota(swap.begin(), swap.end(), 0);
  std::swap(swap[a.axis], swap[last]);
  const Value places = Transpose(order, swap);
  Cotangents out;
  for (size_t i = 0; i < c.operands.size(); ++i) {
    out.push_back(std::nullopt);
    if (!c.needed[i] || !c.cotangents[i] || !IsFloat(c.operands[i].dtype())) continue;
    const Value g = Transpose(*c.cotangents[i], swap);
    out.back() = Transpose(Scatter(ScatterKind::kAdd, Like(g, 0), places, g, last, last), swap);
  }
  return out;
}

}  // namespace

template <>
OpDef Define<OpCode::kSort>() {
  OpDef def = Indexed(
      "The operands, all of one shape, rearranged along `axis` so that operand 0 ascends (or "
      "descends); the others move with it. Stable; NaN counts as the largest, and -0 equals 0.",
      1, -1);
  def.compute_class = ComputeClass::kSort;
  def.infer = [](const InferContext& c) -> Types {
    const TensorType& keys = c.operands[0];
    TENON_RETURN_IF_ERROR(CheckAxis(c.attrs<SortAttrs>().axis, keys.rank(), "axis"));
    for (size_t i = 1; i < c.operands.size(); ++i) {
      TENON_RETURN_IF_ERROR(CheckSame(TensorType{keys.dtype, c.operands[i].dims}, keys,
                                      absl::StrCat("operand ", i, " (as to shape)"), "operand 0"));
    }
    return std::vector<TensorType>(c.operands.begin(), c.operands.end());
  };
  def.gradient = SortGradient;
  def.gradient_note = "where keys are equal, that of the order which the stable sort chose";
  return def;
}

}  // namespace tenon::ir::ops
