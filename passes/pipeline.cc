#include "tenon/passes/pipeline.h"

#include <utility>

#include "tenon/passes/pass_manager.h"

namespace tenon::passes {

std::vector<PassId> DefaultPasses() {
  return {
      PassId::kInline,     // rules see through calls
      PassId::kCse,        // before single uses are looked for
      PassId::kSimplify,   //
      PassId::kDecompose,  // after contractions have taken in what they can
      PassId::kSimplify,   // what decomposition has laid open
      PassId::kCse,        //
      PassId::kDce,        //
  };
}

absl::StatusOr<ir::Graph> Simplify(ir::Graph graph, const PipelineOptions& options,
                                   const ir::TargetDesc& target) {
  std::vector<PassId> passes = DefaultPasses();
  if (options.precision == Precision::kMixedBf16) {
    // Behind the calls, so that it sees all contractions; before any of them becomes something
    // else.
    passes.insert(passes.begin() + 1, PassId::kMixedPrecision);
  }
  return PassManager(std::move(passes)).Run(std::move(graph), options, target);
}

}  // namespace tenon::passes
