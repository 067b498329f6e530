// What a user chooses about compiling a graph, as far as the passes need to know.
#ifndef TENON_PASSES_OPTIONS_H_
#define TENON_PASSES_OPTIONS_H_

#include <cstdint>
#include <functional>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "tenon/ir/graph.h"
#include "tenon/ir/kernel/kernel.h"

namespace tenon::fuse {
struct FusionPlan;
}  // namespace tenon::fuse

namespace tenon::lower {
struct Origins;
}  // namespace tenon::lower

namespace tenon::passes {

// How much freedom compilation has with the bits of results (docs/numerics.md).
enum class Numerics : uint8_t {
  kExact,     // the graph's own operations in the graph's own order
  kStandard,  // algebra that is exact or better, fixed reduction trees, fused multiply-add
  kFast,      // cheaper algorithms with larger, stated bounds
};

// In which element types contractions compute.
enum class Precision : uint8_t {
  kAsWritten,  // the graph's own
  kMixedBf16,  // f32 contractions multiply bf16 and add f32; all else stays f32
};

// Whether `prepare` packs weights for the contractions that read them, which takes their bytes once
// more. Else each step packs them, a panel at a time, where that pays.
enum class Prepack : uint8_t {
  kTarget,  // where the target has the memory for it (ir::TargetDesc::prepacks)
  kAlways,
  kNever,
};

// What one pass did.
struct PassReport {
  absl::string_view pass;
  double seconds = 0;
  // Rules tried on nodes, the passes' unit of work: grows linearly with the graph.
  int64_t rule_visits = 0;
  int64_t nodes_before = 0;  // those of regions included
  int64_t nodes_after = 0;
};

// What rematerialisation did to fit the arena into the limit.
struct RematReport {
  int64_t arena_before = 0, arena_after = 0;  // bytes
  int64_t values = 0;  // that are computed again, each as often as that happens
  int64_t bytes = 0;   // of these
  double flops_before = 0, flops_after = 0;  // of a step, by the cost model
};

// For tests of what finds mistakes, in the compiler and in graphs: each may change what a stage
// hands on, before that is verified and shown. Null in all other use.
struct Tampering {
  // After a graph pass, or after "remat" (which need not run).
  std::function<void(absl::string_view pass, ir::Graph*)> graph;
  // After "fuse".
  std::function<void(fuse::FusionPlan*)> plan;
  // After "lower", "memory" and "barriers".
  std::function<void(absl::string_view stage, kernel::Program*)> program;
};

struct PipelineOptions {
  Numerics numerics = Numerics::kStandard;
  Precision precision = Precision::kAsWritten;
  Prepack prepack = Prepack::kTarget;  // changes no bit

  // Bytes that the arena (without the threads' scratch memory) may take; 0: any number. Where the
  // plan takes more, values are computed again instead of being kept; a limit that cannot be met is
  // an error. Results do not change by a bit.
  int64_t memory_limit = 0;
  // As many threads' scratch memory counts as part of the arena there.
  int memory_limit_threads = 0;

  // Names of passes, as in passes/passes.def, that are left out wherever they stand.
  std::set<std::string, std::less<>> disabled_passes;

  // Verifies what each pass and stage hands on; a failure is that stage's error (StageOf).
  bool verify_after_each = false;

  // Called after each graph pass with what came out of it (with a limit of memory also after
  // "remat", as often as that is tried): printing, timing and bisection hang from here.
  std::function<void(const PassReport&, const ir::Graph&)> after_pass;
  // Called after each stage that yields a kernel program ("lower", "memory", ...).
  std::function<void(absl::string_view stage, const kernel::Program&)> after_stage;
  // Called after each lowering with where the program's kernels and buffers come from
  // (lower/lower.h); where a memory limit makes several, the last is that of the result.
  std::function<void(const lower::Origins&)> after_lower;
  // Called when values are computed again to meet the memory limit.
  std::function<void(const RematReport&)> after_remat;

  Tampering tampering;

  bool IsEnabled(absl::string_view pass) const {
    return disabled_passes.find(std::string(pass)) == disabled_passes.end();
  }
};

// The error for a stage whose result breaks an invariant: an internal one that names the stage.
absl::Status StageError(absl::string_view stage, const absl::Status& status);
// The stage that a StageError names; empty for all other errors.
std::string StageOf(const absl::Status& status);

}  // namespace tenon::passes

#endif  // TENON_PASSES_OPTIONS_H_
