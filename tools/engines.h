// The three ways to run a graph that `tenon run` and `tenon diff` know: the graph interpreter, the
// interpreter of the kernel IR, and native code on this machine.
#ifndef TENON_TOOLS_ENGINES_H_
#define TENON_TOOLS_ENGINES_H_

#include <vector>

#include "absl/status/statusor.h"
#include "tenon/ir/graph.h"
#include "tenon/ir/kernel/kernel.h"
#include "tenon/ir/literal.h"
#include "tenon/ir/target.h"
#include "tools/inputs.h"

namespace tenon::tools {

// Values of all outputs, in the graph's order.
using Outputs = std::vector<ir::Literal>;

absl::StatusOr<Outputs> RunGraph(const ir::Graph& graph, const RunInputs& inputs);

// The program is one that was compiled from the graph whose inputs these are.
absl::StatusOr<Outputs> RunKernels(const kernel::Program& program, const RunInputs& inputs,
                                   int threads);

// Compiles the program for `target`, which must be able to run here, and runs it.
absl::StatusOr<Outputs> RunNative(const kernel::Program& program, const ir::TargetDesc& target,
                                  const RunInputs& inputs, int threads);

}  // namespace tenon::tools

#endif  // TENON_TOOLS_ENGINES_H_
