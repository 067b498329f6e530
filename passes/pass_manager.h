// Runs an ordered list of passes: times each, counts its work, verifies and shows its result where
// the options ask for that, and leaves out those that the options disable.
#ifndef TENON_PASSES_PASS_MANAGER_H_
#define TENON_PASSES_PASS_MANAGER_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "tenon/ir/graph.h"
#include "tenon/ir/target.h"
#include "tenon/passes/options.h"
#include "tenon/passes/pass.h"

namespace tenon::passes {

class PassManager {
 public:
  explicit PassManager(std::vector<PassId> passes) : passes_(std::move(passes)) {}
  // The passes of the given names; an unknown name is an error that lists the known ones.
  static absl::StatusOr<PassManager> FromNames(absl::Span<const std::string> names);

  absl::Span<const PassId> passes() const { return passes_; }

  // Runs the passes in order. An error that a pass returns is the user's (a constant expression
  // that has no value, say) or, when verification fails, an internal one naming the pass.
  absl::StatusOr<ir::Graph> Run(ir::Graph graph, const PipelineOptions& options,
                                const ir::TargetDesc& target);

  // What each pass of the last Run did.
  const std::vector<PassReport>& reports() const { return reports_; }

 private:
  std::vector<PassId> passes_;
  std::vector<PassReport> reports_;
};

}  // namespace tenon::passes

#endif  // TENON_PASSES_PASS_MANAGER_H_
