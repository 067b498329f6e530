// Surgery on graphs for `tenon reduce`: leaving nodes and outputs out, and putting other values in
// the place of results. What comes out is well formed; what nothing depends on any more is gone.
#ifndef TENON_TOOLS_REDUCE_EDIT_H_
#define TENON_TOOLS_REDUCE_EDIT_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>

#include "tenon/ir/graph.h"

namespace tenon::tools {

struct Edit {
  // Nodes, by number: results that others use become inputs; operands that nobody else uses become
  // outputs, if the node was not dead.
  std::set<uint32_t> left_out;
  std::set<size_t> outputs_left_out;
  std::map<uint32_t, ir::ValueId> replaced;  // a result, by an earlier value of its type
  std::set<uint32_t> zeros;                  // nodes whose results become zeros
};

// Nullopt where no output is left.
std::optional<ir::Graph> Apply(const ir::Graph& graph, const Edit& edit);

// Without inputs that nothing reads (but for donated ones).
ir::Graph DropUnusedInputs(const ir::Graph& graph);

}  // namespace tenon::tools

#endif  // TENON_TOOLS_REDUCE_EDIT_H_
