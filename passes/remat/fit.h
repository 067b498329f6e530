// Fit: a program whose arena is no larger than a limit, by computing values again.
#ifndef TENON_PASSES_REMAT_FIT_H_
#define TENON_PASSES_REMAT_FIT_H_

#include <cstdint>
#include <functional>

#include "absl/status/statusor.h"
#include "tenon/ir/graph.h"
#include "tenon/ir/kernel/kernel.h"
#include "tenon/passes/fuse/plan.h"
#include "tenon/passes/options.h"

namespace tenon::remat {

// From a plan to a program with its memory planned.
using LowerFn =
    std::function<absl::StatusOr<kernel::Program>(const ir::Graph&, const fuse::FusionPlan&)>;

// `program` is what `lower` makes of graph and plan, and does not fit. The model that values are
// chosen by knows nothing of gaps in the arena and of buffers inside groups: where its answer turns
// out too large, it is asked again with a tighter budget.
// Errors: ResourceExhausted where no choice that was found fits, with the tensors at the peak.
absl::StatusOr<kernel::Program> Fit(const ir::Graph& graph, const fuse::FusionPlan& plan,
                                    const kernel::Program& program,
                                    const passes::PipelineOptions& options, const LowerFn& lower);

}  // namespace tenon::remat

#endif  // TENON_PASSES_REMAT_FIT_H_
