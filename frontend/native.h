// From a graph to the kernel program that code generation takes, as options for users say it: what
// running here and compiling ahead of time have in common. Internal to the frontend.
#ifndef TENON_FRONTEND_NATIVE_H_
#define TENON_FRONTEND_NATIVE_H_

#include "absl/status/statusor.h"
#include "tenon/frontend/compile.h"
#include "tenon/ir/graph.h"
#include "tenon/ir/kernel/kernel.h"
#include "tenon/ir/target.h"

namespace tenon {

absl::StatusOr<kernel::Program> CompileToKernels(const ir::Graph& graph,
                                                 const ir::TargetDesc& target,
                                                 const CompileOptions& options);

}  // namespace tenon

#endif  // TENON_FRONTEND_NATIVE_H_
