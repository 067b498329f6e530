// AArch64 objects under qemu-user: linked with a small C driver by the cross compiler.
#ifndef TENON_TESTS_CODEGEN_EMULATE_H_
#define TENON_TESTS_CODEGEN_EMULATE_H_

#include <vector>

#include "tests/codegen/harness.h"

namespace tenon::codegen {

// Whether the cross compiler and the emulator are installed.
bool CanEmulate();

// As RunNative, on one emulated thread.
absl::StatusOr<NativeResult> RunEmulated(const kernel::Program& program, const Artifact& artifact,
                                         const std::vector<int64_t>& extents,
                                         const std::vector<ir::Literal>& inputs);

}  // namespace tenon::codegen

#endif  // TENON_TESTS_CODEGEN_EMULATE_H_
