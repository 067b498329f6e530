// What smaller arenas would cost: a table for people (`tenon compile --memory-curve`).
#ifndef TENON_TOOLS_MEMORY_CURVE_H_
#define TENON_TOOLS_MEMORY_CURVE_H_

#include <string>

#include "absl/status/statusor.h"
#include "tenon/ir/graph.h"
#include "tenon/ir/target.h"
#include "tenon/passes/options.h"

namespace tenon::tools {

// One line a limit: the arena that the program then takes, how much is computed again, and the time
// of a step beside that without a limit. Times are predicted, in cycles of one thread: of each
// launch the longer one of its operations at the target's full rate and its bytes at eight a cycle.
absl::StatusOr<std::string> MemoryCurve(const ir::Graph& graph, const ir::TargetDesc& target,
                                        const passes::PipelineOptions& options);

}  // namespace tenon::tools

#endif  // TENON_TOOLS_MEMORY_CURVE_H_
