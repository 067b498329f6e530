// GenerateCode: an emitted module through LLVM's code generator. Internal to code generation.
#ifndef TENON_CODEGEN_LLVM_GENERATE_H_
#define TENON_CODEGEN_LLVM_GENERATE_H_

#include <llvm/Target/TargetMachine.h>

#include <string>

#include "absl/status/status.h"

namespace tenon::codegen {

// Changes the module. Errors: a target that has no such files.
absl::Status GenerateCode(llvm::TargetMachine& machine, llvm::Module& module,
                          llvm::CodeGenFileType type, std::string* bytes);

}  // namespace tenon::codegen

#endif  // TENON_CODEGEN_LLVM_GENERATE_H_
