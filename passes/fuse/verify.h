// The invariants of a fusion plan, as lowering relies on them:
//
//  1. A group has members, in the graph's order, and its anchor is one of them.
//  2. What a group stores one of its members computes, and no other group stores it.
//  3. What a group reads from memory is an input, a constant or stored by a group before it.
//  4. An operand of a member is computed by a member, read from memory, or a constant; through
//     reshapes, which cost nothing. (A sum that another group hosts reads its parts instead.)
//  5. What the graph returns is an input, a constant or stored.
//
// A plan that is well formed may still be a wrong one: its indices are checked by running it.
#ifndef TENON_PASSES_FUSE_VERIFY_H_
#define TENON_PASSES_FUSE_VERIFY_H_

#include "absl/status/status.h"
#include "tenon/ir/graph.h"
#include "tenon/passes/fuse/plan.h"

namespace tenon::fuse {

// OK, or the first invariant that does not hold: an Internal error that names group and op.
absl::Status Verify(const ir::Graph& graph, const FusionPlan& plan);

}  // namespace tenon::fuse

#endif  // TENON_PASSES_FUSE_VERIFY_H_
