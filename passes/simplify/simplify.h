// The passes that rewrite by rules (passes/simplify/rules.def): all groups to a common fixed point,
// or one group by itself.
#ifndef TENON_PASSES_SIMPLIFY_SIMPLIFY_H_
#define TENON_PASSES_SIMPLIFY_SIMPLIFY_H_

#include "absl/status/statusor.h"
#include "tenon/ir/graph.h"
#include "tenon/passes/pass.h"

namespace tenon::passes {

// `simplify`: fold, algebra, movement, contraction and control, as far as they are enabled.
absl::StatusOr<ir::Graph> SimplifyAll(const ir::Graph& graph, PassContext& context);

absl::StatusOr<ir::Graph> SimplifyFold(const ir::Graph& graph, PassContext& context);
absl::StatusOr<ir::Graph> SimplifyAlgebra(const ir::Graph& graph, PassContext& context);
absl::StatusOr<ir::Graph> SimplifyMovement(const ir::Graph& graph, PassContext& context);
absl::StatusOr<ir::Graph> SimplifyContraction(const ir::Graph& graph, PassContext& context);
absl::StatusOr<ir::Graph> SimplifyControl(const ir::Graph& graph, PassContext& context);

// `decompose`: ops that compile better as others.
absl::StatusOr<ir::Graph> Decompose(const ir::Graph& graph, PassContext& context);

}  // namespace tenon::passes

#endif  // TENON_PASSES_SIMPLIFY_SIMPLIFY_H_
