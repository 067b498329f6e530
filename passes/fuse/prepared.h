// What the program's `prepare` computes: once for a set of weights, whatever depends on nothing but
// parameters that no step updates, and constants.
#ifndef TENON_PASSES_FUSE_PREPARED_H_
#define TENON_PASSES_FUSE_PREPARED_H_

#include <cstddef>
#include <vector>

#include "tenon/ir/graph.h"
#include "tenon/passes/fuse/plan.h"

namespace tenon::fuse {

// By value: whether it depends on nothing else, extents included. That is before anything is fused;
// not all of it is worth a place (Prepared).
std::vector<bool> FixedValues(const ir::Graph& graph);

// Which groups of a plan run in `prepare`.
class Prepared {
 public:
  // None: `prepare` takes nothing out of the bodies of control flow.
  Prepared() = default;
  Prepared(const ir::Graph& graph, const FusionPlan& plan);

  bool RunsGroup(size_t group) const { return !groups_.empty() && groups_[group]; }
  // Whether `prepare` finds the value in memory: a parameter that no step updates, a constant, what
  // `prepare` stored, or a reshape of these.
  bool MayRead(ir::ValueId v) const { return !readable_.empty() && readable_[v.index]; }

 private:
  std::vector<bool> groups_;    // of the plan
  std::vector<bool> readable_;  // by value
};

}  // namespace tenon::fuse

#endif  // TENON_PASSES_FUSE_PREPARED_H_
