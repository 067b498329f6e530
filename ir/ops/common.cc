#include "tenon/ir/ops/common.h"

#include <algorithm>

namespace tenon::ir::ops {

// --- Checks
// ----------------------------------------------------------------------------------------

absl::Status CheckAxis(int64_t axis, int rank, absl::string_view what) {
  if (axis >= 0 && axis < rank) return absl::OkStatus();
  return Error(what, " ", axis, " is out of range for rank ", rank);
}

absl::Status CheckAxes(const std::vector<int64_t>& axes, int rank) {
  for (size_t i = 0; i < axes.size(); ++i) {
    TENON_RETURN_IF_ERROR(CheckAxis(axes[i], rank, "axis"));
    if (i > 0 && axes[i] == axes[i - 1]) return Error("axis ", axes[i], " is named twice");
    if (i > 0 && axes[i] < axes[i - 1]) return Error("the axes are not sorted");
  }
  return absl::OkStatus();
}

absl::Status CheckCount(size_t count, int rank, absl::string_view what) {
  if (static_cast<int>(count) == rank) return absl::OkStatus();
  return Error(what, " has ", count, " entries where ", rank, " are needed, one a dimension");
}

absl::Status CheckFloat(DType dtype) {
  if (IsFloat(dtype)) return absl::OkStatus();
  return Error("a floating-point type is needed, not ", DTypeName(dtype));
}

absl::Status CheckNumber(DType dtype) {
  if (dtype != DType::kBool) return absl::OkStatus();
  return Error("numbers are needed, not bool");
}

absl::Status CheckSame(const TensorType& a, const TensorType& b, absl::string_view what_a,
                       absl::string_view what_b) {
  if (a.dtype != b.dtype) {
    return Error(what_a, " is ", a.ToString(), " and ", what_b, " ", b.ToString(),
                 ": the element types differ");
  }
  if (a.rank() != b.rank()) {
    return Error(what_a, " is ", a.ToString(), " and ", what_b, " ", b.ToString(),
                 ": the ranks differ");
  }
  for (int i = 0; i < a.rank(); ++i) {
    if (!(a.dims[i] == b.dims[i])) {
      return Error(what_a, " is ", a.ToString(), " and ", what_b, " ", b.ToString(),
                   ": they differ in dimension ", i, ", ", a.dims[i].ToString(), " against ",
                   b.dims[i].ToString());
    }
  }
  return absl::OkStatus();
}

absl::Status CheckCombiner(Combiner combiner, DType dtype) {
  switch (combiner) {
    case Combiner::kNone:
      return Error("the kind of reduction is missing");
    case Combiner::kSum:
    case Combiner::kProd:
    case Combiner::kMax:
    case Combiner::kMin:
      if (dtype == DType::kBool) return Error(CombinerName(combiner), " of bool");
      return absl::OkStatus();
    case Combiner::kAnd:
    case Combiner::kOr:
      if (dtype != DType::kBool) {
        return Error(CombinerName(combiner), " reduces bool, not ", DTypeName(dtype));
      }
      return absl::OkStatus();
  }
  return Error("unknown kind of reduction");
}

bool NeverNegative(const Dim& d) {
  const std::optional<int64_t> low = d.LowerBound();
  return low && *low >= 0;
}

absl::StatusOr<Dim> WindowExtent(const Dim& extent, int64_t window, int64_t stride,
                                 int64_t dilation, int64_t base_dilation, int64_t pad_low,
                                 int64_t pad_high) {
  if (window < 1) return Error("window ", window, " is below 1");
  if (stride < 1) return Error("stride ", stride, " is below 1");
  if (dilation < 1) return Error("dilation ", dilation, " is below 1");
  if (base_dilation < 1) return Error("base dilation ", base_dilation, " is below 1");
  int64_t span, padding;
  if (__builtin_mul_overflow(window - 1, dilation, &span) ||
      __builtin_add_overflow(span, int64_t{1}, &span) ||
      __builtin_add_overflow(pad_low, pad_high, &padding)) {
    return Error("the span of window ", window, " at dilation ", dilation, " overflows");
  }
  Dim padded = extent;
  if (base_dilation > 1) {
    if (!extent.is_constant() && extent.LowerBound().value_or(0) < 1) {
      return Error("extent ", extent.ToString(), " may be 0, and then has no dilated form");
    }
    if (!(extent == Dim(0))) padded = (extent - Dim(1)) * Dim(base_dilation) + Dim(1);
  }
  padded = padded + Dim(padding);
  const Dim result = FloorDiv(padded - Dim(span), stride) + Dim(1);
  if (result.is_constant() && extent.is_constant()) {
    if (padded.constant() >= span) return result;
    if (extent.constant() == 0) return Dim(0);
    return Error("a window that spans ", span, " does not fit the padded extent ",
                 padded.constant());
  }
  if (!NeverNegative(result)) {
    return Error("a window that spans ", span, " may not fit the padded extent ",
                 padded.ToString());
  }
  return result;
}

// --- Loop nests
// ------------------------------------------------------------------------------------

Index At(Affine affine) {
  Index index;
  index.affine = std::move(affine);
  return index;
}

std::vector<Index> Iterators(int count, int first) {
  std::vector<Index> indices;
  for (int i = 0; i < count; ++i) indices.push_back(At(Affine::Iterator(first + i)));
  return indices;
}

ComputeDef ElementwiseNest(const OpView& view) {
  ComputeDef def;
  def.domain = view.results[0].dims;
  def.num_parallel = view.results[0].rank();
  for (size_t i = 0; i < view.operands.size(); ++i) {
    def.accesses.push_back({static_cast<int>(i), Iterators(def.num_parallel)});
    def.body.Access(static_cast<int>(i), view.operands[i].dtype);
  }
  return def;
}

// --- Gradients
// -------------------------------------------------------------------------------------

Value Like(const Value& like, double value) { return like.builder()->Full(like.type(), value); }

Value CountAlong(GraphBuilder& b, const TensorType& type, const std::vector<int64_t>& axes) {
  Dim count(1);
  for (int64_t axis : axes) count = count * type.dims[axis];
  return b.Extent(count, type.dtype);
}

Value SpreadOver(const Value& y, const Shape& shape, const std::vector<int64_t>& axes) {
  std::vector<int64_t> kept;
  for (int64_t i = 0; i < static_cast<int64_t>(shape.size()); ++i) {
    if (std::find(axes.begin(), axes.end(), i) == axes.end()) kept.push_back(i);
  }
  return Broadcast(y, shape, kept);
}

Value SpreadAlong(const Value& g, int64_t d, const Dim& extent, const Dim& start, int64_t stride) {
  GraphBuilder& b = *g.builder();
  TensorType whole = g.type();
  whole.dims[d] = extent;
  const Value places = b.Iota({DType::kI64, {g.shape()[d]}}, 0) * static_cast<double>(stride) +
                       b.Extent(start, DType::kI64);
  return Scatter(ScatterKind::kAdd, b.Full(whole, 0), places, g, d);
}

OpDef Elementwise(absl::string_view summary, int operands, Types (*infer)(const InferContext&),
                  ComputeDef (*compute)(const OpView&)) {
  OpDef def{};
  def.summary = summary;
  def.min_operands = def.max_operands = operands;
  def.compute_class = ComputeClass::kMap;
  def.infer = infer;
  def.compute = compute;
  return def;
}

OpDef WithGradient(OpDef def, GradientRule rule, absl::string_view note) {
  def.differentiability = Differentiability::kRule;
  def.gradient = rule;
  def.gradient_note = note;
  return def;
}

OpDef WithZeroGradient(OpDef def, absl::string_view note) {
  def.differentiability = Differentiability::kZero;
  def.gradient_note = note;
  return def;
}

}  // namespace tenon::ir::ops
