// The graph interpreter: the oracle for what a graph means.
//
// It evaluates node by node, each ComputeDef as it stands, and is written for clarity. Numerics are
// those of `exact`: reductions and contractions run in row-major order of the reduced dimensions,
// from the combiner's identity, with separate products and sums; bf16 and f16 compute in f32 and
// round once a node.
#ifndef TENON_IR_INTERPRETER_H_
#define TENON_IR_INTERPRETER_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "tenon/ir/extents.h"
#include "tenon/ir/graph.h"
#include "tenon/ir/literal.h"

namespace tenon::ir {

struct InterpretOptions {
  // TargetDesc::has_fma of the target whose bits are asked for: within their bounds, the elementary
  // functions differ with it. Contractions never fuse here.
  bool has_fma = true;
  // Extents of symbols that no input's shape determines.
  Extents extents;
  // A value larger than this is refused.
  int64_t max_value_bytes = int64_t{24} << 30;
  // Called in place of InterpretNode for each node, those in regions too, that has none itself.
  std::function<absl::StatusOr<std::vector<Literal>>(const Graph& graph, const Node& node,
                                                     absl::Span<const Literal* const> operands)>
      evaluate;
};

// The outputs of a verified graph for the given inputs, one a graph input. Errors: inputs that do
// not fit (InferExtents), an element type that differs, a fault of the run such as a gather's index
// out of range, with the op and the user's line.
absl::StatusOr<std::vector<Literal>> Interpret(const Graph& graph, absl::Span<const Literal> inputs,
                                               const InterpretOptions& options = {});

// The results of one node for the values of its operands; for folding constants. `options.extents`
// gives the symbols.
absl::StatusOr<std::vector<Literal>> InterpretNode(const Graph& graph, const Node& node,
                                                   absl::Span<const Literal* const> operands,
                                                   const InterpretOptions& options = {});

}  // namespace tenon::ir

#endif  // TENON_IR_INTERPRETER_H_
