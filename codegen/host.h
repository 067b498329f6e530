// The machine that this process runs on, as a target.
#ifndef TENON_CODEGEN_HOST_H_
#define TENON_CODEGEN_HOST_H_

#include "tenon/ir/target.h"

namespace tenon::codegen {

// Triple, CPU and features as LLVM finds them; vector width, cache sizes and latencies from a table
// by CPU. A function of the CPU alone: nothing is measured.
ir::TargetDesc HostTarget();

// Whether code for `target` runs on this machine.
bool HostCanRun(const ir::TargetDesc& target);

}  // namespace tenon::codegen

#endif  // TENON_CODEGEN_HOST_H_
