// Which values a derivative has to do with: those that depend on what is differentiated with
// respect to, and on which the loss depends.
//
// Only values of float types count. An op whose gradient is zero everywhere stops both directions;
// one without a gradient passes them on, so that Preflight finds it on the path. Regions are looked
// into: loops to a fixed point over their carries.
#ifndef TENON_PASSES_GRAD_ACTIVITY_H_
#define TENON_PASSES_GRAD_ACTIVITY_H_

#include <string>
#include <vector>

#include "absl/types/span.h"
#include "tenon/ir/graph.h"

namespace tenon::passes::grad {

// Where the differentiable parts of a control op lie. Its operands are `first_operand` others, then
// one for each input of every one of `regions`; the first `num_carries` outputs of a region become
// its first inputs at the next iteration.
struct ControlShape {
  std::vector<int> regions;
  int first_operand = 0;
  int num_carries = 0;
};
ControlShape ShapeOf(const ir::Node& node);

// For each input of a control op's regions, and each output, whether it is active.
struct RegionMasks {
  std::vector<bool> inputs;
  std::vector<bool> outputs;
};

// For every value of `graph`, given the active inputs and the needed outputs: whether it depends on
// one of the former, and one of the latter on it.
std::vector<bool> ActiveValues(const ir::Graph& graph, const std::vector<bool>& inputs,
                               const std::vector<bool>& outputs);

// The masks of the regions of `node`, given the active values of the graph that it stands in.
RegionMasks MasksOf(const ir::Graph& graph, const ir::Node& node, const std::vector<bool>& active);

// Appends one line for every op among the active ones, regions included, that has no gradient.
void Preflight(const ir::Graph& graph, const std::vector<bool>& active,
               std::vector<std::string>& errors);

}  // namespace tenon::passes::grad

#endif  // TENON_PASSES_GRAD_ACTIVITY_H_
