// Load, by LLVM's ORC and JITLink.
#include "tenon/codegen/jit.h"

#include <llvm/ExecutionEngine/JITLink/JITLinkMemoryManager.h>
#include <llvm/ExecutionEngine/Orc/AbsoluteSymbols.h>
#include <llvm/ExecutionEngine/Orc/Core.h>
#include <llvm/ExecutionEngine/Orc/ObjectLinkingLayer.h>
#include <llvm/ExecutionEngine/Orc/SelfExecutorProcessControl.h>
#include <llvm/Object/ELFObjectFile.h>
#include <llvm/Support/Error.h>
#include <llvm/TargetParser/Host.h>
#include <llvm/TargetParser/Triple.h>

#include <cstring>
#include <map>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tenon/codegen/llvm/jit_debug.h"
#include "tenon/ir/check.h"

namespace tenon::codegen {
namespace {

namespace orc = llvm::orc;

absl::Status ToStatus(llvm::Error error) {
  return absl::InternalError(absl::StrCat("linking: ", llvm::toString(std::move(error))));
}

class JitProgram final : public LoadedProgram {
 public:
  static absl::StatusOr<std::unique_ptr<JitProgram>> Create(const Artifact& artifact,
                                                            const LoadOptions& options) {
    auto control = orc::SelfExecutorProcessControl::Create();
    if (!control) return ToStatus(control.takeError());
    auto program = std::unique_ptr<JitProgram>(new JitProgram(std::move(*control)));
    TENON_RETURN_IF_ERROR(program->Link(artifact));
    if (options.visible_to_debuggers) TENON_RETURN_IF_ERROR(program->Register(artifact));
    return program;
  }

  ~JitProgram() override {
    registration_.reset();  // before the code goes
    llvm::consumeError(session_.endSession());
  }

  tenon_entry prepare() const override { return prepare_; }
  tenon_entry step() const override { return step_; }

 private:
  explicit JitProgram(std::unique_ptr<orc::ExecutorProcessControl> control)
      : session_(std::move(control)), layer_(session_) {}

  absl::Status Link(const Artifact& artifact) {
    orc::JITDylib& library = session_.createBareJITDylib("tenon");
    // All that generated code may call. Anything else, a function of libm say, fails to link.
    orc::SymbolMap known;
    const auto define = [&](const char* name, auto* function) {
      known[session_.intern(name)] = {orc::ExecutorAddr::fromPtr(function),
                                      llvm::JITSymbolFlags::Exported};
    };
    define("memcpy", &std::memcpy);
    define("memmove", &std::memmove);
    define("memset", &std::memset);
    if (llvm::Error error = library.define(orc::absoluteSymbols(std::move(known)))) {
      return ToStatus(std::move(error));
    }
    for (const ObjectCode& object : artifact.kernels) {
      TENON_RETURN_IF_ERROR(Add(library, object));
    }
    TENON_RETURN_IF_ERROR(Add(library, artifact.program));
    library_ = &library;
    TENON_ASSIGN_OR_RETURN(prepare_, Find(library, artifact.prepare_symbol));
    TENON_ASSIGN_OR_RETURN(step_, Find(library, artifact.step_symbol));
    return absl::OkStatus();
  }

  absl::Status Add(orc::JITDylib& library, const ObjectCode& object) {
    // A copy: the linker keeps the buffer until it has linked, whatever becomes of the artifact.
    std::unique_ptr<llvm::MemoryBuffer> buffer =
        llvm::MemoryBuffer::getMemBufferCopy(object.bytes, object.symbol);
    if (llvm::Error error = layer_.add(library, std::move(buffer))) {
      return ToStatus(std::move(error));
    }
    return absl::OkStatus();
  }

  // Tells debuggers and profilers where each function is.
  absl::Status Register(const Artifact& artifact) {
    std::vector<CodeSymbol> symbols;
    std::map<std::string, int> seen;
    for (const ObjectCode& kernel : artifact.kernels) {
      std::string label = kernel.label;
      if (const int number = ++seen[label]; number > 1) absl::StrAppend(&label, "_", number);
      TENON_RETURN_IF_ERROR(AddSymbols(kernel, {{kernel.symbol, label}}, &symbols));
    }
    TENON_RETURN_IF_ERROR(AddSymbols(artifact.program,
                                     {{artifact.prepare_symbol, artifact.prepare_symbol},
                                      {artifact.step_symbol, artifact.step_symbol}},
                                     &symbols));
    TENON_RETURN_IF_ERROR(AppendPerfMap(symbols));
    registration_ = std::make_unique<GdbRegistration>(symbols);
    return absl::OkStatus();
  }

  // Looks up those functions of an object that `labels` names; sizes are the object's.
  absl::Status AddSymbols(const ObjectCode& code, const std::map<std::string, std::string>& labels,
                          std::vector<CodeSymbol>* symbols) {
    auto object =
        llvm::object::ObjectFile::createObjectFile(llvm::MemoryBufferRef(code.bytes, code.symbol));
    if (!object) return ToStatus(object.takeError());
    for (const llvm::object::SymbolRef& symbol : (*object)->symbols()) {
      llvm::Expected<llvm::StringRef> name = symbol.getName();
      if (!name) return ToStatus(name.takeError());
      const auto label = labels.find(name->str());
      if (label == labels.end()) continue;
      TENON_ASSIGN_OR_RETURN(const tenon_entry entry, Find(*library_, label->first));
      symbols->push_back({label->second, orc::ExecutorAddr::fromPtr(entry).getValue(),
                          llvm::object::ELFSymbolRef(symbol).getSize()});
    }
    return absl::OkStatus();
  }

  absl::StatusOr<tenon_entry> Find(orc::JITDylib& library, const std::string& symbol) {
    // Kernels are hidden: what is not exported counts too.
    auto found = session_.lookup(
        orc::makeJITDylibSearchOrder(&library, orc::JITDylibLookupFlags::MatchAllSymbols),
        session_.intern(symbol));
    if (!found) return ToStatus(found.takeError());
    return found->getAddress().toPtr<tenon_entry>();
  }

  orc::ExecutionSession session_;
  orc::ObjectLinkingLayer layer_;
  orc::JITDylib* library_ = nullptr;
  std::unique_ptr<GdbRegistration> registration_;
  tenon_entry prepare_ = nullptr;
  tenon_entry step_ = nullptr;
};

}  // namespace

absl::StatusOr<std::unique_ptr<LoadedProgram>> Load(const Artifact& artifact,
                                                    const LoadOptions& options) {
  const llvm::Triple host(llvm::sys::getProcessTriple());
  const llvm::Triple target(artifact.target.triple);
  if (host.getArch() != target.getArch() || host.getOS() != target.getOS()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "an artifact for '", artifact.target.triple, "' does not run here, on '", host.str(), "'"));
  }
  TENON_ASSIGN_OR_RETURN(std::unique_ptr<LoadedProgram> program,
                         JitProgram::Create(artifact, options));
  return program;
}

}  // namespace tenon::codegen
