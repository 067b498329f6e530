// The schedules: one function a kind of group. Each appends launches (or steps) to the context.
#ifndef TENON_PASSES_LOWER_SCHEDULES_H_
#define TENON_PASSES_LOWER_SCHEDULES_H_

#include <functional>

#include "absl/status/status.h"
#include "tenon/passes/fuse/plan.h"
#include "tenon/passes/lower/context.h"
#include "tenon/passes/lower/element.h"
#include "tenon/passes/lower/loops.h"

namespace tenon::lower {

// Element-wise nests, side by side in one kernel.
void LowerMap(LowerContext& context, const fuse::Group& group);

// One map nest of a kernel. `before` may Provide what the stored values are computed from, for each
// tile and its kept index (over the nest's `kept`, as one linear position).
using BeforeTile = std::function<void(ElementEmitter&, const Translation&, const Tile&,
                                      const IndexExpr& position)>;
void EmitMapNest(KernelContext& kernel, const fuse::Nest& nest, double work,
                 const BeforeTile& before = nullptr);

// A map that keeps a tensor but for a window, in the tensor's own memory: writes the window alone.
// False, with nothing emitted, for every other group.
bool LowerOverlay(LowerContext& context, const fuse::Group& group);

// Reductions with what hangs on them: passes over rows, or over columns.
void LowerReduce(LowerContext& context, const fuse::Group& group);

// A contraction as a plain reduction: for shapes that no better schedule takes.
void LowerContractAsReduction(LowerContext& context, const fuse::Group& group);

// Along one axis of stored tensors.
void LowerCumulative(LowerContext& context, const fuse::Group& group);
void LowerScatter(LowerContext& context, const fuse::Group& group);
void LowerSort(LowerContext& context, const fuse::Group& group);

// cond, while, scan, call: their regions' steps.
absl::Status LowerControl(LowerContext& context, const fuse::Group& group);

}  // namespace tenon::lower

#endif  // TENON_PASSES_LOWER_SCHEDULES_H_
