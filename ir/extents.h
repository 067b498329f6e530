// The extents of symbols, from the shapes of the inputs that a run is given.
#ifndef TENON_IR_EXTENTS_H_
#define TENON_IR_EXTENTS_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "tenon/ir/graph.h"

namespace tenon::ir {

// The extent of every symbol of `graph`, for inputs of the shapes `dims` (one an input, in order).
// `known` gives those of symbols that no input's shape determines. Errors name the input, the
// dimension, and the symbol with its bound: a wrong rank, an extent beyond its bound, extents that
// contradict each other, a symbol that nothing determines.
absl::StatusOr<Extents> InferExtents(const Graph& graph,
                                     absl::Span<const std::vector<int64_t>> dims,
                                     const Extents& known = {});

// The dims of `shape` for given extents.
absl::StatusOr<std::vector<int64_t>> EvaluateShape(const Shape& shape, const Extents& extents);

}  // namespace tenon::ir

#endif  // TENON_IR_EXTENTS_H_
