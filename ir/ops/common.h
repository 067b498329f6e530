// What the op definitions of this folder share: the declarations of all of them, and the checks,
// loop nests and gradient idioms that several use.
#ifndef TENON_IR_OPS_COMMON_H_
#define TENON_IR_OPS_COMMON_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "tenon/ir/builder.h"
#include "tenon/ir/check.h"
#include "tenon/ir/op.h"

namespace tenon::ir::ops {

// The definition of one op; a specialisation for every row of ops.def.
template <OpCode op>
OpDef Define();
#define TENON_OP(enumerator, spelling, attrs) \
  template <>                                 \
  OpDef Define<OpCode::enumerator>();
#include "tenon/ir/ops.def"

using Types = absl::StatusOr<std::vector<TensorType>>;
using Cotangents = std::vector<std::optional<Value>>;

template <typename... Args>
absl::Status Error(const Args&... args) {
  return absl::InvalidArgumentError(absl::StrCat(args...));
}

// --- Checks
// ----------------------------------------------------------------------------------------

// 0 <= axis < rank.
absl::Status CheckAxis(int64_t axis, int rank, absl::string_view what);
// Sorted, distinct, in range.
absl::Status CheckAxes(const std::vector<int64_t>& axes, int rank);
// One entry a dimension.
absl::Status CheckCount(size_t count, int rank, absl::string_view what);
absl::Status CheckFloat(DType dtype);
// Numbers: anything but bool.
absl::Status CheckNumber(DType dtype);
// Equal types; otherwise an error that names both and the first difference.
absl::Status CheckSame(const TensorType& a, const TensorType& b, absl::string_view what_a,
                       absl::string_view what_b);
// The combiner can reduce elements of this type: and/or bool, all others numbers.
absl::Status CheckCombiner(Combiner combiner, DType dtype);
// `d` is at least 0 for every allowed extent.
bool NeverNegative(const Dim& d);

// The element type of a contraction of `dtype`s.
inline DType SumType(DType dtype, bool wide) { return wide ? ComputeType(dtype) : dtype; }

// The result extent of a window along one dimension (see WindowAttrs).
absl::StatusOr<Dim> WindowExtent(const Dim& extent, int64_t window, int64_t stride,
                                 int64_t dilation, int64_t base_dilation, int64_t pad_low,
                                 int64_t pad_high);

// --- Loop nests
// ------------------------------------------------------------------------------------

// Iterators first ... first + count - 1, one an index.
std::vector<Index> Iterators(int count, int first = 0);
Index At(Affine affine);
// A map over `type`'s elements in which every operand is read at the same place, its body to be
// filled in; the body's first values are the operands' elements.
ComputeDef ElementwiseNest(const OpView& view);
// An element-wise op of so many operands, all of one type.
OpDef Elementwise(absl::string_view summary, int operands, Types (*infer)(const InferContext&),
                  ComputeDef (*compute)(const OpView&));

// --- Gradients
// -------------------------------------------------------------------------------------

// The cotangent of result 0, which a rule is only called with.
inline const Value& Cotangent(const GradContext& c) { return *c.cotangents[0]; }
// The same in the operands' element type, which a wide result has left.
inline Value NarrowCotangent(const GradContext& c) {
  const DType dtype = c.operands[0].dtype();
  return Cotangent(c).dtype() == dtype ? Cotangent(c) : Cast(Cotangent(c), dtype);
}
// Zeros, or any number, of the type of `like`.
Value Like(const Value& like, double value);
// The number of x's elements along `axes`, as a scalar of its type; `axes` as in ReduceAttrs.
Value CountAlong(GraphBuilder& b, const TensorType& type, const std::vector<int64_t>& axes);
// y, a reduction of a tensor of `shape` over `axes`, spread over it again.
Value SpreadOver(const Value& y, const Shape& shape, const std::vector<int64_t>& axes);

// g spread along dimension d of zeros of that extent: element i goes to start + i * stride. What a
// pad with gaps does, also where g's extent may be 0 for some run, so that it has no gaps to fill.
Value SpreadAlong(const Value& g, int64_t d, const Dim& extent, const Dim& start, int64_t stride);

// --- Definitions with what is known of their gradients
// ----------------------------------------------------------------------------------------

OpDef WithGradient(OpDef def, GradientRule rule, absl::string_view note = "");
// The gradient is zero everywhere; the note says why.
OpDef WithZeroGradient(OpDef def, absl::string_view note);

}  // namespace tenon::ir::ops

#endif  // TENON_IR_OPS_COMMON_H_
