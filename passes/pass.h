// A pass over graphs: a function from a graph to an equivalent, better one.
//
// Every pass is one row of passes/passes.def and one function. Passes keep names, order and types
// of inputs and outputs, and donations; they carry source locations along; what comes out depends
// on the graph and the options alone.
#ifndef TENON_PASSES_PASS_H_
#define TENON_PASSES_PASS_H_

#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "tenon/ir/graph.h"
#include "tenon/ir/target.h"
#include "tenon/passes/options.h"

namespace tenon::passes {

// What a pass may ask, and where it reports to.
struct PassContext {
  const PipelineOptions& options;
  const ir::TargetDesc& target;
  // Rules tried so far: each pass adds its own.
  int64_t rule_visits = 0;
};

using PassFn = absl::StatusOr<ir::Graph> (*)(const ir::Graph&, PassContext&);

enum class PassId : uint8_t {
#define TENON_PASS(enumerator, name, function, summary) enumerator,
#include "tenon/passes/passes.def"
};

struct PassInfo {
  PassId id;
  absl::string_view name;
  PassFn run;
  absl::string_view summary;  // one line, for --help and documents
};

// All passes, in the order of PassId.
absl::Span<const PassInfo> AllPasses();
const PassInfo& GetPass(PassId id);
std::optional<PassId> FindPass(absl::string_view name);

}  // namespace tenon::passes

#endif  // TENON_PASSES_PASS_H_
