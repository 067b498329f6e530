// Where a maximum need not care for NaN.
#ifndef TENON_PASSES_LOWER_NAN_SHOWS_H_
#define TENON_PASSES_LOWER_NAN_SHOWS_H_

#include <functional>

#include "tenon/ir/compute.h"
#include "tenon/ir/graph.h"

namespace tenon::lower {

// Whether NaN in a row that `reduction`, a maximum or minimum of floats, is taken of show in all of
// that row that anybody sees, whatever the maximum then is. As in a softmax:
//
//   y[r, i] = exp(x[r, i] - max(x[r])) / sum(exp(x[r] - max(x[r])))
//
// If x[r, j] is NaN, so is its difference to any maximum, its exponential, the sum, and so every
// y[r, i]. False for everything else, and where it cannot be told. `def_of` gives a node's
// ComputeDef, or null.
bool NanShowsAnyway(const ir::Graph& graph, ir::NodeId reduction,
                    const std::function<const ir::ComputeDef*(ir::NodeId)>& def_of);

}  // namespace tenon::lower

#endif  // TENON_PASSES_LOWER_NAN_SHOWS_H_
