// A pass manager that leaves out passes of LLVM's code generator. Internal to code generation.
#ifndef TENON_CODEGEN_LLVM_LEAN_PASSES_H_
#define TENON_CODEGEN_LLVM_LEAN_PASSES_H_

#include <llvm/IR/LegacyPassManager.h>

namespace tenon::codegen {

// For x86: passes that find nothing to do in what is emitted here are never run. A pass that LLVM
// needs for correct code is not among them.
class LeanPassManager final : public llvm::legacy::PassManager {
 public:
  void add(llvm::Pass* pass) override;
};

}  // namespace tenon::codegen

#endif  // TENON_CODEGEN_LLVM_LEAN_PASSES_H_
