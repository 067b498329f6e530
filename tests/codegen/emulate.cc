#include "tests/codegen/emulate.h"

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "tenon/ir/check.h"

namespace tenon::codegen {
namespace {

bool Runs(const std::string& command) { return std::system(command.c_str()) == 0; }

// A directory that goes away at the end.
class Scratch {
 public:
  Scratch() {
    std::string pattern = testing::TempDir() + "/tenon-emulated-XXXXXX";
    TENON_CHECK(mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~Scratch() { std::filesystem::remove_all(path_); }
  std::string File(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

// The driver's file: see emulated_driver.c.
class Image {
 public:
  void Add(int64_t number) { words_.push_back(number); }
  // Returns where the contents stand.
  size_t Add(const std::byte* bytes, size_t size) {
    Add(static_cast<int64_t>(size));
    const size_t at = words_.size();
    words_.resize(at + (size + 7) / 8);
    if (bytes != nullptr && size > 0) std::memcpy(&words_[at], bytes, size);
    return at;
  }
  void Write(const std::string& path) const {
    std::ofstream file(path, std::ios::binary);
    file.write(reinterpret_cast<const char*>(words_.data()),
               static_cast<std::streamsize>(words_.size() * 8));
  }
  void Read(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    file.read(reinterpret_cast<char*>(words_.data()),
              static_cast<std::streamsize>(words_.size() * 8));
  }
  const int64_t* at(size_t word) const { return words_.data() + word; }

 private:
  std::vector<int64_t> words_;
};

}  // namespace

bool CanEmulate() {
  static const bool can = Runs("aarch64-linux-gnu-gcc --version >/dev/null 2>&1") &&
                          Runs("qemu-aarch64 --version >/dev/null 2>&1");
  return can;
}

absl::StatusOr<NativeResult> RunEmulated(const kernel::Program& program, const Artifact& artifact,
                                         const std::vector<int64_t>& extents,
                                         const std::vector<ir::Literal>& inputs) {
  const Scratch scratch;
  std::string objects;
  const auto write = [&](const ObjectCode& object, const std::string& name) {
    std::ofstream(scratch.File(name), std::ios::binary) << object.bytes;
    absl::StrAppend(&objects, " ", scratch.File(name));
  };
  for (const ObjectCode& object : artifact.kernels) write(object, object.symbol + ".o");
  write(artifact.program, "program.o");
  // Without libm: generated code may not need it.
  const std::string link =
      absl::StrCat("aarch64-linux-gnu-gcc -O1 -static -I ", TENON_SOURCE_DIR, " ", TENON_SOURCE_DIR,
                   "/tests/codegen/emulated_driver.c", objects, " -o ", scratch.File("driver"));
  if (!Runs(link)) return absl::InternalError("linking for the emulator failed");

  Image image;
  image.Add(artifact.ArenaBytes(1));
  image.Add(artifact.prepared_bytes);
  image.Add(static_cast<int64_t>(extents.size()));
  for (const int64_t extent : extents) image.Add(extent);
  image.Add(static_cast<int64_t>(program.bindings.size()));
  NativeResult result;
  std::vector<size_t> places;
  size_t next_input = 0;
  for (const kernel::Binding& binding : program.bindings) {
    if (!binding.is_output) {
      const ir::Literal& input = inputs[next_input++];
      image.Add(input.bytes(), input.byte_size());
      continue;
    }
    TENON_ASSIGN_OR_RETURN(ir::Literal output, OutputShape(program, binding, extents));
    places.push_back(image.Add(nullptr, output.byte_size()));
    result.outputs.push_back(std::move(output));
  }
  image.Write(scratch.File("image"));
  if (!Runs(absl::StrCat("qemu-aarch64 ", scratch.File("driver"), " ", scratch.File("image")))) {
    return absl::InternalError("the emulated program failed");
  }
  image.Read(scratch.File("image"));
  result.status = static_cast<int32_t>(*image.at(0));
  result.fault_value = *image.at(1);
  for (size_t i = 0; i < places.size(); ++i) {
    ir::Literal& output = result.outputs[i];
    if (output.byte_size() == 0) continue;
    std::memcpy(output.mutable_bytes(), image.at(places[i]), output.byte_size());
  }
  return result;
}

}  // namespace tenon::codegen
