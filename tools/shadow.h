// Where digits are lost: the graph interpreter runs a graph with a shadow of every floating-point
// value in f64, and each op is judged by how much further from the shadow its result is than its
// operands were.
//
// Branches, loop counts and indices are those of the run, so that value and shadow stay comparable.
// What is read from bits (bitcast to a float, integers cast) is exact. An op of a loop or a
// function counts as one, over all its runs.
#ifndef TENON_TOOLS_SHADOW_H_
#define TENON_TOOLS_SHADOW_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tenon/ir/graph.h"
#include "tools/inputs.h"

namespace tenon::tools {

struct ShadowReport {
  // Decimal digits, as means over the elements (of relative errors on a logarithmic scale: one bad
  // element among thousands weighs little).
  struct Op {
    std::string op;        // "%2 = sub(%1, %x)"
    std::string location;  // "loss.cc:14"
    double lost =
        0;  // by this op: what its operands lack more, or the type cannot hold, not counted
    double left = 0;  // right ones in the result
    // The worst element, of the run in which it is worst.
    double worst_left = 0;
    std::string worst;  // "[3]: 0.0625 for 0.0612"
  };
  std::vector<Op> ops;  // those that lose anything worth the mention, the worst first
  struct Output {
    std::string name;
    double left = 0;
  };
  std::vector<Output> outputs;  // of floating-point types
};

// Errors: those of the interpreter.
absl::StatusOr<ShadowReport> RunWithShadow(const ir::Graph& graph, const RunInputs& inputs);

// For people; without a newline at the end.
std::string ShadowText(const ShadowReport& report);

}  // namespace tenon::tools

#endif  // TENON_TOOLS_SHADOW_H_
