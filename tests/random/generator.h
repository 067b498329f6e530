// Random, well-typed graphs: what no one thought of writing down.
//
// A graph is a function of its seed alone. Ops are drawn from all classes, shapes from a few
// constants and two symbols, so that broadcasts, contractions and fusions of all kinds meet.
#ifndef TENON_TESTS_RANDOM_GENERATOR_H_
#define TENON_TESTS_RANDOM_GENERATOR_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "tenon/ir/graph.h"
#include "tests/ops/sample.h"

namespace tenon::tests {

struct RandomGraph {
  ir::Graph graph;
  std::vector<Fill> fills;           // one an input
  std::vector<ir::Extents> extents;  // at which to run it
  // All in f64, all ops smooth, no value large: results may be compared with a tolerance, and
  // gradients with differences.
  bool smooth = false;
};

// An error is a bug of the generator, or of the builder.
absl::StatusOr<RandomGraph> Generate(uint64_t seed);

}  // namespace tenon::tests

#endif  // TENON_TESTS_RANDOM_GENERATOR_H_
