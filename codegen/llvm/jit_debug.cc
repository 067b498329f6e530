#include "tenon/codegen/llvm/jit_debug.h"

#include <fcntl.h>
#include <llvm/BinaryFormat/ELF.h>
#include <llvm/ExecutionEngine/Orc/TargetProcess/JITLoaderGDB.h>
#include <llvm/Support/Process.h>
#include <llvm/TargetParser/Host.h>
#include <llvm/TargetParser/Triple.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

// Of LLVM's, which gdb looks for by these names.
extern "C" jit_descriptor __jit_debug_descriptor;
extern "C" void __jit_debug_register_code();

namespace tenon::codegen {
namespace {

namespace elf = llvm::ELF;

// Guards the list that the descriptor begins.
std::mutex& ListMutex() {
  static std::mutex mutex;
  return mutex;
}

enum Section : uint16_t { kNone, kText, kSymbols, kStrings, kSectionNames, kNumSections };

template <typename T>
void Put(std::string* image, size_t at, const T& value) {
  std::memcpy(image->data() + at, &value, sizeof(T));
}

// An ELF object without contents: a text section where the code lies, and the symbols in it.
std::string SymbolObject(const std::vector<CodeSymbol>& symbols) {
  uint64_t begin = ~uint64_t{0}, end = 0;
  for (const CodeSymbol& s : symbols) {
    begin = std::min(begin, s.address);
    end = std::max(end, s.address + s.size);
  }
  std::string names(1, '\0');
  std::vector<elf::Elf64_Sym> table(1);  // the first is nothing
  for (const CodeSymbol& s : symbols) {
    elf::Elf64_Sym symbol = {};
    symbol.st_name = static_cast<uint32_t>(names.size());
    symbol.setBindingAndType(elf::STB_GLOBAL, elf::STT_FUNC);
    symbol.st_shndx = kText;
    symbol.st_value = s.address - begin;
    symbol.st_size = s.size;
    table.push_back(symbol);
    absl::StrAppend(&names, s.name, absl::string_view("\0", 1));
  }
  constexpr absl::string_view kNames("\0.text\0.symtab\0.strtab\0.shstrtab\0", 33);
  const uint64_t symbols_at = sizeof(elf::Elf64_Ehdr);
  const uint64_t symbols_size = table.size() * sizeof(elf::Elf64_Sym);
  const uint64_t names_at = symbols_at + symbols_size;
  const uint64_t section_names_at = names_at + names.size();
  const uint64_t sections_at = (section_names_at + kNames.size() + 7) / 8 * 8;
  std::string image(sections_at + kNumSections * sizeof(elf::Elf64_Shdr), '\0');

  elf::Elf64_Ehdr header = {};
  std::memcpy(header.e_ident, elf::ElfMagic, 4);
  header.e_ident[elf::EI_CLASS] = elf::ELFCLASS64;
  header.e_ident[elf::EI_DATA] = elf::ELFDATA2LSB;
  header.e_ident[elf::EI_VERSION] = elf::EV_CURRENT;
  header.e_type = elf::ET_REL;
  const llvm::Triple host(llvm::sys::getProcessTriple());
  header.e_machine = host.isAArch64() ? elf::EM_AARCH64 : elf::EM_X86_64;
  header.e_version = elf::EV_CURRENT;
  header.e_shoff = sections_at;
  header.e_ehsize = sizeof(elf::Elf64_Ehdr);
  header.e_shentsize = sizeof(elf::Elf64_Shdr);
  header.e_shnum = kNumSections;
  header.e_shstrndx = kSectionNames;
  Put(&image, 0, header);
  std::memcpy(image.data() + symbols_at, table.data(), symbols_size);
  std::memcpy(image.data() + names_at, names.data(), names.size());
  std::memcpy(image.data() + section_names_at, kNames.data(), kNames.size());

  const auto put_section = [&](Section number, elf::Elf64_Shdr section) {
    Put(&image, sections_at + number * sizeof(elf::Elf64_Shdr), section);
  };
  put_section(kText, {.sh_name = 1,
                      .sh_type = elf::SHT_NOBITS,
                      .sh_flags = elf::SHF_ALLOC | elf::SHF_EXECINSTR,
                      .sh_addr = begin,
                      .sh_offset = symbols_at,
                      .sh_size = end - begin,
                      .sh_addralign = 16});
  put_section(kSymbols, {.sh_name = 7,
                         .sh_type = elf::SHT_SYMTAB,
                         .sh_offset = symbols_at,
                         .sh_size = symbols_size,
                         .sh_link = kStrings,
                         .sh_info = 1,
                         .sh_addralign = 8,
                         .sh_entsize = sizeof(elf::Elf64_Sym)});
  put_section(kStrings, {.sh_name = 15,
                         .sh_type = elf::SHT_STRTAB,
                         .sh_offset = names_at,
                         .sh_size = names.size(),
                         .sh_addralign = 1});
  put_section(kSectionNames, {.sh_name = 23,
                              .sh_type = elf::SHT_STRTAB,
                              .sh_offset = section_names_at,
                              .sh_size = kNames.size(),
                              .sh_addralign = 1});
  return image;
}

}  // namespace

struct GdbRegistration::Entry {
  std::string image;
  jit_code_entry entry = {};
};

GdbRegistration::GdbRegistration(const std::vector<CodeSymbol>& symbols)
    : entry_(std::make_unique<Entry>()) {
  entry_->image = SymbolObject(symbols);
  jit_code_entry& entry = entry_->entry;
  entry.symfile_addr = entry_->image.data();
  entry.symfile_size = entry_->image.size();
  const std::lock_guard<std::mutex> lock(ListMutex());
  entry.next_entry = __jit_debug_descriptor.first_entry;
  if (entry.next_entry != nullptr) entry.next_entry->prev_entry = &entry;
  __jit_debug_descriptor.first_entry = &entry;
  __jit_debug_descriptor.relevant_entry = &entry;
  __jit_debug_descriptor.action_flag = JIT_REGISTER_FN;
  __jit_debug_register_code();
}

GdbRegistration::~GdbRegistration() {
  jit_code_entry& entry = entry_->entry;
  const std::lock_guard<std::mutex> lock(ListMutex());
  if (entry.prev_entry != nullptr) {
    entry.prev_entry->next_entry = entry.next_entry;
  } else {
    __jit_debug_descriptor.first_entry = entry.next_entry;
  }
  if (entry.next_entry != nullptr) entry.next_entry->prev_entry = entry.prev_entry;
  __jit_debug_descriptor.relevant_entry = &entry;
  __jit_debug_descriptor.action_flag = JIT_UNREGISTER_FN;
  __jit_debug_register_code();
}

absl::Status AppendPerfMap(const std::vector<CodeSymbol>& symbols) {
  std::string text;
  for (const CodeSymbol& s : symbols) {
    absl::StrAppendFormat(&text, "%x %x %s\n", s.address, s.size, s.name);
  }
  const std::string path = absl::StrCat("/tmp/perf-", getpid(), ".map");
  // No following of links: the folder is everybody's.
  const int file = open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
  const bool written =
      file >= 0 && write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const int error = errno;
  if (file >= 0) close(file);
  if (written) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat("cannot write '", path, "' for perf: ", std::strerror(error)));
}

}  // namespace tenon::codegen
