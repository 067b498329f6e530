// One artifact for several instruction sets of an architecture: a program for each, and entries
// that hand on to the best one that the processor has.
#ifndef TENON_CODEGEN_MULTI_ISA_H_
#define TENON_CODEGEN_MULTI_ISA_H_

#include <vector>

#include "absl/status/statusor.h"
#include "tenon/codegen/artifact.h"
#include "tenon/ir/kernel/kernel.h"
#include "tenon/ir/target.h"

namespace tenon::codegen {

// programs[i] is for targets[i]; all come from one graph. The first must run wherever the object is
// to run, later ones are preferred. `prepare` asks the processor and leaves its choice in the last
// TENON_ARENA_ALIGNMENT bytes of the prepared area, where `step` finds it: a step without it
// answers TENON_BAD_MEMORY, value 1. Arena and prepared area are those of the largest.
// Errors: those of Compile, targets of other architectures than x86-64.
absl::StatusOr<Artifact> CompileMultiIsa(std::vector<kernel::Program> programs,
                                         const std::vector<ir::TargetDesc>& targets,
                                         const CodegenOptions& options);

}  // namespace tenon::codegen

#endif  // TENON_CODEGEN_MULTI_ISA_H_
