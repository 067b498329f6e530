// A pass manager that leaves out passes of LLVM's code generator. Internal to code generation.
#ifndef TENON_CODEGEN_LLVM_LEAN_PASSES_H_
#define TENON_CODEGEN_LLVM_LEAN_PASSES_H_

#include <llvm/ADT/ArrayRef.h>
#include <llvm/ADT/StringRef.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/TargetParser/Triple.h>

namespace tenon::codegen {

// For x86, passes that find nothing to do in what is emitted here; for Thumb, those that are wrong.
// A pass that LLVM needs for correct code is not among them.
class LeanPassManager final : public llvm::legacy::PassManager {
 public:
  explicit LeanPassManager(const llvm::Triple& triple);
  void add(llvm::Pass* pass) override;

 private:
  llvm::ArrayRef<llvm::StringLiteral> left_out_;
};

}  // namespace tenon::codegen

#endif  // TENON_CODEGEN_LLVM_LEAN_PASSES_H_
