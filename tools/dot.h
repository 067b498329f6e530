// Graphs for Graphviz: `tenon show --format=dot model.tn | dot -Tsvg`.
#ifndef TENON_TOOLS_DOT_H_
#define TENON_TOOLS_DOT_H_

#include <string>

#include "tenon/ir/graph.h"

namespace tenon::tools {

// One box an op with its name, attributes and result types; inputs and outputs as ellipses; regions
// as boxes around their graphs.
std::string ToDot(const ir::Graph& graph);

}  // namespace tenon::tools

#endif  // TENON_TOOLS_DOT_H_
