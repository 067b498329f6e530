// Common subexpressions: equal ops on equal operands are computed once.
//
// Every op is a pure function of its operands and attributes (random bits come from a key), so the
// first of equal nodes stands for all of them. Commutative ops take their operands in either order,
// a > b is b < a. Regions are compared by their structure.
#ifndef TENON_PASSES_SIMPLIFY_CSE_H_
#define TENON_PASSES_SIMPLIFY_CSE_H_

#include "absl/status/statusor.h"
#include "tenon/ir/graph.h"
#include "tenon/passes/pass.h"

namespace tenon::passes {

// The pass `cse`, in regions too.
absl::StatusOr<ir::Graph> EliminateCommonSubexpressions(const ir::Graph& graph,
                                                        PassContext& context);

// Whether two graphs have the same inputs, nodes and outputs, whatever their names and locations.
bool GraphsEqual(const ir::Graph& a, const ir::Graph& b);

}  // namespace tenon::passes

#endif  // TENON_PASSES_SIMPLIFY_CSE_H_
