// Which stored values may be written over values that the same group reads.
//
// Legal where the group reads the old value only at the elements that it is about to write: all
// values of a point are computed before any is stored. Used for donated inputs, and for values in
// the arena of which the group is the last reader.
#ifndef TENON_PASSES_LOWER_IN_PLACE_H_
#define TENON_PASSES_LOWER_IN_PLACE_H_

#include <functional>

#include "tenon/ir/graph.h"
#include "tenon/passes/fuse/plan.h"
#include "tenon/passes/lower/trace.h"

namespace tenon::lower {

// What is asked of a graph: a node's ComputeDef (null for none), the value whose memory a value is.
struct GraphFacts {
  const ir::Graph& graph;
  Trace::DefFn def;
  std::function<ir::ValueId(ir::ValueId)> memory;
};

// Whether the group reads `input` (memory) only where it writes its stored value `v`.
bool ReadsOnlyWhereItWrites(const GraphFacts& facts, const fuse::Group& group, ir::ValueId v,
                            ir::ValueId input);

// Fills Group::may_overwrite of all groups.
void FindInPlace(const ir::Graph& graph, fuse::FusionPlan* plan);

}  // namespace tenon::lower

#endif  // TENON_PASSES_LOWER_IN_PLACE_H_
