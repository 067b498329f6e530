// What fusion asks of contractions: how often a kernel would evaluate the elements of an operand.
#ifndef TENON_PASSES_CONTRACT_OPERAND_USE_H_
#define TENON_PASSES_CONTRACT_OPERAND_USE_H_

#include <vector>

#include "tenon/ir/compute.h"
#include "tenon/ir/graph.h"
#include "tenon/ir/target.h"
#include "tenon/passes/options.h"

namespace tenon::contract {

struct OperandUse {
  // Elements evaluated in all, over all threads, at the extents' bounds, if the kernel's group is
  // to evaluate the operand rather than to load it; 0 where it should lie in memory.
  double evaluations = 0;
  // Whether `prepare` can take the evaluations over, if the operand depends on parameters alone.
  bool prepared = false;
};

// One an access of `def`. `candidates` says of each access whether the group might evaluate it;
// `epilogue`: how many operations follow on each result.
std::vector<OperandUse> OperandUses(const ir::Graph& graph, const ir::Node& node,
                                    const ir::ComputeDef& def, const ir::TargetDesc& target,
                                    const passes::PipelineOptions& options,
                                    const std::vector<bool>& candidates, int epilogue);

}  // namespace tenon::contract

#endif  // TENON_PASSES_CONTRACT_OPERAND_USE_H_
