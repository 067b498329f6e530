// Programs compiled ahead of time: the same bits as the JIT's. The build makes
// mlp_train.{o,h} and mlp.{o,h} by the `tenon compile` under test.
#include "tenon/frontend/aot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "mlp.h"
#include "mlp_train.h"
#include "tenon/codegen/host.h"
#include "tenon/frontend/compile.h"
#include "tenon/frontend/init.h"
#include "tenon/ir/text.h"
#include "tenon/runtime/arena.h"
#include "tenon/runtime/team.h"
#include "tests/aot/training.h"

namespace tenon {
namespace {

TEST(Aot, TrainingFollowsTheJitToTheBitFor200Steps) {
  JitTraining jit;
  ObjectTraining object;
  ASSERT_EQ(mlp_train_prepare(&object.m), TENON_OK);
  float first = 0;
  for (int step = 0; step < 200; ++step) {
    MakeBatch(step % 4, object.x.data(), object.y.data());
    ASSERT_EQ(mlp_train_step(&object.m), TENON_OK);
    const float loss = jit.Step(step % 4);
    ASSERT_EQ(std::memcmp(&object.loss, &loss, sizeof loss), 0) << step;
    if (step == 0) first = loss;
  }
  EXPECT_LT(object.loss, 0.1f * first);  // it learns
  ExpectSameState(object, jit);
}

TEST(Aot, SeveralThreadsGiveTheSameBits) {
  JitTraining jit;
  constexpr int kThreads = 3;
  ObjectTraining object(kThreads);
  runtime::Team team(kThreads);
  ASSERT_EQ(mlp_train_prepare(&object.m), TENON_OK);
  for (int step = 0; step < 5; ++step) {
    MakeBatch(step, object.x.data(), object.y.data());
    mlp_train_begin(&object.m);
    ASSERT_EQ(team.Run(&mlp_train_entry_step, &object.m.frame), TENON_OK);
    const float loss = jit.Step(step);
    ASSERT_EQ(std::memcmp(&object.loss, &loss, sizeof loss), 0) << step;
  }
  ExpectSameState(object, jit);
}

TEST(Aot, InferenceThroughTheCppLayerGivesTheJitsBits) {
  const ir::Graph graph = LoadExample("mlp.tn");
  absl::StatusOr<Program> program = Program::Compile(graph);
  ASSERT_TRUE(program.ok()) << program.status();
  runtime::Arena arena(MLP_ARENA_BYTES), prepared(MLP_PREPARED_BYTES);
  mlp::Program object({reinterpret_cast<std::byte*>(arena.data()), mlp::kArenaBytes},
                      {reinterpret_cast<std::byte*>(prepared.data()), mlp::kPreparedBytes});
  object.use_weights();
  ASSERT_EQ(object.Prepare(), TENON_OK) << object.status_text();
  for (const int n : {0, 1, kBatch, 64}) {
    Tensor x(ir::DType::kF32, {n, 784});
    for (int64_t i = 0; i < x.num_elements(); ++i) {
      x.mutable_data<float>()[i] = static_cast<float>(i % 97) * 0.01f;
    }
    std::map<std::string, TensorView> inputs = {{"x", x.view()}};
    std::map<std::string, Tensor> weights;
    for (const ir::Input& input : graph.inputs()) {
      if (input.kind == ir::InputKind::kInput) continue;
      std::vector<int64_t> dims;
      for (const ir::Dim& d : graph.type(input.value).dims) dims.push_back(d.constant());
      weights[input.name] = *Initialize(input.init, ir::DType::kF32, dims, 0, input.name);
      inputs[input.name] = weights[input.name].view();
    }
    auto expected = program->Run(inputs);
    ASSERT_TRUE(expected.ok()) << expected.status();
    std::vector<float> prediction(n * 10);
    object.n(n).x({x.data<float>().data(), x.data<float>().size()}).prediction(prediction);
    ASSERT_EQ(object.Step(), TENON_OK) << object.status_text() << " " << object.culprit();
    EXPECT_TRUE(SameBits(prediction, expected->at("prediction"))) << n;
  }
  static_assert(mlp::x_shape[0] == 64 && mlp::x_shape[1] == 784);
}

std::string OutputOf(const std::string& command) {
  FILE* pipe = popen(command.c_str(), "r");
  std::string output;
  char buffer[256];
  while (pipe != nullptr && fgets(buffer, sizeof buffer, pipe) != nullptr) output += buffer;
  if (pipe != nullptr) output += pclose(pipe) == 0 ? "" : "failed\n";
  return output;
}

TEST(Aot, ObjectsNeedNothingButTheMemoryFunctions) {
  const std::set<std::string> allowed = {"memcpy", "memmove", "memset"};
  for (const char* object : {TENON_AOT_MLP_TRAIN, TENON_AOT_MLP, TENON_AOT_MLP_TRAIN_AARCH64}) {
    std::istringstream undefined(OutputOf(absl::StrCat("nm -u ", object)));
    std::string kind, symbol;
    while (undefined >> kind >> symbol) EXPECT_EQ(allowed.count(symbol), 1u) << symbol;
  }
  // Nothing else is seen from outside, and nothing can be written to.
  std::istringstream defined(OutputOf(absl::StrCat("nm --defined-only -g ", TENON_AOT_MLP_TRAIN)));
  std::set<std::string> names;
  for (std::string address, kind, symbol; defined >> address >> kind >> symbol;) {
    names.insert(symbol);
    EXPECT_THAT(kind, testing::AnyOf("T", "R"));
  }
  EXPECT_THAT(names, testing::ElementsAre("mlp_train_entry_prepare", "mlp_train_entry_step",
                                          "mlp_train_weights"));
}

// The C programs of this folder's build print what the JIT computes here.
std::string ExpectedOutput(int steps = 3) {
  JitTraining jit;
  std::string text;
  for (int step = 0; step < steps; ++step) {
    const float loss = jit.Step(step);
    uint32_t bits;
    std::memcpy(&bits, &loss, sizeof bits);
    absl::StrAppend(&text, absl::StrFormat("%08x\n", bits));
  }
  uint64_t hash = 0;
#define TENON_UPDATED(type, field, part, name) \
  hash = tenon_hash(hash, jit.value(name).bytes(), jit.value(name).byte_size());
#include "tests/aot/updated.def"
  absl::StrAppend(&text, absl::StrFormat("%016x\n", hash));
  return text;
}

TEST(Aot, ACProgramTrainsToTheSameBits) { EXPECT_EQ(OutputOf(TENON_AOT_TRAIN), ExpectedOutput()); }

// In tile registers, where the host has AMX.
TEST(Aot, ACProgramMultipliesBf16ToTheSameBits) {
  absl::StatusOr<ir::Model> model = ir::LoadModel(TENON_SOURCE_DIR "/tests/aot/tiles.tn");
  ASSERT_TRUE(model.ok()) << model.status();
  absl::StatusOr<Program> program = Program::Compile(model->graph);
  ASSERT_TRUE(program.ok()) << program.status();
  Instance instance = program->NewInstance();
  Tensor x(ir::DType::kBF16, {40, 66}), w(ir::DType::kBF16, {66, 50});
  uint32_t seed = 0;
  for (Tensor* tensor : {&x, &w}) {
    uint32_t state = ++seed;
    auto* bits = reinterpret_cast<uint16_t*>(tensor->mutable_bytes());
    for (int64_t i = 0; i < tensor->byte_size() / 2; ++i) {
      state = state * 1664525u + 1013904223u;
      bits[i] = static_cast<uint16_t>((state >> 16 & 0x80ff) | 0x3f00);
    }
  }
  ASSERT_TRUE(instance.BindInput("x", x.view()).ok());
  ASSERT_TRUE(instance.BindInput("w", w.view()).ok());
  const absl::Status status = instance.Run();
  ASSERT_TRUE(status.ok()) << status;
  const auto y = instance.Output("y");
  ASSERT_TRUE(y.ok()) << y.status();
  EXPECT_EQ(OutputOf(TENON_AOT_TILES),
            absl::StrFormat("%016x\n", tenon_hash(0, y->data, y->byte_size())));
}

TEST(Aot, AnAarch64ProgramTrainsToTheSameBits) {
  if (std::string(TENON_AOT_TRAIN_AARCH64).empty()) GTEST_SKIP() << "no compiler for AArch64 here";
  EXPECT_EQ(OutputOf(absl::StrCat("qemu-aarch64 ", TENON_AOT_TRAIN_AARCH64)), ExpectedOutput());
}

// The best that the processor has: AVX-512 or AVX2 here, AVX2 and nothing of the kind under QEMU.
// With FMA the bits are the JIT's on a machine with FMA, without they are those of the program for
// SSE2.
TEST(Aot, OneObjectServesSeveralInstructionSets) {
  // One step: QEMU takes its time.
  const std::string program = std::string(TENON_AOT_TRAIN_MULTI_ISA) + " 1";
  const std::string with_fma = ExpectedOutput(1);
  const std::string without = OutputOf(std::string(TENON_AOT_TRAIN_SSE2) + " 1");
  if (!codegen::HostTarget().has_fma) GTEST_SKIP() << "no FMA here";
  EXPECT_NE(with_fma, without);
  EXPECT_EQ(OutputOf(program), with_fma);
  if (OutputOf("qemu-x86_64 --version >/dev/null 2>&1; echo $?") != "0\n") {
    GTEST_SKIP() << "no qemu-x86_64 here";
  }
  EXPECT_EQ(OutputOf("qemu-x86_64 -cpu Haswell " + program + " 2>/dev/null"), with_fma);
  EXPECT_EQ(OutputOf("qemu-x86_64 -cpu Nehalem " + program + " 2>/dev/null"), without);
}

TEST(Aot, TwoCompilationsGiveTheSameBytes) {
  const ir::Graph graph = LoadExample("mlp_train.tn");
  absl::StatusOr<AotFiles> a = CompileAheadOfTime(graph, {}, {}), b = a;
  ASSERT_TRUE(a.ok()) << a.status();
  b = CompileAheadOfTime(graph, {}, {.compile = {.compile_threads = 1}});
  EXPECT_TRUE(a->object == b->object);
  EXPECT_EQ(a->header, b->header);
}

// Whole files: code, constants, and tables for linkers. So that a loop that is suddenly repeated
// many times over shows.
TEST(Aot, ObjectsAreSmall) {
  const auto bytes = [](const ir::Graph& graph) {
    const absl::StatusOr<AotFiles> files = CompileAheadOfTime(graph, {}, {.target = ir::X86Avx2()});
    EXPECT_TRUE(files.ok()) << files.status();
    return files->object.size();
  };
  std::ifstream file(absl::StrCat(TENON_SOURCE_DIR, "/examples/models/mlp.tn"));
  std::stringstream text;
  text << file.rdbuf();
  const absl::StatusOr<ir::Graph> one =
      ir::Parse(absl::StrReplaceAll(text.str(), {{"n<=64", "1"}, {"[n,", "[1,"}}));
  ASSERT_TRUE(one.ok()) << one.status();
  EXPECT_LE(bytes(*one), 32u << 10);
  EXPECT_LE(bytes(LoadExample("mlp_train.tn")), 96u << 10);
}

}  // namespace
}  // namespace tenon
