// `tenon show --format=summary`: a model as a table of layers and ops with their figures.
#ifndef TENON_TOOLS_SUMMARY_H_
#define TENON_TOOLS_SUMMARY_H_

#include <string>
#include <vector>

#include "tenon/ir/graph.h"

namespace tenon::tools {

// The layer of each node, by the names that layers give their parameters ("dense/kernel"): of the
// parameters that a node reads, else of what it reads first. Empty where there is none.
std::vector<std::string> LayersOf(const ir::Graph& graph);

// Symbols, inputs by kind with their sizes, outputs; a line a layer (with the shape that leaves it)
// and a line an op: how many, parameters, FLOPs, bytes; the totals. All at the symbols' bounds.
// FLOPs are the scalar operations of the ops' loop nests: a multiplication and an addition are two,
// an exponential is one. Bytes are those of each op's operands and results: what it would move if
// nothing were fused. Bodies of loops count once, since how often they run is not known here.
std::string Summarize(const ir::Graph& graph);

}  // namespace tenon::tools

#endif  // TENON_TOOLS_SUMMARY_H_
