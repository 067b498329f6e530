// Graphs for the tests of the forms: together they hold every kind of attribute and of structure.
#ifndef TENON_TESTS_IR_GRAPHS_H_
#define TENON_TESTS_IR_GRAPHS_H_

#include <vector>

#include "tenon/ir/graph.h"

namespace tenon::ir::test {

// Deterministic; verified by their builder.
std::vector<Graph> SampleGraphs();

// Equal names, inputs, nodes, attributes, regions, types, outputs and locations.
bool GraphsEqual(const Graph& a, const Graph& b);

}  // namespace tenon::ir::test

#endif  // TENON_TESTS_IR_GRAPHS_H_
