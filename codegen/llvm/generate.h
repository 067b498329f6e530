// From an emitted module to code, by LLVM's code generator. Internal to code generation.
#ifndef TENON_CODEGEN_LLVM_GENERATE_H_
#define TENON_CODEGEN_LLVM_GENERATE_H_

#include <llvm/Target/TargetMachine.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tenon/codegen/artifact.h"

namespace tenon::codegen {

// LLVM's passes, set up for a target machine and a type of file.
struct CodePasses;

// Modules to object files, one after another. LLVM's passes are set up once for all of them. Not
// for several threads at once; `machine` must outlive it.
class ObjectGenerator {
 public:
  explicit ObjectGenerator(llvm::TargetMachine& machine);
  ~ObjectGenerator();

  // Changes the module. The bytes do not depend on the modules before. Errors: a target that has no
  // object files.
  absl::Status Generate(llvm::Module& module, std::string* bytes);

 private:
  llvm::TargetMachine& machine_;
  std::unique_ptr<CodePasses> passes_;
};

// One module to code. (A second one's text would lack what LLVM remembers to have printed.) Changes
// the module. Errors: a target that has no such files.
absl::Status GenerateCode(llvm::TargetMachine& machine, llvm::Module& module,
                          llvm::CodeGenFileType type, std::string* bytes);

// The module's object under the name `symbol`; `keep_llvm`: with its LLVM IR. Changes the module.
absl::StatusOr<ObjectCode> MakeObject(llvm::TargetMachine& machine, llvm::Module& module,
                                      const std::string& symbol, bool keep_llvm);

}  // namespace tenon::codegen

#endif  // TENON_CODEGEN_LLVM_GENERATE_H_
