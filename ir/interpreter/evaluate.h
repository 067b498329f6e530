// What single nodes compute, class by class. Private to the graph interpreter.
#ifndef TENON_IR_INTERPRETER_EVALUATE_H_
#define TENON_IR_INTERPRETER_EVALUATE_H_

#include <cstring>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "tenon/ir/attributes.h"
#include "tenon/ir/compute.h"
#include "tenon/ir/interpreter.h"
#include "tenon/ir/literal.h"

namespace tenon::ir::internal {

// memcpy, also for no bytes at null.
inline void CopyBytes(void* to, const void* from, size_t bytes) {
  if (bytes > 0) std::memcpy(to, from, bytes);
}

// Zeros of a type at the run's extents; an error where that is more than options.max_value_bytes.
absl::StatusOr<Literal> Allocate(const TensorType& type, const InterpretOptions& options);

// A loop nest of any class. Errors: an index out of range.
absl::Status EvaluateNest(const ComputeDef& def, absl::Span<const Literal* const> operands,
                          const InterpretOptions& options, Literal& result);

void EvaluateCumulative(const CumulativeAttrs& attrs, const Literal& x, Literal& result);

// Operands: x, indices, updates. Errors: an index out of range.
absl::Status EvaluateScatter(const ScatterAttrs& attrs, absl::Span<const Literal* const> operands,
                             Literal& result);

void EvaluateSort(const SortAttrs& attrs, absl::Span<const Literal* const> operands,
                  std::vector<Literal>& results);

// A running reduction: `acc` holds one element of `dtype`, which is no 16-bit format.
void SetIdentity(Combiner combiner, DType dtype, void* acc);
// Combines `n` elements at `values` into `acc`, in order.
void Accumulate(Combiner combiner, DType dtype, int64_t n, const void* values, void* acc);

// Element i of integers, as i64.
int64_t IntegerAt(const Literal& x, int64_t i);

}  // namespace tenon::ir::internal

#endif  // TENON_IR_INTERPRETER_EVALUATE_H_
