#include "tenon/codegen/llvm/object.h"

#include <llvm/ADT/StringExtras.h>
#include <llvm/Config/llvm-config.h>
#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>
#include <llvm/IR/Verifier.h>
#include <llvm/Support/SHA256.h>
#include <llvm/Support/raw_ostream.h>

#include <chrono>
#include <functional>

#include "absl/strings/str_cat.h"
#include "build_id.h"
#include "tenon/codegen/llvm/generate.h"
#include "tenon/codegen/llvm/kernel_emitter.h"
#include "tenon/codegen/llvm/program_emitter.h"
#include "tenon/codegen/llvm/target_info.h"
#include "tenon/ir/check.h"

namespace tenon::codegen {
namespace {

double Now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

class ObjectCompilerImpl final : public ObjectCompiler {
 public:
  ObjectCompilerImpl(const ir::TargetDesc& desc, std::unique_ptr<llvm::TargetMachine> machine)
      : machine_(std::move(machine)),
        info_(MakeTargetInfo(desc, *machine_)),
        generator_(*machine_) {}

  bool has_fma() const override { return info_.fma; }

  absl::StatusOr<ObjectResult> Kernel(const kernel::Kernel& kernel, bool use_fma,
                                      const std::string& symbol,
                                      const ObjectOptions& options) override {
    // The module is named by the symbol, not the kernel: equal kernels have equal objects.
    return CompileModule(symbol, options, [&](llvm::Module& module) {
      KernelEmitter(kernel, info_, use_fma, module).Emit(symbol);
    });
  }

  absl::StatusOr<ObjectResult> Program(const kernel::Program& program,
                                       const std::vector<std::string>& kernel_symbols,
                                       const std::string& prepare_symbol,
                                       const std::string& step_symbol,
                                       const ObjectOptions& options) override {
    return CompileModule("program", options, [&](llvm::Module& module) {
      ProgramEmitter emitter(program, info_, kernel_symbols, module);
      emitter.EmitEntry(prepare_symbol, program.prepare, ProgramEmitter::Runs::kOne);
      emitter.EmitEntry(step_symbol, program.step, ProgramEmitter::Runs::kMany,
                        {options.clocks, options.events});
    });
  }

 private:
  using EmitModule = std::function<void(llvm::Module&)>;

  std::unique_ptr<llvm::Module> NewModule(const std::string& name, llvm::LLVMContext& context) {
    auto module = std::make_unique<llvm::Module>(name, context);
    PrepareModule(*machine_, *module);
    return module;
  }

  absl::StatusOr<ObjectResult> CompileModule(const std::string& name, const ObjectOptions& options,
                                             const EmitModule& emit) {
    ObjectResult result;
    const double start = Now();
    // A context a module: what earlier ones left behind must not show in the bytes.
    llvm::LLVMContext context;
    // Names of values are for people; without them there is less to allocate.
    context.setDiscardValueNames(!options.llvm_text);
    const std::unique_ptr<llvm::Module> module = NewModule(name, context);
    emit(*module);
#ifndef NDEBUG
    std::string errors;
    llvm::raw_string_ostream error_stream(errors);
    if (llvm::verifyModule(*module, &error_stream)) {
      return absl::InternalError(absl::StrCat("LLVM IR of ", name, " does not verify: ", errors));
    }
#endif
    if (options.llvm_text) {
      llvm::raw_string_ostream stream(result.llvm_text);
      module->print(stream, nullptr);
    }
    if (options.assembly_text) {
      // Code generation changes the module: the text is made of a second one.
      const std::unique_ptr<llvm::Module> copy = NewModule(name, context);
      emit(*copy);
      TENON_RETURN_IF_ERROR(GenerateCode(*machine_, *copy, llvm::CodeGenFileType::AssemblyFile,
                                         &result.assembly_text));
    }
    const double emitted = Now();
    TENON_RETURN_IF_ERROR(generator_.Generate(*module, &result.bytes));
    result.emit_seconds = emitted - start;
    result.codegen_seconds = Now() - emitted;
    return result;
  }

  const std::unique_ptr<llvm::TargetMachine> machine_;
  const TargetInfo info_;
  ObjectGenerator generator_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ObjectCompiler>> ObjectCompiler::Create(
    const ir::TargetDesc& target) {
  TENON_ASSIGN_OR_RETURN(std::unique_ptr<llvm::TargetMachine> machine, MakeTargetMachine(target));
  return std::make_unique<ObjectCompilerImpl>(target, std::move(machine));
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
