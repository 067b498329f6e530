// Compilation as a whole: equal kernels compile once, equal programs to equal bytes, the cache
// keeps what it says, targets that cannot work are refused, and AArch64 objects run under an
// emulator.
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tenon/codegen/host.h"
#include "tenon/codegen/jit.h"
#include "tests/codegen/harness.h"

namespace tenon::codegen {
namespace {

using ir::DType;
using ir::ScalarOp;
using kernel::KernelBuilder;
using kernel::ValueId;

// out = in * factor, with a fault site of its own.
kernel::Program Scale(double factor, int site = 0, const std::string& name = "scale") {
  KernelBuilder k(name);
  const int in = k.AddParam({.name = name + "_in", .dtype = DType::kF32});
  const int out =
      k.AddParam({.name = name + "_out", .dtype = DType::kF32, .written = true, .read = false});
  k.Parallel(k.ConstI64(4), [&](ValueId chunk) {
    const ValueId offset = k.Mul(chunk, k.ConstI64(16));
    const ValueId v = k.Load(DType::kF32, 1, 16, {.buffer = in, .offset = offset});
    k.Fault(k.Scalar(ScalarOp::kLt, {chunk, k.ConstI64(0)}), TENON_NOT_FINITE, site, chunk);
    const ValueId scaled = k.Scalar(ScalarOp::kMul, {v, k.Const(DType::kF32, factor)});
    k.Store(k.Scalar(ScalarOp::kExp, {scaled}), {.buffer = out, .offset = offset});
  });
  return ProgramOf(k.Finish(), {64, 64});
}

std::map<std::string, std::string> Bytes(const Artifact& artifact) {
  std::map<std::string, std::string> bytes;
  for (const ObjectCode& object : artifact.kernels) bytes[object.symbol] = object.bytes;
  bytes["program"] = artifact.program.bytes;
  return bytes;
}

Artifact MustCompile(const kernel::Program& program, const CodegenOptions& options = {}) {
  absl::StatusOr<Artifact> artifact = Compile(program, ir::X86Avx2(), options);
  EXPECT_TRUE(artifact.ok()) << artifact.status();
  return *std::move(artifact);
}

TEST(Compile, EqualKernelsCompileOnce) {
  // The second differs in names and fault site only.
  const kernel::Program program =
      Join({Scale(2), Scale(2, 3, "other"), Scale(3), Scale(2, 1, "third")});
  const Artifact artifact = MustCompile(program);
  EXPECT_EQ(artifact.stats.launched_kernels, 4);
  EXPECT_EQ(artifact.kernels.size(), 2u);
}

TEST(Compile, EqualProgramsGiveEqualBytesWhateverTheThreads) {
  std::vector<kernel::Program> parts;
  for (int i = 0; i < 6; ++i) parts.push_back(Scale(i + 0.5));
  const kernel::Program program = Join(parts);
  const auto first = Bytes(MustCompile(program, {.threads = 1}));
  EXPECT_EQ(first, Bytes(MustCompile(program, {.threads = 3})));
  EXPECT_EQ(first, Bytes(MustCompile(program, {.threads = 2})));
}

TEST(Compile, DumpsTexts) {
  std::string llvm, assembly;
  CodegenOptions options;
  options.dump_llvm = [&](absl::string_view name, absl::string_view text) {
    absl::StrAppend(&llvm, "== ", name, "\n", text);
  };
  options.dump_assembly = [&](absl::string_view name, absl::string_view text) {
    absl::StrAppend(&assembly, "== ", name, "\n", text);
  };
  const auto with = Bytes(MustCompile(Scale(2), options));
  EXPECT_TRUE(absl::StrContains(llvm, "== scale\n"));
  EXPECT_TRUE(absl::StrContains(llvm, "== program\n"));
  EXPECT_TRUE(absl::StrContains(llvm, "define hidden void"));
  EXPECT_TRUE(absl::StrContains(assembly, "vmulps"));
  EXPECT_EQ(with, Bytes(MustCompile(Scale(2))));  // looking changes nothing
}

TEST(Compile, RefusesTargetsThatCannotWork) {
  ir::TargetDesc target = ir::X86Avx2();
  target.cpu = "x86-64-v33";
  EXPECT_THAT(Compile(Scale(1), target).status().ToString(),
              testing::HasSubstr("unknown CPU 'x86-64-v33' for target 'x86_64-unknown-linux-gnu'; "
                                 "did you mean 'x86-64-v3'?"));
  target = ir::X86Avx2();
  target.triple = "sparc-unknown-linux-gnu";
  EXPECT_EQ(Compile(Scale(1), target).status().code(), absl::StatusCode::kInvalidArgument);
  target = ir::X86Avx2();
  target.features = "+avx512bv";
  EXPECT_THAT(Compile(Scale(1), target).status().ToString(),
              testing::HasSubstr("unknown feature 'avx512bv' of target 'x86_64-unknown-linux-gnu'; "
                                 "did you mean 'avx512bw'?"));
  kernel::Program program = Scale(1);
  program.has_fma = true;
  EXPECT_EQ(Compile(program, ir::X86Sse2()).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(Compile, RefusesWhatAddressesOf32BitsDoNotReach) {
  kernel::Program program = Scale(1);
  program.arena_bytes = int64_t{3} << 30;
  EXPECT_THAT(
      Compile(program, ir::CortexM3()).status().ToString(),
      testing::HasSubstr("the arena takes 3221225472 bytes: more than the 32-bit addresses"));
}

TEST(Target, IsFoundByNameOrNamed) {
  for (const std::string& name : ir::TargetNames()) EXPECT_TRUE(ir::FindTarget(name).ok()) << name;
  EXPECT_EQ(ir::FindTarget("x86-64-v3")->cpu, ir::X86Avx2().cpu);
  EXPECT_THAT(ir::FindTarget("cortex-m5").status().ToString(),
              testing::HasSubstr("unknown target 'cortex-m5'"));
  EXPECT_THAT(ir::FindTarget("risc64").status().ToString(),
              testing::HasSubstr("did you mean 'riscv64'?"));
}

TEST(Load, RefusesOtherArchitectures) {
  const absl::StatusOr<Artifact> artifact = Compile(Scale(1), ir::Aarch64Neon());
  ASSERT_TRUE(artifact.ok()) << artifact.status();
  if (HostCanRun(ir::Aarch64Neon())) GTEST_SKIP() << "this is an AArch64 machine";
  EXPECT_EQ(Load(*artifact).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(Load, RefusesDamagedObjects) {
  absl::StatusOr<Artifact> artifact = Compile(Scale(1), HostTarget());
  ASSERT_TRUE(artifact.ok());
  artifact->program.bytes.resize(artifact->program.bytes.size() / 2);
  EXPECT_FALSE(Load(*artifact).ok());
}

TEST(Host, IsAFixedDescriptionThatRuns) {
  const ir::TargetDesc a = HostTarget();
  const ir::TargetDesc b = HostTarget();
  EXPECT_EQ(a.cpu, b.cpu);
  EXPECT_EQ(a.features, b.features);
  EXPECT_TRUE(HostCanRun(a));
  EXPECT_FALSE(HostCanRun(ir::X86Avx2()) && HostCanRun(ir::Aarch64Neon()));
}

// A directory of its own that goes away with the test.
class CacheTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "/tenon-cache-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
    directory_ = root_ + "/cache";
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  std::vector<std::string> Files() const {
    std::vector<std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
      files.push_back(entry.path());
    }
    return files;
  }

  std::string root_, directory_;
};

TEST_F(CacheTest, HitsInMemoryAndOnDisk) {
  const kernel::Program program = Join({Scale(2), Scale(3)});
  std::map<std::string, std::string> expected;
  {
    KernelCache cache(directory_);
    expected = Bytes(MustCompile(program, {.cache = &cache}));
    EXPECT_EQ(cache.counters().misses, 2);
    const Artifact again = MustCompile(program, {.cache = &cache});
    EXPECT_EQ(again.stats.cached, 2);
    EXPECT_EQ(again.stats.compiled, 1);  // the program itself
    EXPECT_EQ(cache.counters().memory_hits, 2);
    EXPECT_EQ(Bytes(again), expected);
  }
  EXPECT_EQ(Files().size(), 2u);
  struct stat info;
  ASSERT_EQ(stat(directory_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
  KernelCache cache(directory_);
  EXPECT_EQ(Bytes(MustCompile(program, {.cache = &cache})), expected);
  EXPECT_EQ(cache.counters().disk_hits, 2);
  EXPECT_EQ(cache.counters().misses, 0);
}

TEST_F(CacheTest, DependsOnTargetAndFma) {
  KernelCache cache(directory_);
  kernel::Program program = Scale(2);
  MustCompile(program, {.cache = &cache});
  program.has_fma = false;
  EXPECT_EQ(MustCompile(program, {.cache = &cache}).stats.cached, 0);
  ASSERT_TRUE(Compile(program, ir::X86Avx512(), {.cache = &cache}).ok());
  EXPECT_EQ(cache.counters().memory_hits, 0);
  EXPECT_EQ(cache.counters().misses, 3);
}

TEST_F(CacheTest, DamagedEntriesAreIgnoredAndWrittenAnew) {
  const kernel::Program program = Scale(2);
  std::map<std::string, std::string> expected;
  {
    KernelCache cache(directory_);
    expected = Bytes(MustCompile(program, {.cache = &cache}));
  }
  ASSERT_EQ(Files().size(), 1u);
  const std::string path = Files()[0];
  std::ostringstream original;
  original << std::ifstream(path, std::ios::binary).rdbuf();
  const std::string whole = original.str();
  std::string flipped = whole;
  flipped[flipped.size() - 9] = static_cast<char>(flipped[flipped.size() - 9] ^ 4);
  for (const std::string& damaged :
       {std::string(), whole.substr(0, 10), whole.substr(0, whole.size() - 1), whole + "x", flipped,
        std::string("rubbish")}) {
    std::ofstream(path, std::ios::binary) << damaged;
    KernelCache cache(directory_);
    EXPECT_EQ(Bytes(MustCompile(program, {.cache = &cache})), expected);
    EXPECT_EQ(cache.counters().damaged, 1);
    KernelCache next(directory_);
    MustCompile(program, {.cache = &next});
    EXPECT_EQ(next.counters().disk_hits, 1);
  }
  EXPECT_EQ(Files().size(), 1u);  // no temporary file stays
}

TEST_F(CacheTest, DirectoriesOthersMayWriteToAreNotUsed) {
  ASSERT_EQ(mkdir(directory_.c_str(), 0700), 0);
  ASSERT_EQ(chmod(directory_.c_str(), 0777), 0);
  KernelCache cache(directory_);
  EXPECT_EQ(cache.directory(), "");
  MustCompile(Scale(2), {.cache = &cache});
  EXPECT_TRUE(Files().empty());
  // Nor a link to one, nor one that cannot be made.
  ASSERT_EQ(symlink(directory_.c_str(), (root_ + "/link").c_str()), 0);
  EXPECT_EQ(KernelCache(root_ + "/link").directory(), "");
  EXPECT_EQ(KernelCache(root_ + "/missing/cache").directory(), "");
}

}  // namespace
}  // namespace tenon::codegen
