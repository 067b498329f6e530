// Replaces calls by the bodies of their regions: a call's region is its meaning.
#ifndef TENON_PASSES_SIMPLIFY_INLINE_H_
#define TENON_PASSES_SIMPLIFY_INLINE_H_

#include "absl/status/statusor.h"
#include "tenon/ir/graph.h"
#include "tenon/passes/pass.h"

namespace tenon::passes {

// The graph without calls, those inside other regions and inside other calls included. Nodes keep
// the locations that they have in the body.
ir::Graph InlineCalls(const ir::Graph& graph);

// The pass `inline`.
absl::StatusOr<ir::Graph> InlineCalls(const ir::Graph& graph, PassContext& context);

}  // namespace tenon::passes

#endif  // TENON_PASSES_SIMPLIFY_INLINE_H_
