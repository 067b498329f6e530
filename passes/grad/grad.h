// Reverse-mode differentiation of a graph.
//
// Comes in: a graph, one of its outputs (a scalar of a float type) and some of its inputs. Goes
// out: the same inputs, the graph's outputs followed by one gradient for each of those inputs, of
// that input's type. The result is ordinary graph: it can be printed, optimised, compiled, and
// differentiated again.
//
// Only the ops on paths from the inputs to the loss are differentiated, each by the rule of its
// OpDef; cond, scan, call and while with a known trip count by differentiating their regions
// (passes/grad/control.cc). What the backward part needs of a region is saved by the forward one.
// An op of a gradient carries the source location of the forward op that it comes from.
#ifndef TENON_PASSES_GRAD_GRAD_H_
#define TENON_PASSES_GRAD_GRAD_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tenon/ir/graph.h"

namespace tenon::passes {

struct GradOptions {
  // The name of the output to differentiate.
  std::string loss;
  // The names of the inputs (of any kind) whose gradients are wanted.
  std::vector<std::string> wrt;
  // A gradient becomes the output `prefix` + the input's name. Differentiating twice needs two
  // prefixes.
  std::string prefix = "grad/";
};

// The graph with its gradients. Errors, all of them at once: a loss that is no scalar float, names
// that do not exist, inputs that are not floats, and every op on a path from those inputs to the
// loss that has no gradient, with its source line and the reason.
absl::StatusOr<ir::Graph> Differentiate(const ir::Graph& graph, const GradOptions& options);

}  // namespace tenon::passes

#endif  // TENON_PASSES_GRAD_GRAD_H_
