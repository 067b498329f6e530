// Dead code: nodes that no output depends on go, in regions too. What a cond, scan or while carries
// along in vain is the business of the control rules.
#ifndef TENON_PASSES_SIMPLIFY_DCE_H_
#define TENON_PASSES_SIMPLIFY_DCE_H_

#include "absl/status/statusor.h"
#include "tenon/ir/graph.h"
#include "tenon/passes/pass.h"

namespace tenon::passes {

// The pass `dce`.
absl::StatusOr<ir::Graph> EliminateDeadCode(const ir::Graph& graph, PassContext& context);

}  // namespace tenon::passes

#endif  // TENON_PASSES_SIMPLIFY_DCE_H_
