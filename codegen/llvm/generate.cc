#include "tenon/codegen/llvm/generate.h"

#include <llvm/Analysis/TargetLibraryInfo.h>
#include <llvm/Analysis/TargetTransformInfo.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/IntrinsicInst.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/Module.h>
#include <llvm/Pass.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/Transforms/Scalar.h>

#include "tenon/codegen/llvm/lean_passes.h"
#include "tenon/ir/check.h"

namespace tenon::codegen {
namespace {

// Masked stores of which one constant lane is live become plain stores of that element. LLVM 22
// does so itself, but for x86 stores 32 bits where the 16 are truncated ones: beyond the buffer.
bool UnmaskSingleLanes(llvm::Function& function) {
  llvm::SmallVector<llvm::IntrinsicInst*, 4> found;
  for (llvm::BasicBlock& block : function) {
    for (llvm::Instruction& instruction : block) {
      auto* call = llvm::dyn_cast<llvm::IntrinsicInst>(&instruction);
      if (call != nullptr && call->getIntrinsicID() == llvm::Intrinsic::masked_store) {
        found.push_back(call);
      }
    }
  }
  for (llvm::IntrinsicInst* call : found) {
    const auto* mask = llvm::dyn_cast<llvm::Constant>(call->getArgOperand(2));
    const auto* type = llvm::dyn_cast<llvm::FixedVectorType>(call->getArgOperand(2)->getType());
    if (mask == nullptr || type == nullptr) continue;
    int live = -1, count = 0;
    for (unsigned lane = 0; lane < type->getNumElements(); ++lane) {
      const llvm::Constant* bit = mask->getAggregateElement(lane);
      if (bit == nullptr || !bit->isNullValue()) {
        live = static_cast<int>(lane);
        ++count;
      }
    }
    if (count != 1 || !mask->getAggregateElement(live)->isOneValue()) continue;
    llvm::IRBuilder<> b(call);
    llvm::Value* element = b.CreateExtractElement(call->getArgOperand(0), b.getInt64(live));
    llvm::Value* pointer =
        b.CreateConstInBoundsGEP1_64(element->getType(), call->getArgOperand(1), live);
    b.CreateAlignedStore(element, pointer, call->getParamAlign(1).valueOrOne());
    call->eraseFromParent();
  }
  return !found.empty();
}

class UnmaskSingleLanesPass final : public llvm::FunctionPass {
 public:
  UnmaskSingleLanesPass() : FunctionPass(id_) {}
  bool runOnFunction(llvm::Function& function) override { return UnmaskSingleLanes(function); }

 private:
  static inline char id_ = 0;  // its address identifies the pass
};

}  // namespace

struct CodePasses {
  explicit CodePasses(const llvm::Triple& triple) : stream(buffer), manager(triple) {}

  void Run(llvm::Module& module, std::string* bytes) {
    buffer.clear();
    manager.run(module);
    bytes->assign(buffer.begin(), buffer.end());
  }

  llvm::SmallVector<char, 0> buffer;
  llvm::raw_svector_ostream stream;  // into the buffer
  LeanPassManager manager;
};

namespace {

// What is emitted is already vectorised, unrolled and folded. What is left to do before code
// generation is to share equal computations and to drop unused ones. Nothing moves out of loops
// here: a hoisted broadcast would only be spilled.
absl::StatusOr<std::unique_ptr<CodePasses>> MakePasses(llvm::TargetMachine& machine,
                                                       llvm::CodeGenFileType type) {
  const llvm::Triple& triple = machine.getTargetTriple();
  auto passes = std::make_unique<CodePasses>(triple);
  llvm::legacy::PassManager& manager = passes->manager;
  llvm::TargetLibraryInfoImpl library(triple);
  library.disableAllFunctions();
  manager.add(new llvm::TargetLibraryInfoWrapperPass(library));
  manager.add(llvm::createTargetTransformInfoWrapperPass(machine.getTargetIRAnalysis()));
  manager.add(llvm::createEarlyCSEPass());
  manager.add(new UnmaskSingleLanesPass);
  manager.add(llvm::createDeadCodeEliminationPass());
  if (machine.addPassesToEmitFile(manager, passes->stream, nullptr, type, /*DisableVerify=*/true)) {
    return absl::InternalError("LLVM's target writes no such files");
  }
  return passes;
}

}  // namespace

ObjectGenerator::ObjectGenerator(llvm::TargetMachine& machine) : machine_(machine) {}
ObjectGenerator::~ObjectGenerator() = default;

absl::Status ObjectGenerator::Generate(llvm::Module& module, std::string* bytes) {
  if (passes_ == nullptr) {
    TENON_ASSIGN_OR_RETURN(passes_, MakePasses(machine_, llvm::CodeGenFileType::ObjectFile));
  }
  passes_->Run(module, bytes);
  return absl::OkStatus();
}

absl::Status GenerateCode(llvm::TargetMachine& machine, llvm::Module& module,
                          llvm::CodeGenFileType type, std::string* bytes) {
  TENON_ASSIGN_OR_RETURN(const std::unique_ptr<CodePasses> passes, MakePasses(machine, type));
  passes->Run(module, bytes);
  return absl::OkStatus();
}

absl::StatusOr<ObjectCode> MakeObject(llvm::TargetMachine& machine, llvm::Module& module,
                                      const std::string& symbol, bool keep_llvm) {
  ObjectCode object;
  object.symbol = symbol;
  if (keep_llvm) {
    llvm::raw_string_ostream stream(object.llvm);
    module.print(stream, nullptr);
  }
  TENON_RETURN_IF_ERROR(
      GenerateCode(machine, module, llvm::CodeGenFileType::ObjectFile, &object.bytes));
  return object;
}

}  // namespace tenon::codegen
