// The graph passes of a compilation, in their order.
#ifndef TENON_PASSES_PIPELINE_H_
#define TENON_PASSES_PIPELINE_H_

#include <vector>

#include "absl/status/statusor.h"
#include "tenon/ir/graph.h"
#include "tenon/ir/target.h"
#include "tenon/passes/options.h"
#include "tenon/passes/pass.h"

namespace tenon::passes {

// The passes that Simplify runs, in order.
std::vector<PassId> DefaultPasses();

// The graph as the stages after it want it: without calls, dead code and repetition, constants
// folded, expressions reduced by the rules of passes/simplify/rules.def as far as the level of
// numerics allows. Inputs, outputs, donations and their order stay.
absl::StatusOr<ir::Graph> Simplify(ir::Graph graph, const PipelineOptions& options,
                                   const ir::TargetDesc& target);

}  // namespace tenon::passes

#endif  // TENON_PASSES_PIPELINE_H_
