#include "tests/targets/emulators.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "tenon/codegen/aot/files.h"
#include "tenon/ir/check.h"
#include "tenon/ir/target.h"

namespace tenon::tests {

using ir::Literal;

namespace {

// Images go to the board's memory whole.
constexpr size_t kMaxImageWords = (8 << 20) / 8;

bool Runs(const std::string& command) { return std::system(command.c_str()) == 0; }

// The image of driver.c.
class Image {
 public:
  void Add(int64_t number) { words_.push_back(number); }
  // Returns where the contents stand.
  size_t AddBytes(const std::byte* bytes, size_t size) {
    Add(static_cast<int64_t>(size));
    const size_t at = words_.size();
    words_.resize(at + (size + 7) / 8);
    if (bytes != nullptr && size > 0) std::memcpy(&words_[at], bytes, size);
    return at;
  }
  size_t size() const { return words_.size(); }
  int64_t& at(size_t word) { return words_[word]; }
  void Write(const std::string& path) const {
    std::ofstream file(path, std::ios::binary);
    file.write(reinterpret_cast<const char*>(words_.data()),
               static_cast<std::streamsize>(words_.size() * 8));
  }
  bool Read(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    file.read(reinterpret_cast<char*>(words_.data()),
              static_cast<std::streamsize>(words_.size() * 8));
    return file.good();
  }

 private:
  std::vector<int64_t> words_;
};

// Where a run's results stand in an image.
struct Places {
  size_t result = 0;
  std::vector<size_t> outputs;
};

bool Moves(const kernel::Binding& binding) {
  return binding.is_output ? binding.donated_input < 0 : binding.kind == ir::InputKind::kInput;
}

absl::Status AddRun(const codegen::Artifact& artifact, EmulatedRun* run, Image* image,
                    Places* places) {
  image->Add(run->program);
  places->result = image->size();
  image->Add(artifact.ArenaBytes(1));
  image->Add(artifact.prepared_bytes);
  image->Add(run->steps);
  image->Add(static_cast<int64_t>(artifact.symbols.size()));
  for (const kernel::Symbol& symbol : artifact.symbols) image->Add(run->extents.at(symbol.name));
  image->Add(static_cast<int64_t>(artifact.bindings.size()));
  run->outputs.clear();
  std::vector<size_t> contents;
  for (size_t i = 0; i < artifact.bindings.size(); ++i) {
    const kernel::Binding& binding = artifact.bindings[i];
    TENON_ASSIGN_OR_RETURN(std::vector<int64_t> dims,
                           ir::EvaluateShape(binding.type.dims, run->extents));
    const int64_t repeats = Moves(binding) ? run->steps : 1;
    const size_t bytes = Literal(binding.type.dtype, dims).byte_size();
    image->Add(binding.is_output ? binding.donated_input : -1);
    image->Add(repeats > 1 ? static_cast<int64_t>(bytes) : 0);
    if (!binding.is_output) {
      contents.push_back(image->AddBytes(run->inputs[i].bytes(), run->inputs[i].byte_size()));
      continue;
    }
    if (repeats > 1) dims.insert(dims.begin(), repeats);
    run->outputs.emplace_back(binding.type.dtype, dims);
    if (binding.donated_input >= 0) {
      places->outputs.push_back(contents[binding.donated_input]);
      image->AddBytes(nullptr, 0);
    } else {
      places->outputs.push_back(image->AddBytes(nullptr, run->outputs.back().byte_size()));
    }
  }
  return absl::OkStatus();
}

}  // namespace

const std::vector<Emulator>& Emulators() {
#define TENON_BOARD(cpu, board, memory, floats)                                                  \
  {                                                                                              \
    cpu,                                                                                         \
        "arm-none-eabi-gcc -O1 -mthumb -nostartfiles --specs=nosys.specs -DBOARD_MEMORY=" memory \
        " " floats " -T $source/tests/targets/board.ld",                                         \
        "board.c",                                                                               \
        "qemu-system-arm -M " board                                                              \
        " -display none -monitor none -serial none"                                              \
        " -semihosting-config enable=on,target=native -kernel"                                   \
  }
  static const std::vector<Emulator>& emulators = *new std::vector<Emulator>{
      {"aarch64-neon", "aarch64-linux-gnu-gcc -O1 -static", "hosted.c", "qemu-aarch64"},
      {"riscv64", "riscv64-linux-gnu-gcc -O1 -static", "hosted.c",
       "qemu-riscv64 -cpu rv64,v=false"},
      {"riscv64-v", "riscv64-linux-gnu-gcc -O1 -static", "hosted.c",
       "qemu-riscv64 -cpu rv64,v=true,vlen=128,vext_spec=v1.0",
       // QEMU 7.2 dies of an assertion of its own where it translates a vector's conversion to
       // integers by truncation and the last instruction with a rounding mode before it, in the
       // same block, is none of the dynamic one: which is so depends on how these are scheduled and
       // on where pages end.
       "cast/(f32|f64|bf16|f16)/(i8|u8|i32|i64)"},
      TENON_BOARD("cortex-m3", "mps2-an385", "0x21000000", "-mcpu=cortex-m3"),
      TENON_BOARD("cortex-m4", "mps2-an386", "0x21000000",
                  "-mcpu=cortex-m4 -mfloat-abi=hard -mfpu=fpv4-sp-d16"),
      TENON_BOARD("cortex-m7", "mps2-an500", "0x60000000",
                  "-mcpu=cortex-m7 -mfloat-abi=hard -mfpu=fpv5-d16"),
      {"wasm32",
       "clang-22 --target=wasm32 -O1 -ffreestanding -nostdlib -Wl,-z,stack-size=1048576 "
       "-Wl,--no-entry -Wl,--export=run_image "
       "-Wl,--export=__heap_base",
       "", "node $source/tests/targets/run_wasm.mjs"},
  };
#undef TENON_BOARD
  return emulators;
}

bool IsInstalled(const Emulator& emulator) {
  const auto first = [](const std::string& command) {
    return command.substr(0, command.find(' '));
  };
  return Runs(absl::StrCat(first(emulator.compile), " --version >/dev/null 2>&1")) &&
         Runs(absl::StrCat(first(emulator.run), " --version >/dev/null 2>&1"));
}

EmulatedPrograms::EmulatedPrograms(const Emulator& emulator) : emulator_(emulator) {
  std::string pattern = testing::TempDir() + "/tenon-target-XXXXXX";
  TENON_CHECK(mkdtemp(pattern.data()) != nullptr);
  folder_ = pattern;
}
EmulatedPrograms::~EmulatedPrograms() {
  if (getenv("TENON_KEEP") == nullptr) std::filesystem::remove_all(folder_);
}

absl::StatusOr<int> EmulatedPrograms::Add(const kernel::Program& program) {
  static codegen::KernelCache& cache = *new codegen::KernelCache;
  const int number = static_cast<int>(artifacts_.size());
  TENON_ASSIGN_OR_RETURN(const ir::TargetDesc target, ir::FindTarget(emulator_.target));
  codegen::CodegenOptions options;
  options.symbol_prefix = absl::StrCat("p", number);
  options.cache = &cache;
  TENON_ASSIGN_OR_RETURN(codegen::Artifact artifact, codegen::Compile(program, target, options));
  TENON_ASSIGN_OR_RETURN(const std::string object,
                         codegen::MakeFile(artifact, {}, codegen::FileFormat::kObject));
  std::ofstream(File(absl::StrCat(number, ".o")), std::ios::binary) << object;
  artifacts_.push_back(std::move(artifact));
  return number;
}

absl::StatusOr<std::vector<std::string>> EmulatedPrograms::UndefinedSymbols() const {
  if (!Runs(absl::StrCat("llvm-nm-22 -u -j ", folder_, "/*.o > ", File("undefined")))) {
    return absl::InternalError("llvm-nm-22 failed");
  }
  std::set<std::string> symbols;
  std::ifstream lines(File("undefined"));
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty() && line.back() != ':') symbols.insert(line);
  }
  return std::vector<std::string>(symbols.begin(), symbols.end());
}

absl::Status EmulatedPrograms::Link() const {
  std::ofstream table(File("programs.c"));
  table << "#include \"driver.h\"\n";
  for (const codegen::Artifact& artifact : artifacts_) {
    for (const std::string& symbol : {artifact.prepare_symbol, artifact.step_symbol}) {
      table << "int32_t " << symbol << "(tenon_frame*, int32_t, int32_t);\n";
    }
  }
  table << "const struct tenon_program programs[] = {\n";
  for (const codegen::Artifact& artifact : artifacts_) {
    table << "  {" << artifact.prepare_symbol << ", " << artifact.step_symbol << "},\n";
  }
  table << "};\n";
  table.close();
  const std::string sources = absl::StrCat(TENON_SOURCE_DIR, "/tests/targets");
  std::string command =
      absl::StrCat("source=", TENON_SOURCE_DIR, "; ", emulator_.compile, " -I ", TENON_SOURCE_DIR,
                   " -I ", sources, " ", sources, "/driver.c ", File("programs.c"));
  if (*emulator_.sources != '\0') absl::StrAppend(&command, " ", sources, "/", emulator_.sources);
  absl::StrAppend(&command, " ", folder_, "/*.o -o ", File("driver"));
  return Runs(command) ? absl::OkStatus() : absl::InternalError("linking failed: " + command);
}

absl::Status EmulatedPrograms::RunImage(std::vector<EmulatedRun>* runs, size_t begin,
                                        size_t end) const {
  Image image;
  image.Add(static_cast<int64_t>(end - begin));
  std::vector<Places> places(end - begin);
  for (size_t i = begin; i < end; ++i) {
    EmulatedRun& run = (*runs)[i];
    TENON_RETURN_IF_ERROR(AddRun(artifacts_[run.program], &run, &image, &places[i - begin]));
  }
  image.Write(File("image"));
  const std::string argument = *emulator_.sources == '\0' ? " image" : "";
  if (!Runs(absl::StrCat("cd ", folder_, " && source=", TENON_SOURCE_DIR, "; ", "timeout 300 ",
                         emulator_.run, " ./driver", argument)) ||
      !image.Read(File("image"))) {
    return absl::InternalError(absl::StrCat("the emulated program failed: ", emulator_.target));
  }
  for (size_t i = begin; i < end; ++i) {
    EmulatedRun& run = (*runs)[i];
    const Places& where = places[i - begin];
    run.status = static_cast<int32_t>(image.at(where.result));
    run.fault_value = image.at(where.result + 1);
    for (size_t o = 0; o < run.outputs.size(); ++o) {
      Literal& output = run.outputs[o];
      if (output.byte_size() == 0) continue;
      std::memcpy(output.mutable_bytes(), &image.at(where.outputs[o]), output.byte_size());
    }
  }
  return absl::OkStatus();
}

absl::Status EmulatedPrograms::Run(std::vector<EmulatedRun>* runs) const {
  TENON_RETURN_IF_ERROR(Link());
  size_t begin = 0, words = 0;
  for (size_t i = 0; i < runs->size(); ++i) {
    size_t own = 64;
    for (const Literal& input : (*runs)[i].inputs) own += input.byte_size() / 8 + 8;
    if (words + own > kMaxImageWords / 2 && i > begin) {  // outputs take their share
      TENON_RETURN_IF_ERROR(RunImage(runs, begin, i));
      begin = i;
      words = 0;
    }
    words += own;
  }
  return RunImage(runs, begin, runs->size());
}

}  // namespace tenon::tests
