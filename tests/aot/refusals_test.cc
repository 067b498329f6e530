// What a compiled program, its header and the compilation refuse, and in which words.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "filed.h"
#include "mlp.h"
#include "mlp_train.h"
#include "tenon/frontend/aot.h"
#include "tenon/frontend/compile.h"
#include "tenon/frontend/init.h"
#include "tenon/ir/text.h"
#include "tenon/runtime/arena.h"
#include "tests/aot/training.h"

namespace tenon {
namespace {

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
  EXPECT_EQ(mlp_train_step_on(&object.m, -1, 1), TENON_BAD_THREAD);
  // What the caller says of its memory.
  object.m.arena_bytes = MLP_TRAIN_ARENA_BYTES - 1;
  expect(TENON_BAD_MEMORY, "arena");
  EXPECT_EQ(mlp_train_prepare(&object.m), TENON_BAD_MEMORY);
  EXPECT_STREQ(mlp_train_culprit(&object.m), "arena");
  object.m.arena_bytes = MLP_TRAIN_ARENA_BYTES;  // for one thread
  expect(TENON_OK, "");
}

int32_t NeverWaits(void*, uint32_t*, uint32_t) { return TENON_CANCELLED; }
void NeverWakes(void*, uint32_t*) {}

// Of several threads too, each of which must come back.
TEST(Aot, WrongTeamsAreRefused) {
  ObjectTraining object(2);
  ASSERT_EQ(mlp_train_prepare(&object.m), TENON_OK);
  const auto expect_both = [&](int32_t status) {
    mlp_train_begin(&object.m);
    EXPECT_EQ(mlp_train_step_on(&object.m, 1, 2), status);
    EXPECT_EQ(mlp_train_step_on(&object.m, 0, 2), status);
    EXPECT_EQ(object.m.frame.status, status);
  };
  tenon_team team = {};
  team.wait = NeverWaits;
  object.m.team = &team;
  expect_both(TENON_BAD_THREAD);  // nobody to wake the others
  team.wake = NeverWakes;
  object.m.arena_bytes = MLP_TRAIN_ARENA_BYTES_FOR(2) - 1;
  expect_both(MLP_TRAIN_ARENA_BYTES_FOR(2) > MLP_TRAIN_ARENA_BYTES ? TENON_BAD_MEMORY
                                                                   : TENON_CANCELLED);
  // What a run leaves in its team does not stop the next one. On one thread the team is let be:
  // another instance may be running on it.
  team.arrived = 3;
  team.stop[0] = team.stop[1] = TENON_CANCELLED;
  EXPECT_EQ(mlp_train_prepare(&object.m), TENON_OK);
  EXPECT_EQ(team.arrived, 3u);
  mlp_train_begin(&object.m);
  EXPECT_EQ(team.arrived, 0u);
  EXPECT_EQ(team.stop[0], TENON_OK);
  EXPECT_EQ(team.stop[1], TENON_OK);
}

TEST(Aot, WeightsInAFileAreHeldToItsHead) {
  std::ifstream in(TENON_AOT_FILED, std::ios::binary);
  const std::string file((std::istreambuf_iterator<char>(in)), {});
  ASSERT_EQ(static_cast<int64_t>(file.size()), FILED_WEIGHTS_BYTES);
  runtime::Arena copy(FILED_WEIGHTS_BYTES + 8), arena(FILED_ARENA_BYTES);
  runtime::Arena prepared(FILED_PREPARED_BYTES);
  char* const bytes = reinterpret_cast<char*>(copy.data());
  std::memcpy(bytes, file.data(), file.size());
  std::vector<float> x(4, 1), y(3);
  int64_t steps = -1;
  filed_instance m = {};
  m.arena = arena.data();
  m.prepared = prepared.data();
  m.tensors.x = x.data();
  m.tensors.y = y.data();
  m.extents.n = 1;
  // Where there is no memory for a weight that is updated, it is not copied, and named.
  ASSERT_EQ(filed_use_weights(&m, bytes, FILED_WEIGHTS_BYTES), TENON_OK);
  EXPECT_EQ(filed_prepare(&m), TENON_MISSING_BUFFER);
  EXPECT_STREQ(filed_culprit(&m), "steps");
  m.tensors.steps = &steps;
  ASSERT_EQ(filed_use_weights(&m, bytes, FILED_WEIGHTS_BYTES), TENON_OK);
  EXPECT_EQ(steps, 0);
  ASSERT_EQ(filed_prepare(&m), TENON_OK);
  ASSERT_EQ(filed_step(&m), TENON_OK);
  EXPECT_EQ(steps, 1);
  EXPECT_EQ(y[1], m.tensors.w[1] + m.tensors.w[4] + m.tensors.w[7] + m.tensors.w[10]);

  EXPECT_EQ(filed_use_weights(&m, nullptr, FILED_WEIGHTS_BYTES), TENON_WRONG_WEIGHTS);
  EXPECT_EQ(filed_use_weights(&m, bytes, FILED_WEIGHTS_BYTES - 1), TENON_WRONG_WEIGHTS);
  // Another tensor's name, or its shape: [4,3] becomes [3,4].
  for (const char* what : {"steps", "[4,3]"}) {
    const size_t at = file.find(what);
    ASSERT_NE(at, std::string::npos);
    std::swap(bytes[at + 1], bytes[at + 3]);
    EXPECT_EQ(filed_use_weights(&m, bytes, FILED_WEIGHTS_BYTES), TENON_WRONG_WEIGHTS) << what;
    std::swap(bytes[at + 1], bytes[at + 3]);
  }
  bytes[reinterpret_cast<const char*>(m.tensors.w) - bytes] ^= 1;
  ASSERT_EQ(filed_use_weights(&m, bytes, FILED_WEIGHTS_BYTES), TENON_OK);
  EXPECT_EQ(filed_prepare(&m), TENON_WRONG_WEIGHTS);
  // A file that lies askew.
  std::memcpy(bytes + 1, file.data(), file.size());
  ASSERT_EQ(filed_use_weights(&m, bytes + 1, FILED_WEIGHTS_BYTES), TENON_OK);
  EXPECT_EQ(filed_step(&m), TENON_MISALIGNED_BUFFER);
  EXPECT_STREQ(filed_culprit(&m), "w");
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
  EXPECT_STREQ(object.culprit(), "arena");
  runtime::Arena arena(MLP_ARENA_BYTES), prepared(MLP_PREPARED_BYTES);
  mlp::Program other({reinterpret_cast<std::byte*>(arena.data()), mlp::kArenaBytes},
                     {reinterpret_cast<std::byte*>(prepared.data()), mlp::kPreparedBytes});
  other.use_weights();
  ASSERT_EQ(other.Prepare(), TENON_OK);
  std::vector<float> x(783), prediction(10);
  other.n(1).x(x).prediction(prediction);
  EXPECT_EQ(other.Step(), TENON_MISSING_BUFFER);
  EXPECT_STREQ(other.culprit(), "x");
  mlp::Program unprepared({reinterpret_cast<std::byte*>(arena.data()), mlp::kArenaBytes},
                          {reinterpret_cast<std::byte*>(prepared.data()), mlp::kPreparedBytes - 1});
  unprepared.use_weights();
  EXPECT_EQ(unprepared.Prepare(), TENON_BAD_MEMORY);
  EXPECT_STREQ(unprepared.culprit(), "prepared");
}

// The CNN's training step, each op with a line of its own.
ir::Graph CnnWithLines() {
  std::ifstream file(absl::StrCat(TENON_SOURCE_DIR, "/examples/models/cnn_train.tn"));
  std::string text;
  int number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    absl::StrAppend(&text, line,
                    line.rfind("  %", 0) == 0 ? absl::StrCat("  // cnn.cc:", number) : "", "\n");
  }
  const absl::StatusOr<ir::Graph> graph = ir::Parse(text);
  EXPECT_TRUE(graph.ok()) << graph.status();
  return *graph;
}

// Three steps from the initialisers on, on made-up images: the outputs of the last one.
std::map<std::string, Tensor> TrainCnn(const ir::Graph& graph, const Program& program) {
  std::map<std::string, Tensor> values;
  for (const ir::Input& input : graph.inputs()) {
    const ir::TensorType& type = graph.type(input.value);
    Dims dims;
    for (const ir::Dim& d : type.dims) dims.push_back(*d.Evaluate({{"n", 5}}));
    if (input.kind != ir::InputKind::kInput) {
      values[input.name] = *Initialize(input.init, type.dtype, dims, /*seed=*/0, input.name);
      continue;
    }
    Tensor& tensor = values[input.name] = Tensor(type.dtype, dims);
    for (int64_t i = 0; i < tensor.num_elements(); ++i) {
      tensor.SetFromDouble(i, static_cast<double>(i % 10) / (ir::IsFloat(type.dtype) ? 10 : 1));
    }
  }
  std::map<std::string, Tensor> outputs;
  for (int step = 0; step < 3; ++step) {
    auto run = program.Run({values.begin(), values.end()});
    EXPECT_TRUE(run.ok()) << run.status();
    outputs = *std::move(run);
    for (const ir::Output& output : graph.outputs()) {
      if (output.donated_input < 0) continue;
      values[graph.inputs()[output.donated_input].name] = outputs.at(output.name);
    }
  }
  return outputs;
}

// A smaller arena gives the same bits, or an error that names what is in the way and whose it is.
TEST(Aot, AnArenasLimitChangesNoBitOrNamesTheTensors) {
  const ir::Graph graph = CnnWithLines();
  const absl::StatusOr<AotFiles> free = CompileAheadOfTime(graph, {}, {});
  ASSERT_TRUE(free.ok()) << free.status();
  const absl::StatusOr<Program> unlimited = Program::Compile(graph);
  ASSERT_TRUE(unlimited.ok()) << unlimited.status();
  const std::map<std::string, Tensor> expected = TrainCnn(graph, *unlimited);
  int fitted = 0, refused = 0;
  for (const int percent : {97, 93, 86, 76, 50, 25}) {
    SCOPED_TRACE(percent);
    CompileOptions options;
    options.memory_limit = free->arena_bytes * percent / 100;
    options.memory_limit_threads = 1;
    const absl::StatusOr<AotFiles> files = CompileAheadOfTime(graph, {}, {.compile = options});
    const absl::StatusOr<Program> program = Program::Compile(graph, options);
    ASSERT_EQ(files.ok(), program.ok()) << files.status() << program.status();
    if (files.ok()) {
      EXPECT_LE(files->arena_bytes, options.memory_limit);  // scratch memory counts
      const std::map<std::string, Tensor> found = TrainCnn(graph, *program);
      for (const auto& [name, value] : expected) EXPECT_EQ(found.at(name), value) << name;
      ++fitted;
      continue;
    }
    EXPECT_EQ(files.status().code(), absl::StatusCode::kResourceExhausted) << files.status();
    EXPECT_EQ(files.status(), program.status());
    const std::string message(files.status().message());
    EXPECT_THAT(message,
                testing::ContainsRegex("Alive at its peak:\n(  [0-9.]+ [bytesKiMB]+: [a-z_]+ "
                                       "[a-z0-9]+\\[[^ ]*\\] at cnn.cc:[0-9]+\n)+"));
    ++refused;
  }
  EXPECT_GE(fitted, 1);
  EXPECT_GE(refused, 1);
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
