// codegen/aot/files.h, by LLVM's linker, object copier and archiver.
#include "tenon/codegen/aot/files.h"

#include <lld/Common/Driver.h>
#include <llvm/ADT/SmallString.h>
#include <llvm/AsmParser/Parser.h>
#include <llvm/IR/Constants.h>
#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>
#include <llvm/Linker/Linker.h>
#include <llvm/ObjCopy/ConfigManager.h>
#include <llvm/ObjCopy/ObjCopy.h>
#include <llvm/Object/ArchiveWriter.h>
#include <llvm/Object/Binary.h>
#include <llvm/Support/FileSystem.h>
#include <llvm/Support/MemoryBuffer.h>
#include <llvm/Support/Path.h>
#include <llvm/Support/SourceMgr.h>
#include <llvm/Support/raw_ostream.h>

#include <mutex>

#include "absl/strings/str_cat.h"
#include "tenon/codegen/llvm/generate.h"
#include "tenon/codegen/llvm/target_info.h"
#include "tenon/ir/check.h"

LLD_HAS_DRIVER(elf)
LLD_HAS_DRIVER(wasm)

namespace tenon::codegen {
namespace {

absl::Status ToStatus(llvm::Error error, absl::string_view what) {
  return absl::InternalError(absl::StrCat(what, ": ", llvm::toString(std::move(error))));
}

// A folder of this process's own, with all that is in it.
class TemporaryFolder {
 public:
  static absl::StatusOr<TemporaryFolder> Make() {
    TemporaryFolder folder;
    if (const std::error_code error =
            llvm::sys::fs::createUniqueDirectory("tenon-link", folder.path_)) {
      return absl::UnavailableError(
          absl::StrCat("cannot make a temporary folder: ", error.message()));
    }
    return folder;
  }
  TemporaryFolder(TemporaryFolder&& other) noexcept : path_(other.path_) { other.path_.clear(); }
  TemporaryFolder& operator=(TemporaryFolder&&) = delete;
  ~TemporaryFolder() {
    if (!path_.empty()) llvm::sys::fs::remove_directories(path_);
  }

  absl::StatusOr<std::string> Write(const std::string& name, absl::string_view bytes) const {
    std::string path = PathOf(name);
    std::error_code error;
    llvm::raw_fd_ostream stream(path, error);
    if (!error) {
      stream << llvm::StringRef(bytes.data(), bytes.size());
      stream.close();
      error = stream.error();
    }
    if (error) {
      stream.clear_error();
      return absl::UnavailableError(absl::StrCat("cannot write '", path, "': ", error.message()));
    }
    return path;
  }
  std::string PathOf(const std::string& name) const {
    llvm::SmallString<128> path(path_);
    llvm::sys::path::append(path, name);
    return std::string(path);
  }

 private:
  TemporaryFolder() = default;
  llvm::SmallString<128> path_;
};

// The linker keeps its state in globals, LLVM's options among them: one at a time.
absl::Status RunLinker(const std::vector<std::string>& arguments) {
  static std::mutex mutex;
  const std::lock_guard<std::mutex> lock(mutex);
  std::vector<const char*> pointers;
  for (const std::string& argument : arguments) pointers.push_back(argument.c_str());
  std::string output, errors;
  llvm::raw_string_ostream output_stream(output), error_stream(errors);
  const lld::Result result =
      lld::lldMain(pointers, output_stream, error_stream,
                   {{lld::Gnu, &lld::elf::link}, {lld::Wasm, &lld::wasm::link}});
  if (result.retCode == 0 && result.canRunAgain) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("linking: ", errors));
}

absl::StatusOr<std::string> LinkObjects(const std::vector<const ObjectCode*>& objects,
                                        const std::string& linker,
                                        const std::vector<std::string>& flags) {
  TENON_ASSIGN_OR_RETURN(const TemporaryFolder folder, TemporaryFolder::Make());
  const std::string output = folder.PathOf("out");
  std::vector<std::string> arguments = {linker, "--threads=1", "-o", output};
  arguments.insert(arguments.end(), flags.begin(), flags.end());
  for (size_t i = 0; i < objects.size(); ++i) {
    TENON_ASSIGN_OR_RETURN(std::string path,
                           folder.Write(absl::StrCat(i, ".o"), objects[i]->bytes));
    arguments.push_back(std::move(path));
  }
  TENON_RETURN_IF_ERROR(RunLinker(arguments));
  auto buffer = llvm::MemoryBuffer::getFile(output, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
  if (!buffer) return absl::InternalError("the linker has left nothing");
  return (*buffer)->getBuffer().str();
}

// What the objects share among themselves is nobody else's business: hidden symbols become local,
// and the names of the files that they came from go.
absl::StatusOr<std::string> HideInternals(const std::string& object) {
  auto binary = llvm::object::createBinary(llvm::MemoryBufferRef(object, "object"));
  if (!binary) return ToStatus(binary.takeError(), "reading the linked object");
  llvm::objcopy::ConfigManager config;
  config.ELF.LocalizeHidden = true;
  config.Common.DiscardMode = llvm::objcopy::DiscardType::Locals;
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  if (llvm::Error error = llvm::objcopy::executeObjcopyOnBinary(config, **binary, stream)) {
    return ToStatus(std::move(error), "hiding symbols");
  }
  return std::string(bytes.begin(), bytes.end());
}

absl::StatusOr<std::string> Archive(const std::string& object, const std::string& name) {
  llvm::NewArchiveMember member(llvm::MemoryBufferRef(object, name));
  auto archive = llvm::writeArchiveToBuffer(member, llvm::SymtabWritingMode::NormalSymtab,
                                            llvm::object::Archive::K_GNU, /*Deterministic=*/true,
                                            /*Thin=*/false);
  if (!archive) return ToStatus(archive.takeError(), "writing the library");
  return (*archive)->getBuffer().str();
}

// All modules as one, of which only the entries and the data can be seen from outside.
absl::StatusOr<std::string> MakeText(const ir::TargetDesc& target,
                                     const std::vector<const ObjectCode*>& objects,
                                     FileFormat format) {
  TENON_ASSIGN_OR_RETURN(const std::unique_ptr<llvm::TargetMachine> machine,
                         MakeTargetMachine(target));
  llvm::LLVMContext context;
  llvm::Module merged(objects[0]->symbol, context);
  PrepareModule(*machine, merged);
  llvm::Linker linker(merged);
  for (const ObjectCode* object : objects) {
    llvm::SMDiagnostic problem;
    std::unique_ptr<llvm::Module> module =
        llvm::parseAssemblyString(object->llvm, problem, context);
    if (module == nullptr || linker.linkInModule(std::move(module))) {
      return absl::InternalError(absl::StrCat("merging LLVM IR: ", problem.getMessage().str()));
    }
  }
  for (llvm::Function& function : merged) {
    if (function.isDeclaration() || !function.hasHiddenVisibility()) continue;
    function.setVisibility(llvm::GlobalValue::DefaultVisibility);
    function.setLinkage(llvm::GlobalValue::InternalLinkage);
  }
  std::string text;
  if (format == FileFormat::kAssembly) {
    TENON_RETURN_IF_ERROR(
        GenerateCode(*machine, merged, llvm::CodeGenFileType::AssemblyFile, &text));
  } else {
    llvm::raw_string_ostream stream(text);
    merged.print(stream, nullptr);
  }
  return text;
}

}  // namespace

absl::StatusOr<ObjectCode> MakeDataObject(const ir::TargetDesc& target, const std::string& symbol,
                                          absl::string_view bytes, int64_t alignment,
                                          bool keep_llvm) {
  TENON_ASSIGN_OR_RETURN(const std::unique_ptr<llvm::TargetMachine> machine,
                         MakeTargetMachine(target));
  llvm::LLVMContext context;
  llvm::Module module(symbol, context);
  PrepareModule(*machine, module);
  llvm::Constant* data = llvm::ConstantDataArray::getRaw(
      llvm::StringRef(bytes.data(), bytes.size()), bytes.size(), llvm::Type::getInt8Ty(context));
  auto* global = new llvm::GlobalVariable(module, data->getType(), /*isConstant=*/true,
                                          llvm::GlobalValue::ExternalLinkage, data, symbol);
  global->setAlignment(llvm::Align(static_cast<uint64_t>(alignment)));
  return MakeObject(*machine, module, symbol, keep_llvm);
}

absl::StatusOr<std::string> MakeFile(const Artifact& artifact, const std::vector<ObjectCode>& data,
                                     FileFormat format) {
  std::vector<const ObjectCode*> objects = {&artifact.program};
  for (const ObjectCode& kernel : artifact.kernels) objects.push_back(&kernel);
  for (const ObjectCode& object : data) objects.push_back(&object);
  const llvm::Triple triple(artifact.target.triple);
  const std::string linker = triple.isWasm() ? "wasm-ld" : "ld.lld";
  switch (format) {
    case FileFormat::kLlvm:
    case FileFormat::kAssembly:
      return MakeText(artifact.target, objects, format);
    case FileFormat::kSharedLibrary:
      if (triple.getOS() == llvm::Triple::UnknownOS) {
        return absl::InvalidArgumentError(
            absl::StrCat("target '", triple.str(), "' has no shared libraries"));
      }
      return LinkObjects(objects, linker, {"--build-id=none", "-shared", "-z", "noexecstack"});
    case FileFormat::kObject:
    case FileFormat::kStaticLibrary: {
      TENON_ASSIGN_OR_RETURN(std::string object, LinkObjects(objects, linker, {"-r"}));
      if (!triple.isWasm()) {
        TENON_ASSIGN_OR_RETURN(object, HideInternals(object));
      }
      if (format == FileFormat::kObject) return object;
      return Archive(object, artifact.program.symbol + ".o");
    }
  }
  TENON_CHECK(false);
}

}  // namespace tenon::codegen
