// What the roundings of a graph may do to its results, found by trying: random ones are added, and
// how far the results move is what another order of sums, fused multiply-adds and functions within
// their bounds explain. (Monte Carlo arithmetic: D. S. Parker, "Monte Carlo Arithmetic: exploiting
// randomness in floating-point arithmetic", UCLA CSD-970002, 1997.)
#ifndef TENON_TOOLS_NOISE_H_
#define TENON_TOOLS_NOISE_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "tenon/ir/extents.h"
#include "tenon/ir/graph.h"
#include "tenon/ir/literal.h"

namespace tenon::tools {

// For each output the largest deviation of an element from `reference` (the graph interpreter's
// outputs) over a few runs of that interpreter in which
//   * every float that an op computes is off by up to a unit in the last place, up or down;
//   * every element that goes into a sum of n terms is off by up to sqrt(n) of them: n roundings of
//     partial sums, each of the size of sqrt(n) terms, come to n terms, and so do n deviations of
//     sqrt(n).
// So results that cancel to nothing deviate by what their terms are worth, not by what is left.
// 0 for outputs without floats. The same for the same graph and inputs. Errors: the interpreter's.
absl::StatusOr<std::vector<double>> RoundingNoise(const ir::Graph& graph,
                                                  absl::Span<const ir::Literal> inputs,
                                                  const ir::Extents& extents,
                                                  absl::Span<const ir::Literal> reference);

}  // namespace tenon::tools

#endif  // TENON_TOOLS_NOISE_H_
