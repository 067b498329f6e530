// From kernel IR to the bytes of one object file. Internal to code generation.
#ifndef TENON_CODEGEN_LLVM_OBJECT_H_
#define TENON_CODEGEN_LLVM_OBJECT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tenon/ir/kernel/kernel.h"
#include "tenon/ir/target.h"

namespace tenon::codegen {

struct ObjectResult {
  std::string bytes;
  std::string llvm_text;      // where asked for
  std::string assembly_text;  // where asked for
  double emit_seconds = 0, passes_seconds = 0, codegen_seconds = 0;
};
struct ObjectOptions {
  bool llvm_text = false;
  bool assembly_text = false;
};

// Both may be called from several threads at once; each call has its own LLVM context and machine.
absl::StatusOr<ObjectResult> CompileKernelObject(const kernel::Kernel& kernel, bool use_fma,
                                                 const std::string& symbol,
                                                 const ir::TargetDesc& target,
                                                 const ObjectOptions& options);
absl::StatusOr<ObjectResult> CompileProgramObject(const kernel::Program& program,
                                                  const std::vector<std::string>& kernel_symbols,
                                                  const std::string& prepare_symbol,
                                                  const std::string& step_symbol,
                                                  const ir::TargetDesc& target,
                                                  const ObjectOptions& options);

// Checks that `target` is known, and can run a program that uses FMA if that is asked for.
absl::Status CheckTarget(const ir::TargetDesc& target, bool use_fma);

// LLVM's version and the build of this library: what, besides kernel and target, decides an
// object's bytes.
std::string GeneratorVersion();

// A digest in hexadecimal digits.
std::string HexDigest(absl::string_view bytes);

}  // namespace tenon::codegen

#endif  // TENON_CODEGEN_LLVM_OBJECT_H_
