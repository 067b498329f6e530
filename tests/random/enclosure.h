// Enclosures of a graph's results: for every element an interval in which each evaluation lies that
// `standard` numerics permit.
//
// The graph is interpreted over intervals, node by node. An interval holds the real result of the
// node's operation for all arguments from theirs, widened by the roundings that the operation may
// commit: an element-wise one a few units, a sum over a domain of D points up to D units of the sum
// of the magnitudes, in whatever order it is taken. As the intervals hold the unrounded values as
// well, an evaluation that rounds less often, or merges two sums into one, stays inside. What
// cannot be bounded (a quotient by an interval around zero, an index that is not certain) may be
// anything.
#ifndef TENON_TESTS_RANDOM_ENCLOSURE_H_
#define TENON_TESTS_RANDOM_ENCLOSURE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "tenon/ir/graph.h"
#include "tenon/ir/literal.h"
#include "tests/random/interval.h"

namespace tenon::tests {

struct Enclosure {
  ir::DType dtype = ir::DType::kF32;
  std::vector<int64_t> dims;
  std::vector<Interval> elements;  // row-major

  static Enclosure Of(const ir::Literal& value);
};

// One an output. The extents of all symbols must be given.
absl::StatusOr<std::vector<Enclosure>> Enclose(const ir::Graph& graph,
                                               absl::Span<const ir::Literal> inputs,
                                               const ir::Extents& extents);

// Empty where all elements lie inside, else the first that does not.
std::string Outside(const Enclosure& enclosure, const ir::Literal& value);

}  // namespace tenon::tests

#endif  // TENON_TESTS_RANDOM_ENCLOSURE_H_
