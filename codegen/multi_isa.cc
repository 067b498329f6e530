#include "tenon/codegen/multi_isa.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tenon/codegen/llvm/dispatch.h"
#include "tenon/ir/check.h"
#include "tenon/runtime/abi.h"

namespace tenon::codegen {
namespace {

void ShiftSites(kernel::Block* block, int by) {
  for (kernel::Instr& instr : block->instrs) {
    if (instr.site >= 0) instr.site += by;
    for (kernel::Block& nested : instr.blocks) ShiftSites(&nested, by);
  }
}

int64_t RoundUp(int64_t bytes) {
  return (bytes + TENON_ARENA_ALIGNMENT - 1) / TENON_ARENA_ALIGNMENT * TENON_ARENA_ALIGNMENT;
}

}  // namespace

absl::StatusOr<Artifact> CompileMultiIsa(std::vector<kernel::Program> programs,
                                         const std::vector<ir::TargetDesc>& targets,
                                         const CodegenOptions& options) {
  TENON_CHECK(!programs.empty() && programs.size() == targets.size());
  Artifact all;
  all.target = targets[0];
  all.symbols = programs[0].symbols;
  all.bindings = programs[0].bindings;
  all.has_prepare = true;
  std::vector<DispatchVariant> variants;
  for (size_t i = 0; i < programs.size(); ++i) {
    kernel::Program& program = programs[i];
    // Each program's sites follow those of the ones before.
    for (kernel::Kernel& kernel : program.kernels) {
      ShiftSites(&kernel.body, static_cast<int>(all.sites.size()));
    }
    all.sites.insert(all.sites.end(), program.sites.begin(), program.sites.end());
    CodegenOptions own = options;
    own.symbol_prefix = absl::StrCat(options.symbol_prefix, "_", i);
    TENON_ASSIGN_OR_RETURN(Artifact artifact, Compile(program, targets[i], own));
    variants.push_back({targets[i], artifact.prepare_symbol, artifact.step_symbol});
    all.arena_bytes = std::max(all.arena_bytes, artifact.arena_bytes);
    all.scratch_bytes = std::max(all.scratch_bytes, artifact.scratch_bytes);
    all.prepared_bytes = std::max(all.prepared_bytes, artifact.prepared_bytes);
    for (ObjectCode& kernel : artifact.kernels) all.kernels.push_back(std::move(kernel));
    all.kernels.push_back(std::move(artifact.program));
    all.stats.compiled += artifact.stats.compiled;
    all.stats.cached += artifact.stats.cached;
    all.stats.launched_kernels += artifact.stats.launched_kernels;
  }
  const int64_t choice = RoundUp(all.prepared_bytes);
  all.prepared_bytes = choice + TENON_ARENA_ALIGNMENT;
  all.prepare_symbol = absl::StrCat(options.symbol_prefix, "_prepare");
  all.step_symbol = absl::StrCat(options.symbol_prefix, "_step");
  TENON_ASSIGN_OR_RETURN(all.program,
                         MakeDispatch(programs[0].name, variants, choice, all.prepare_symbol,
                                      all.step_symbol, options.keep_llvm));
  return all;
}

}  // namespace tenon::codegen
