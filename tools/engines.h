// The three ways to run a graph that `tenon run` and `tenon diff` know: the graph interpreter, the
// interpreter of the kernel IR, and native code on this machine.
#ifndef TENON_TOOLS_ENGINES_H_
#define TENON_TOOLS_ENGINES_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tenon/codegen/artifact.h"
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

struct NativeOptions {
  std::string cache;  // a folder that compiled kernels are kept in (codegen/cache.h); empty: none
  bool visible_to_debuggers = false;  // codegen::LoadOptions
  // The table that the step notes its clocks' readings in, and for how many there is room:
  // codegen::CodegenOptions; or null.
  int64_t* clocks = nullptr;
  int64_t events = 0;
};

// Compiles the program for `target`, which must be able to run here, and runs it.
absl::StatusOr<Outputs> RunNative(const kernel::Program& program, const ir::TargetDesc& target,
                                  const RunInputs& inputs, int threads,
                                  const NativeOptions& options = {});

// Native code bound to the values of a run, to be run again and again: a donated input then holds
// what the last run left there.
class NativeRun {
 public:
  // Links `artifact`, which must outlive this. Of the options, the cache is for compiling alone.
  static absl::StatusOr<std::unique_ptr<NativeRun>> Make(const codegen::Artifact& artifact,
                                                         const RunInputs& inputs, int threads,
                                                         const NativeOptions& options = {});
  virtual ~NativeRun() = default;

  // Packs the weights: once, before the first step.
  virtual absl::Status Prepare() = 0;
  virtual absl::Status Step() = 0;
  // At most once.
  virtual Outputs TakeOutputs() = 0;
};

}  // namespace tenon::tools

#endif  // TENON_TOOLS_ENGINES_H_
