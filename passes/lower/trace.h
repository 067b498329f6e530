// Which elements an op reads to give one: the symbolic half of lower/element.h, without code.
//
// Fusion asks it whether values can be computed where they are used, schedules ask it which loops
// collapse and which axis is contiguous.
#ifndef TENON_PASSES_LOWER_TRACE_H_
#define TENON_PASSES_LOWER_TRACE_H_

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tenon/ir/compute.h"
#include "tenon/ir/graph.h"
#include "tenon/passes/lower/index_space.h"

namespace tenon::lower {

struct Read {
  ir::ValueId value;
  ElementIndex index;
};

struct Reads {
  std::vector<Read> reads;
  // Expressions whose value matters by itself: bounds tests that cannot be shown to hold, iterators
  // that the body uses.
  std::vector<IndexExpr> tests;
};

// At a point of `def`'s domain.
Reads ReadsAtPoint(IndexSpace& space, const ir::Graph& graph, const ir::Node& node,
                   const ir::ComputeDef& def, const ElementIndex& point);
// For the element of the node's result at `index`; the node is a map (with its def) or a reshape
// (def null).
Reads ReadsOf(IndexSpace& space, const ir::Graph& graph, const ir::Node& node,
              const ir::ComputeDef* def, const ElementIndex& index);

// Everything that evaluating values touches, gathered by following fused nodes.
class Trace {
 public:
  // `def` gives a node's ComputeDef (null for none), `is_fused` whether the value is computed here.
  using DefFn = std::function<const ir::ComputeDef*(ir::NodeId)>;
  using FusedFn = std::function<bool(ir::NodeId)>;
  Trace(IndexSpace& space, const ir::Graph& graph, DefFn def, FusedFn is_fused);

  // Evaluation of `value` at `index`; of a reduction's operands at `point`.
  void AddValue(ir::ValueId value, const ElementIndex& index);
  void AddPoint(ir::NodeId reduction, const ElementIndex& point);

  // Linear positions of what is loaded, and the tests.
  const std::vector<IndexExpr>& positions() const { return positions_; }
  const std::vector<IndexExpr>& tests() const { return tests_; }
  // What is loaded, by value, and what is computed here (at linear positions of its type).
  struct Visit {
    ir::ValueId value;
    ElementIndex index;
    IndexExpr position;
  };
  const std::vector<Visit>& loaded() const { return loaded_; }
  const std::vector<Visit>& computed() const { return computed_; }

 private:
  void Follow(const Reads& reads);

  IndexSpace& space_;
  const ir::Graph& graph_;
  DefFn def_;
  FusedFn is_fused_;
  std::vector<IndexExpr> positions_, tests_;
  std::vector<Visit> loaded_, computed_;
  std::map<std::string, bool> seen_;
};

}  // namespace tenon::lower

#endif  // TENON_PASSES_LOWER_TRACE_H_
