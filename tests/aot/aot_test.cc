// Programs compiled ahead of time: the same bits as the JIT's, and what they say of wrong
// arguments. The build makes mlp_train.{o,h} and mlp.{o,h} by the `tenon compile` under test.
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
#include "tenon/ir/binary.h"
#include "tenon/ir/text.h"
#include "tenon/runtime/arena.h"
#include "tenon/runtime/team.h"

namespace tenon {
namespace {

constexpr int kBatch = 33;

ir::Graph LoadExample(const std::string& name) {
  absl::StatusOr<ir::Model> model =
      ir::LoadModel(absl::StrCat(TENON_SOURCE_DIR, "/examples/models/", name));
  EXPECT_TRUE(model.ok()) << model.status();
  return model->graph;
}

// As tests/aot/train.c makes it.
void MakeBatch(int step, float* x, int32_t* y) {
  uint32_t state = 12345u + static_cast<uint32_t>(step);
  for (int i = 0; i < kBatch * 784; ++i) {
    state = state * 1664525u + 1013904223u;
    x[i] = static_cast<float>(state >> 16) / 65536.0f;
  }
  for (int i = 0; i < kBatch; ++i) y[i] = static_cast<int32_t>((i * 7 + step) % 10);
}

// The training step by the JIT.
class JitTraining {
 public:
  JitTraining() : program_(Program::Compile(LoadExample("mlp_train.tn"))) {
    EXPECT_TRUE(program_.ok()) << program_.status();
    instance_ = std::make_unique<Instance>(program_->NewInstance());
    const ir::Graph graph = LoadExample("mlp_train.tn");
    for (const ir::Input& input : graph.inputs()) {
      if (input.kind == ir::InputKind::kInput) continue;
      const kernel::Binding& binding = program_->bindings()[instance_->FindInput(input.name)];
      std::vector<int64_t> dims;
      for (const ir::Dim& d : binding.type.dims) dims.push_back(d.constant());
      Tensor& tensor = values_[input.name];
      tensor = *Initialize(input.init, binding.type.dtype, dims, /*seed=*/0, input.name);
      const absl::Status bound = IsUpdated(input.name)
                                     ? instance_->BindMutable(input.name, tensor.mutable_view())
                                     : instance_->BindInput(input.name, tensor.view());
      EXPECT_TRUE(bound.ok()) << bound;
    }
  }

  float Step(int step) {
    MakeBatch(step, x_.mutable_data<float>().data(), y_.mutable_data<int32_t>().data());
    EXPECT_TRUE(instance_->BindInput("x", x_.view()).ok());
    EXPECT_TRUE(instance_->BindInput("y", y_.view()).ok());
    const absl::Status status = instance_->Run();
    EXPECT_TRUE(status.ok()) << status;
    return instance_->Output("loss")->as<float>()[0];
  }
  const Tensor& value(const std::string& name) const { return values_.at(name); }

 private:
  static bool IsUpdated(const std::string& name) {
    static const std::set<std::string> updated = {
#define TENON_UPDATED(type, field, part, name) name,
#include "tests/aot/updated.def"
    };
    return updated.count(name) != 0;
  }

  absl::StatusOr<Program> program_;
  std::unique_ptr<Instance> instance_;
  std::map<std::string, Tensor> values_;
  Tensor x_{ir::DType::kF32, {kBatch, 784}}, y_{ir::DType::kI32, {kBatch}};
};

// The same from the object, in memory of its own.
struct ObjectTraining {
  explicit ObjectTraining(int threads = 1)
      : arena(MLP_TRAIN_ARENA_BYTES_FOR(threads)), prepared(MLP_TRAIN_PREPARED_BYTES) {
#define TENON_UPDATED(type, field, part, name) \
  field.resize(MLP_TRAIN_##part##_ELEMENTS);   \
  m.tensors.field = field.data();
#include "tests/aot/updated.def"
    m.tensors.x = x.data();
    m.tensors.y = y.data();
    m.tensors.loss = &loss;
    m.extents.n = kBatch;
    m.arena = arena.data();
    m.prepared = prepared.data();
    mlp_train_use_weights(&m);
  }

  mlp_train_instance m = {};
#define TENON_UPDATED(type, field, part, name) std::vector<type> field;
#include "tests/aot/updated.def"
  std::vector<float> x = std::vector<float>(kBatch * 784);
  std::vector<int32_t> y = std::vector<int32_t>(kBatch);
  float loss = 0;
  runtime::Arena arena, prepared;
};

template <typename T>
bool SameBits(const std::vector<T>& a, const Tensor& b) {
  return static_cast<int64_t>(a.size() * sizeof(T)) == b.byte_size() &&
         std::memcmp(a.data(), b.bytes(), a.size() * sizeof(T)) == 0;
}

void ExpectSameState(const ObjectTraining& object, const JitTraining& jit) {
#define TENON_UPDATED(type, field, part, name) \
  EXPECT_TRUE(SameBits(object.field, jit.value(name))) << name;
#include "tests/aot/updated.def"
}

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

TEST(Aot, WrongArgumentsAreNamed) {
  ObjectTraining object;
  const auto expect = [&](int32_t status, const std::string& culprit) {
    EXPECT_EQ(mlp_train_step(&object.m), status);
    EXPECT_EQ(object.m.frame.status, status);
    EXPECT_EQ(mlp_train_culprit(&object.m), culprit);
  };
  ASSERT_EQ(mlp_train_prepare(&object.m), TENON_OK);
  MakeBatch(0, object.x.data(), object.y.data());
  object.m.extents.n = 65;
  expect(TENON_BAD_EXTENT, "n");
  object.m.extents.n = -1;
  expect(TENON_BAD_EXTENT, "n");
  object.m.extents.n = kBatch;
  object.m.tensors.dense_1_bias_m = nullptr;
  expect(TENON_MISSING_BUFFER, "dense_1_bias_m");
  object.m.tensors.dense_1_bias_m = object.dense_1_bias_m.data();
  object.m.tensors.y =
      reinterpret_cast<const int32_t*>(reinterpret_cast<const char*>(object.y.data()) + 1);
  expect(TENON_MISALIGNED_BUFFER, "y");
  object.m.tensors.y = object.y.data();
  object.m.arena = static_cast<char*>(object.m.arena) + 16;
  expect(TENON_BAD_MEMORY, "arena");
  object.m.arena = nullptr;
  expect(TENON_BAD_MEMORY, "arena");
  object.m.arena = object.arena.data();
  mlp_train_begin(&object.m);
  EXPECT_EQ(mlp_train_step_on(&object.m, 1, 1), TENON_BAD_THREAD);
  EXPECT_EQ(mlp_train_step_on(&object.m, 0, 2), TENON_BAD_THREAD);  // no team
  tenon_team team = {};
  object.m.team = &team;
  mlp_train_begin(&object.m);
  EXPECT_EQ(mlp_train_step_on(&object.m, 0, MLP_TRAIN_MAX_THREADS + 1), TENON_BAD_THREAD);
  object.m.team = nullptr;
  expect(TENON_OK, "");
}

TEST(Aot, WrongWeightsAreRefused) {
  runtime::Arena arena(MLP_ARENA_BYTES), prepared(MLP_PREPARED_BYTES);
  mlp_instance m = {};
  m.arena = arena.data();
  m.prepared = prepared.data();
  EXPECT_EQ(mlp_prepare(&m), TENON_MISSING_BUFFER);
  mlp_use_weights(&m);
  EXPECT_EQ(mlp_prepare(&m), TENON_OK);
  std::vector<float> bias(m.tensors.dense_1_bias, m.tensors.dense_1_bias + 256);
  m.tensors.dense_1_bias = bias.data();
  EXPECT_EQ(mlp_prepare(&m), TENON_OK);  // a copy is as good
  bias[255] += 1e-30f;
  EXPECT_EQ(mlp_prepare(&m), TENON_WRONG_WEIGHTS);
}

TEST(Aot, TooLittleMemoryIsRefusedByTheCppLayer) {
  mlp::Program object({}, {});
  EXPECT_EQ(object.Prepare(), TENON_BAD_MEMORY);
  runtime::Arena arena(MLP_ARENA_BYTES), prepared(MLP_PREPARED_BYTES);
  mlp::Program other({reinterpret_cast<std::byte*>(arena.data()), mlp::kArenaBytes},
                     {reinterpret_cast<std::byte*>(prepared.data()), mlp::kPreparedBytes});
  other.use_weights();
  ASSERT_EQ(other.Prepare(), TENON_OK);
  std::vector<float> x(783), prediction(10);
  other.n(1).x(x).prediction(prediction);
  EXPECT_EQ(other.Step(), TENON_MISSING_BUFFER);
  EXPECT_STREQ(other.culprit(), "x");
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

TEST(Aot, AnArenasLimitCountsScratchMemory) {
  const ir::Graph graph = LoadExample("cnn_train.tn");
  const absl::StatusOr<AotFiles> free = CompileAheadOfTime(graph, {}, {});
  ASSERT_TRUE(free.ok()) << free.status();
  for (const int percent : {75, 50, 25}) {
    const int64_t limit = free->arena_bytes * percent / 100;
    const absl::StatusOr<AotFiles> files = CompileAheadOfTime(
        graph, {}, {.compile = {.memory_limit = limit, .memory_limit_threads = 1}});
    if (files.ok()) {
      EXPECT_LE(files->arena_bytes, limit);
    } else {
      EXPECT_EQ(files.status().code(), absl::StatusCode::kResourceExhausted) << files.status();
      EXPECT_THAT(files.status().ToString(), testing::HasSubstr("Alive at its peak:\n  "));
    }
  }
}

TEST(Aot, WrongRequestsAreRefused) {
  const ir::Graph graph = LoadExample("mlp.tn");
  EXPECT_THAT(CompileAheadOfTime(graph, {}, {.name = "my-model"}).status().ToString(),
              testing::HasSubstr("try 'my_model'"));
  EXPECT_THAT(CompileAheadOfTime(graph, {}, {.weights = AotWeights::kEmbedded}).status().ToString(),
              testing::HasSubstr("no value for 'dense/kernel'"));
  Tensor wrong(ir::DType::kF32, {1, 2});
  std::map<std::string, TensorView> weights = {{"dense/kernel", wrong.view()}};
  EXPECT_THAT(
      CompileAheadOfTime(graph, weights, {.weights = AotWeights::kEmbedded}).status().ToString(),
      testing::HasSubstr("'dense/kernel' is f32[784,512], its value f32[1,2]"));
}

}  // namespace
}  // namespace tenon
