// Copying nodes from graph to graph: what passes that build a new graph have in common.
#ifndef TENON_PASSES_GRAPH_COPY_H_
#define TENON_PASSES_GRAPH_COPY_H_

#include <vector>

#include "absl/types/span.h"
#include "tenon/ir/graph.h"

namespace tenon::passes {

// Carries nodes of `from` over to `to`, remembering which value became which. Both graphs outlive
// the copier.
class GraphCopier {
 public:
  GraphCopier(const ir::Graph& from, ir::Graph& to)
      : from_(from), to_(to), map_(static_cast<size_t>(from.num_values())) {}

  // Copies all inputs, in order.
  void CopyInputs();
  // Says that `to` stands for `from`.
  void Map(ir::ValueId from, ir::ValueId to) { map_[from.index] = to; }
  // What stands for `from`: an invalid id before it is mapped.
  ir::ValueId operator()(ir::ValueId from) const { return map_[from.index]; }
  std::vector<ir::ValueId> operator()(absl::Span<const ir::ValueId> from) const;

  // Copies a node whose operands are mapped; its results are mapped afterwards.
  ir::NodeId Copy(const ir::Node& node) { return Copy(node, node.regions); }
  // The same with other regions, which have the same signatures.
  ir::NodeId Copy(const ir::Node& node, std::vector<ir::Graph> regions);
  // Copies the outputs, with their donations.
  void CopyOutputs();

 private:
  const ir::Graph& from_;
  ir::Graph& to_;
  std::vector<ir::ValueId> map_;
};

// Copies the body of `from` into `to`, with `inputs` (values of `to`) for its inputs; returns what
// became of its outputs.
std::vector<ir::ValueId> Splice(const ir::Graph& from, ir::Graph& to,
                                absl::Span<const ir::ValueId> inputs);

// For each node whether an output depends on it.
std::vector<bool> LiveNodes(const ir::Graph& graph);
// The graph without the nodes that no output depends on. Regions stay as they are.
ir::Graph Prune(const ir::Graph& graph);

// Appends nodes that compute a tensor of zeros.
ir::ValueId AddZeros(ir::Graph& graph, const ir::TensorType& type, const ir::Location& location);

}  // namespace tenon::passes

#endif  // TENON_PASSES_GRAPH_COPY_H_
