// Random, well-typed graphs: every op family, awkward constants, extents of 0 and 1, a symbol, and
// regions. The same seed gives the same graph.
#ifndef TENON_TESTS_PASSES_RANDOM_GRAPH_H_
#define TENON_TESTS_PASSES_RANDOM_GRAPH_H_

#include <cstdint>

#include "tenon/ir/graph.h"

namespace tenon::passes {

struct RandomGraphOptions {
  uint64_t seed = 1;
  int num_ops = 24;
  // A scalar f32 output "loss" that depends on what the graph computes in floats. Ops whose
  // gradients have kinks are in all the same: only bits are compared.
  bool loss = false;
  // Only f32 and ops that are continuous and bounded, so that roundings stay small.
  bool smooth = false;
  // At most so deep regions inside regions.
  int depth = 2;
};

// Outputs "y0", "y1", ... (and "loss"); a symbol "n" of at most 6 may occur.
ir::Graph RandomGraph(const RandomGraphOptions& options);

}  // namespace tenon::passes

#endif  // TENON_TESTS_PASSES_RANDOM_GRAPH_H_
