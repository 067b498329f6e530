#include "tenon/codegen/llvm/object.h"

#include <llvm/ADT/SmallString.h>
#include <llvm/ADT/StringExtras.h>
#include <llvm/Analysis/TargetLibraryInfo.h>
#include <llvm/Config/llvm-config.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/IntrinsicInst.h>
#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/Module.h>
#include <llvm/IR/PassManager.h>
#include <llvm/IR/Verifier.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Support/SHA256.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/Transforms/Scalar/DCE.h>
#include <llvm/Transforms/Scalar/EarlyCSE.h>

#include <chrono>
#include <functional>

#include "absl/strings/str_cat.h"
#include "build_id.h"
#include "tenon/codegen/llvm/kernel_emitter.h"
#include "tenon/codegen/llvm/program_emitter.h"
#include "tenon/codegen/llvm/target_info.h"
#include "tenon/ir/check.h"

namespace tenon::codegen {
namespace {

double Now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Masked stores of which one constant lane is live become plain stores of that element. LLVM 22
// does so itself, but for x86 stores 32 bits where the 16 are truncated ones: beyond the buffer.
void UnmaskSingleLanes(llvm::Function& function) {
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
}

// What is emitted is already vectorised, unrolled and folded; what is left to do is to share equal
// computations, and to drop unused ones. Nothing moves out of loops here: a hoisted broadcast would
// only be spilled.
void RunPasses(llvm::Module& module, llvm::TargetMachine& machine) {
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager sccs;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(&machine);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(sccs);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, sccs, modules);
  llvm::FunctionPassManager passes;
  passes.addPass(llvm::EarlyCSEPass());
  passes.addPass(llvm::DCEPass());
  for (llvm::Function& function : module) {
    if (function.isDeclaration()) continue;
    passes.run(function, functions);
    UnmaskSingleLanes(function);
  }
}

absl::Status Generate(llvm::Module& module, llvm::TargetMachine& machine,
                      llvm::CodeGenFileType type, llvm::SmallVectorImpl<char>* bytes) {
  llvm::raw_svector_ostream stream(*bytes);
  llvm::legacy::PassManager passes;
  llvm::TargetLibraryInfoImpl library(machine.getTargetTriple());
  library.disableAllFunctions();
  passes.add(new llvm::TargetLibraryInfoWrapperPass(library));
  if (machine.addPassesToEmitFile(passes, stream, nullptr, type, /*DisableVerify=*/true)) {
    return absl::InternalError("LLVM's target writes no object files");
  }
  passes.run(module);
  return absl::OkStatus();
}

absl::StatusOr<ObjectResult> CompileModule(
    absl::string_view name, const ir::TargetDesc& desc, const ObjectOptions& options,
    const std::function<void(llvm::Module&, const TargetInfo&)>& emit) {
  TENON_ASSIGN_OR_RETURN(std::unique_ptr<llvm::TargetMachine> machine, MakeTargetMachine(desc));
  const TargetInfo info = MakeTargetInfo(desc, *machine);
  ObjectResult result;
  llvm::LLVMContext context;
  // Names of values are for people; without them there is less to allocate.
  context.setDiscardValueNames(!options.llvm_text);
  llvm::Module module(llvm::StringRef(name.data(), name.size()), context);
  module.setTargetTriple(machine->getTargetTriple());
  module.setDataLayout(machine->createDataLayout());
  module.setPICLevel(llvm::PICLevel::BigPIC);

  const double start = Now();
  emit(module, info);
#ifndef NDEBUG
  std::string errors;
  llvm::raw_string_ostream error_stream(errors);
  if (llvm::verifyModule(module, &error_stream)) {
    return absl::InternalError(absl::StrCat("LLVM IR of ", name, " does not verify: ", errors));
  }
#endif
  const double emitted = Now();
  RunPasses(module, *machine);
  const double passed = Now();
  if (options.llvm_text) {
    llvm::raw_string_ostream stream(result.llvm_text);
    module.print(stream, nullptr);
  }
  if (options.assembly_text) {
    // Code generation changes the module: the text is made of a second one.
    llvm::Module copy(module.getModuleIdentifier(), context);
    copy.setTargetTriple(module.getTargetTriple());
    copy.setDataLayout(module.getDataLayout());
    copy.setPICLevel(llvm::PICLevel::BigPIC);
    emit(copy, info);
    RunPasses(copy, *machine);
    llvm::SmallVector<char, 0> text;
    TENON_RETURN_IF_ERROR(Generate(copy, *machine, llvm::CodeGenFileType::AssemblyFile, &text));
    result.assembly_text.assign(text.begin(), text.end());
  }
  const double before_codegen = Now();
  llvm::SmallVector<char, 0> bytes;
  TENON_RETURN_IF_ERROR(Generate(module, *machine, llvm::CodeGenFileType::ObjectFile, &bytes));
  result.bytes.assign(bytes.begin(), bytes.end());
  result.emit_seconds = emitted - start;
  result.passes_seconds = passed - emitted;
  result.codegen_seconds = Now() - before_codegen;
  return result;
}

}  // namespace

absl::StatusOr<ObjectResult> CompileKernelObject(const kernel::Kernel& kernel, bool use_fma,
                                                 const std::string& symbol,
                                                 const ir::TargetDesc& target,
                                                 const ObjectOptions& options) {
  // The module is named by the symbol, not the kernel: equal kernels have equal objects.
  return CompileModule(symbol, target, options, [&](llvm::Module& module, const TargetInfo& info) {
    KernelEmitter(kernel, info, use_fma, module).Emit(symbol);
  });
}

absl::StatusOr<ObjectResult> CompileProgramObject(const kernel::Program& program,
                                                  const std::vector<std::string>& kernel_symbols,
                                                  const std::string& prepare_symbol,
                                                  const std::string& step_symbol,
                                                  const ir::TargetDesc& target,
                                                  const ObjectOptions& options) {
  return CompileModule("program", target, options,
                       [&](llvm::Module& module, const TargetInfo& info) {
                         ProgramEmitter emitter(program, info, kernel_symbols, module);
                         emitter.EmitEntry(prepare_symbol, program.prepare);
                         emitter.EmitEntry(step_symbol, program.step);
                       });
}

absl::Status CheckTarget(const ir::TargetDesc& target, bool use_fma) {
  TENON_ASSIGN_OR_RETURN(std::unique_ptr<llvm::TargetMachine> machine, MakeTargetMachine(target));
  if (use_fma && !MakeTargetInfo(target, *machine).fma) {
    return absl::InvalidArgumentError(
        absl::StrCat("the program was lowered for a target with fused multiply-add; CPU '",
                     target.cpu, "' has none"));
  }
  return absl::OkStatus();
}

std::string GeneratorVersion() {
  return absl::StrCat("llvm ", LLVM_VERSION_STRING, ", tenon ", TENON_BUILD_ID);
}

std::string HexDigest(absl::string_view bytes) {
  llvm::SHA256 hash;
  hash.update(llvm::StringRef(bytes.data(), bytes.size()));
  return llvm::toHex(hash.final(), /*LowerCase=*/true);
}

}  // namespace tenon::codegen
