// Mixed precision: which ops change and which do not, and that training does not mind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "tenon/frontend/checkpoint/safetensors.h"
#include "tenon/frontend/tenon.h"
#include "tenon/ir/text.h"
#include "tenon/ir/verifier.h"
#include "tenon/passes/pass_manager.h"
#include "tenon/passes/pipeline.h"
#include "tests/memory/models.h"
#include "tests/memory/support.h"

namespace tenon::tests {
namespace {

using ir::ComputeClass;
using ir::OpCode;

Graph Mixed(const Graph& graph) {
  passes::PassManager manager({passes::PassId::kInline, passes::PassId::kMixedPrecision});
  absl::StatusOr<Graph> mixed = manager.Run(graph, {}, ir::X86Avx2());
  EXPECT_TRUE(mixed.ok()) << mixed.status();
  EXPECT_TRUE(ir::Verify(*mixed).ok()) << ir::Verify(*mixed);
  return *std::move(mixed);
}

// Contractions by the types of their operands and results: "bf16,bf16->f32".
void CountContractions(const Graph& graph, std::map<std::string, int>* counts) {
  for (const ir::Node& node : graph.nodes()) {
    for (const Graph& region : node.regions) CountContractions(region, counts);
    if (ir::GetOpDef(node.op).compute_class != ComputeClass::kContract) continue;
    const auto name = [&](ir::ValueId v) {
      return std::string(ir::DTypeName(graph.type(v).dtype));
    };
    ++(*counts)[name(node.operands[0]) + "," + name(node.operands[1]) + "->" +
                name(node.results[0])];
  }
}
std::map<std::string, int> Contractions(const Graph& graph) {
  std::map<std::string, int> counts;
  CountContractions(graph, &counts);
  return counts;
}

int Count(const Graph& graph, OpCode op) {
  int count = 0;
  for (const ir::Node& node : graph.nodes()) count += node.op == op;
  return count;
}

TEST(MixedPrecisionTest, NarrowsContractionsAndNothingElse) {
  const Graph graph = CnnStep(4), mixed = Mixed(graph);
  const std::map<std::string, int> before = Contractions(graph), after = Contractions(mixed);
  ASSERT_EQ(before.size(), 1u);
  ASSERT_EQ(after.size(), 1u) << ir::Print(mixed);
  EXPECT_EQ(after.at("bf16,bf16->f32"), before.at("f32,f32->f32"));
  for (int op = 0; op < ir::kNumOps; ++op) {
    if (static_cast<OpCode>(op) == OpCode::kCast) continue;
    EXPECT_EQ(Count(mixed, static_cast<OpCode>(op)), Count(graph, static_cast<OpCode>(op)));
  }
  ASSERT_EQ(mixed.inputs().size(), graph.inputs().size());
  for (size_t i = 0; i < graph.inputs().size(); ++i) {
    EXPECT_EQ(mixed.type(mixed.inputs()[i].value), graph.type(graph.inputs()[i].value));
  }
  for (size_t i = 0; i < graph.outputs().size(); ++i) {
    EXPECT_EQ(mixed.type(mixed.outputs()[i].value), graph.type(graph.outputs()[i].value));
    EXPECT_EQ(mixed.outputs()[i].donated_input, graph.outputs()[i].donated_input);
  }
}

TEST(MixedPrecisionTest, RoundsAValueOnceForAllItsReaders) {
  GraphBuilder b;
  Value x = b.Input("x", F32, {4, 4});
  const Graph mixed = Mixed(b.Build({{"y", MatMul(x, x) + MatMul(x, Tanh(x))}}).value());
  EXPECT_EQ(Count(mixed, OpCode::kCast), 2) << ir::Print(mixed);
}

TEST(MixedPrecisionTest, LeavesOtherTypesAloneAndLooksIntoRegions) {
  GraphBuilder b;
  Value x = b.Input("x", F32, {4, 4}), y = b.Input("y", F64, {4, 4}),
        z = b.Input("z", BF16, {4, 4});
  const std::vector<Value> scanned = ir::Scan({x}, {}, 3, [&](GraphBuilder&, std::vector<Value> c) {
    return std::vector<Value>{MatMul(c[0], x)};
  });
  const Graph graph =
      b.Build({{"a", scanned[0]}, {"b", MatMul(y, y)}, {"c", MatMul(z, z)}}).value();
  const std::map<std::string, int> expected = {
      {"bf16,bf16->f32", 1}, {"f64,f64->f64", 1}, {"bf16,bf16->bf16", 1}};
  EXPECT_EQ(Contractions(Mixed(graph)), expected);
}

// Products of bf16 are exact in f32, so a dot product differs from that of the rounded operands by
// roundings of f32 alone.
TEST(MixedPrecisionTest, SumsAreNotRounded) {
  GraphBuilder b;
  Value x = b.Input("x", F32, {3, 64}), y = b.Input("y", F32, {64, 5});
  const Graph graph = b.Build({{"z", MatMul(x, y)}}).value();
  passes::PipelineOptions options;
  options.precision = passes::Precision::kMixedBf16;
  const Compiled compiled = CompileAt(graph, 0, true, options).value();
  const std::vector<ir::Literal> inputs =
      MakeInputs(graph, {Uniform(-1, 1), Uniform(-1, 1)}, {}, "mixed").value();
  const auto native = compiled.RunNative(inputs, {}, 2, Guard::kAtEnd);
  const auto kernel = compiled.RunKernel(inputs, {});
  ASSERT_TRUE(native.ok() && kernel.ok()) << native.status() << kernel.status();
  EXPECT_EQ(Difference((*native)[0], (*kernel)[0]), "");
  const auto rounded = [](double v) {
    return static_cast<double>(ir::BF16ToF32(ir::F32ToBF16(static_cast<float>(v))));
  };
  for (int64_t i = 0; i < 3; ++i) {
    for (int64_t j = 0; j < 5; ++j) {
      double sum = 0, size = 0;
      for (int64_t k = 0; k < 64; ++k) {
        const double product =
            rounded(inputs[0].GetAsDouble(i * 64 + k)) * rounded(inputs[1].GetAsDouble(k * 5 + j));
        sum += product;
        size += std::abs(product);
      }
      EXPECT_NEAR((*native)[0].GetAsDouble(i * 5 + j), sum, 64 * 0x1p-24 * size);
    }
  }
}

Scores Train(const nn::Sequential& net, const data::Dataset& train, const data::Dataset& test,
             Precision precision, uint64_t seed, const std::string& save = "") {
  Model model(net, {.loss = loss::SparseCategoricalCrossEntropy({.from_logits = true}),
                    .optimizer = optim::Adam({.learning_rate = 3e-3}),
                    .metrics = {metric::Accuracy()},
                    .seed = seed,
                    .threads = 2,
                    .precision = precision});
  const auto history = model.Fit(train, {.epochs = 6, .batch_size = 32, .progress = false});
  EXPECT_TRUE(history.ok()) << history.status();
  if (!save.empty()) {
    EXPECT_TRUE(model.Save(save).ok());
  }
  const auto scores = model.Evaluate(test);
  EXPECT_TRUE(scores.ok()) << scores.status();
  return *scores;
}

// Rows of images with a bright bar in one of four places, and noise.
data::Dataset Bars(int64_t rows, uint32_t state) {
  data::Dataset d{Tensor(F32, {rows, 8, 8, 1}), Tensor(I64, {rows})};
  for (int64_t r = 0; r < rows; ++r) {
    state = state * 1664525u + 1013904223u;
    const int64_t label = (state >> 20) % 4;
    d.y.SetFromDouble(r, static_cast<double>(label));
    for (int64_t p = 0; p < 64; ++p) {
      state = state * 1664525u + 1013904223u;
      const int64_t line = label % 2 == 0 ? p / 8 : p % 8;
      const double bar = line == 2 + label / 2 * 3 ? 0.6 : 0;
      d.x.SetFromDouble(r * 64 + p, bar + (state >> 8) * 0x1p-24);
    }
  }
  return d;
}

struct Means {
  double loss = 0, accuracy = 0;
};
Means MeanOf(const nn::Sequential& net, const data::Dataset& train, const data::Dataset& test,
             Precision precision) {
  constexpr int kSeeds = 4;
  Means means;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    const Scores scores = Train(net, train, test, precision, seed);
    means.loss += scores.loss / kSeeds;
    means.accuracy += *scores.metric("accuracy") / kSeeds;
  }
  return means;
}

void ExpectEquallyGood(const nn::Sequential& net, const data::Dataset& train,
                       const data::Dataset& test, double least) {
  const Means full = MeanOf(net, train, test, Precision::kAsWritten);
  const Means mixed = MeanOf(net, train, test, Precision::kMixedBf16);
  std::printf("f32: loss %.4f accuracy %.4f; mixed: loss %.4f accuracy %.4f\n", full.loss,
              full.accuracy, mixed.loss, mixed.accuracy);
  // Means of four seeds over 400 rows: a row more or less a seed is 0.0025.
  EXPECT_NEAR(mixed.accuracy, full.accuracy, 0.02);
  EXPECT_NEAR(mixed.loss, full.loss, 0.15 * full.loss + 0.01);
  EXPECT_GE(mixed.accuracy, least);
}

TEST(MixedPrecisionTest, ACnnTrainsAsWellAsInF32) {
  ExpectEquallyGood({nn::Conv2D(8, {3, 3}, {.activation = nn::Relu}), nn::MaxPool2D(),
                     nn::Flatten(), nn::Dense(16, nn::Relu), nn::Dense(4)},
                    Bars(1200, 1), Bars(400, 2), 0.9);
}

TEST(MixedPrecisionTest, AnMlpTrainsAsWellAsInF32) {
  ExpectEquallyGood({nn::Flatten(), nn::Dense(48, nn::Relu), nn::Dense(4)}, Bars(1200, 1),
                    Bars(400, 2), 0.9);
}

TEST(MixedPrecisionTest, CheckpointsHoldF32AndLoadIntoEither) {
  const std::string path =
      std::filesystem::temp_directory_path() / ("mixed_precision_test." + std::to_string(getpid()));
  const nn::Sequential net{nn::Flatten(), nn::Dense(16, nn::Relu), nn::Dense(4)};
  const data::Dataset train = Bars(200, 1), test = Bars(100, 2);
  const Scores mixed = Train(net, train, test, Precision::kMixedBf16, 0, path);
  const auto saved = checkpoint::Load(path);
  ASSERT_TRUE(saved.ok()) << saved.status();
  int floats = 0;
  for (const auto& [name, tensor] : saved->tensors) {
    if (!ir::IsFloat(tensor.dtype())) continue;
    EXPECT_EQ(tensor.dtype(), F32) << name;
    ++floats;
  }
  EXPECT_GE(floats, 4);
  Model full(net, {.loss = loss::SparseCategoricalCrossEntropy({.from_logits = true}),
                   .metrics = {metric::Accuracy()}});
  ASSERT_TRUE(full.Load(path).ok()) << full.Load(path);
  const auto scores = full.Evaluate(test);
  ASSERT_TRUE(scores.ok()) << scores.status();
  EXPECT_NEAR(scores->loss, mixed.loss, 0.02);
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace tenon::tests
