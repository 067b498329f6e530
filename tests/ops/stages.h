// The stages that a graph goes through, as functions from inputs to outputs: kernel interpreter and
// native code of one and the same compilation.
#ifndef TENON_TESTS_OPS_STAGES_H_
#define TENON_TESTS_OPS_STAGES_H_

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "tenon/codegen/artifact.h"
#include "tenon/codegen/jit.h"
#include "tenon/ir/graph.h"
#include "tenon/ir/kernel/kernel.h"
#include "tenon/ir/literal.h"
#include "tenon/ir/target.h"
#include "tenon/passes/options.h"
#include "tests/ops/guarded.h"

namespace tenon::tests {

class Compiled {
 public:
  // With `native` false only as far as the kernel program.
  static absl::StatusOr<Compiled> Make(const ir::Graph& graph, const ir::TargetDesc& target,
                                       const passes::PipelineOptions& options, bool native = true);

  const kernel::Program& program() const { return program_; }

  // Under the sanitizer; every chunk counts as a thread of its own where `threads` is 0. A fault of
  // the run is an OutOfRange error, findings of the sanitizer an Internal one.
  absl::StatusOr<std::vector<ir::Literal>> RunKernel(absl::Span<const ir::Literal> inputs,
                                                     const ir::Extents& extents,
                                                     int threads = 0) const;
  // With all buffers between guard pages; inputs cannot be written.
  absl::StatusOr<std::vector<ir::Literal>> RunNative(absl::Span<const ir::Literal> inputs,
                                                     const ir::Extents& extents, int threads,
                                                     Guard guard) const;

 private:
  absl::StatusOr<std::vector<int64_t>> SymbolValues(const ir::Extents& extents) const;

  kernel::Program program_;
  std::shared_ptr<codegen::LoadedProgram> loaded_;
  codegen::Artifact artifact_;
};

}  // namespace tenon::tests

#endif  // TENON_TESTS_OPS_STAGES_H_
