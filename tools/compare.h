// Runs a graph stage by stage and compares: after graph passes by the graph interpreter, after the
// stages behind them by the kernel interpreter, and as native code. The graph interpreter on the
// graph as given is the oracle.
#ifndef TENON_TOOLS_COMPARE_H_
#define TENON_TOOLS_COMPARE_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tenon/ir/graph.h"
#include "tenon/ir/kernel/kernel.h"
#include "tenon/ir/literal.h"
#include "tenon/ir/target.h"
#include "tenon/passes/options.h"
#include "tools/command.h"
#include "tools/inputs.h"
#include "tools/progress.h"

namespace tenon::tools {

// The worst element of a value against a reference.
struct Deviation {
  // Relative to the reference's largest finite element; infinite where one of the two is NaN or
  // infinite and the other is not.
  double error = 0;
  int64_t element = -1;
  bool same_bits = true;
  double scale = 0;  // that the error is relative to
};
Deviation Compare(const ir::Literal& reference, const ir::Literal& value);

// "[3,0]": where element `i` of the row-major order is.
std::string Position(const ir::Literal& literal, int64_t i);

// What `diff` and `reduce --diff` share.
struct CompareFlags {
  int threads = 2;
  double tolerance = 1;
  std::string sabotage;
  TargetOptions target;
};
void AddCompareOptions(CLI::App& app, CompareFlags& flags);

struct Comparison {
  passes::PipelineOptions pipeline;
  ir::TargetDesc target;
  int threads = 2;
  double tolerance = 1;  // a factor on the usual ones
  bool each_stage = false;
  bool stop_at_first = false;                    // nothing is run behind the first wrong stage
  std::function<void(kernel::Program*)> native;  // sabotage: see tools/sabotage.h
  // Called with a line for each output after each stage that was looked at.
  std::function<void(absl::string_view line)> print;
  Progress* progress = nullptr;
};
// Unknown names of `flags` are errors.
absl::StatusOr<Comparison> MakeComparison(const CompareFlags& flags);

// The first stage behind which results are wrong, or which fails; empty where there is none. At
// `exact` numerics each stage must give the oracle's bits, else floats may differ as far as
// roundings explain (compare.cc). Kernel interpreter and native code must always agree to the bit.
// NaNs are equal to each other.
// Stages are the graph passes and "remat", "fuse", "lower", "memory", "barriers" with `each_stage`,
// else "kernel" (all of them); then "native", where this machine can run it.
// Errors: of the run by the oracle, and of compilations that refuse the graph.
absl::StatusOr<std::string> FirstWrongStage(const ir::Graph& graph, const RunInputs& inputs,
                                            const Comparison& comparison);

}  // namespace tenon::tools

#endif  // TENON_TOOLS_COMPARE_H_
