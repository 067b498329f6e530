// Files for other linkers than the JIT's: an Artifact's objects as one.
#ifndef TENON_CODEGEN_AOT_FILES_H_
#define TENON_CODEGEN_AOT_FILES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tenon/codegen/aot/format.h"
#include "tenon/codegen/artifact.h"

namespace tenon::codegen {

// An object of `bytes` alone, read-only, at `alignment` (a power of two), under the name `symbol`.
absl::StatusOr<ObjectCode> MakeDataObject(const ir::TargetDesc& target, const std::string& symbol,
                                          absl::string_view bytes, int64_t alignment,
                                          bool keep_llvm = false);

// The artifact's objects and `data` in one file: the same code, to the byte, that the JIT maps. Its
// entries and the symbols of `data` can be seen from outside, nothing else; a relocatable object
// needs no other symbols than the handful that the target's C compiler takes for granted
// (helpers.h). The texts are of one module, from the LLVM IR that the artifact must have kept
// (CodegenOptions::keep_llvm). The bytes follow from the arguments alone.
// Errors: a shared library for a machine without an operating system.
absl::StatusOr<std::string> MakeFile(const Artifact& artifact, const std::vector<ObjectCode>& data,
                                     FileFormat format);

}  // namespace tenon::codegen

#endif  // TENON_CODEGEN_AOT_FILES_H_
