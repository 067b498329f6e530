// From kernel IR to the bytes of one object file. Internal to code generation.
#ifndef TENON_CODEGEN_LLVM_OBJECT_H_
#define TENON_CODEGEN_LLVM_OBJECT_H_

#include <memory>
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
  double emit_seconds = 0, codegen_seconds = 0;
};
struct ObjectOptions {
  bool llvm_text = false;
  bool assembly_text = false;
  bool clocks = false;  // of a program: see CodegenOptions
  int64_t events = 0;   // likewise
};

// Makes objects for one target, one after the other; each thread has one of its own.
class ObjectCompiler {
 public:
  // Errors: a target that LLVM does not know.
  static absl::StatusOr<std::unique_ptr<ObjectCompiler>> Create(const ir::TargetDesc& target);
  virtual ~ObjectCompiler() = default;

  // Whether llvm.fma is an instruction.
  virtual bool has_fma() const = 0;
  virtual absl::StatusOr<ObjectResult> Kernel(const kernel::Kernel& kernel, bool use_fma,
                                              const std::string& symbol,
                                              const ObjectOptions& options) = 0;
  virtual absl::StatusOr<ObjectResult> Program(const kernel::Program& program,
                                               const std::vector<std::string>& kernel_symbols,
                                               const std::string& prepare_symbol,
                                               const std::string& step_symbol,
                                               const ObjectOptions& options) = 0;
};

// LLVM's version and the build of this library: what, besides kernel and target, decides an
// object's bytes.
std::string GeneratorVersion();

// A digest in hexadecimal digits.
std::string HexDigest(absl::string_view bytes);

}  // namespace tenon::codegen

#endif  // TENON_CODEGEN_LLVM_OBJECT_H_
