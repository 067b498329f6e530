// Mixed precision: contractions multiply bf16 and add f32; everything else stays as it is.
//
// Every op of class kContract (contractions, convolutions and both of their gradients, forward and
// backward alike) whose operands are f32 gets them rounded to bf16, and keeps its f32 result: its
// sum is never rounded to bf16. Parameters, optimizer state, losses, norms, softmax and all other
// reductions remain f32, because nothing else changes; so do inputs and outputs.
#ifndef TENON_PASSES_PRECISION_MIXED_H_
#define TENON_PASSES_PRECISION_MIXED_H_

#include "absl/status/statusor.h"
#include "tenon/ir/graph.h"
#include "tenon/passes/pass.h"

namespace tenon::passes {

absl::StatusOr<ir::Graph> MixedPrecision(const ir::Graph& graph, PassContext& context);

}  // namespace tenon::passes

#endif  // TENON_PASSES_PRECISION_MIXED_H_
