// Every layer against Keras, and what is wrong about their use.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tenon/frontend/nn/average_pool2d.h"
#include "tenon/frontend/nn/batch_norm.h"
#include "tenon/frontend/nn/conv2d.h"
#include "tenon/frontend/nn/dense.h"
#include "tenon/frontend/nn/dropout.h"
#include "tenon/frontend/nn/flatten.h"
#include "tenon/frontend/nn/max_pool2d.h"
#include "tenon/frontend/nn/sequential.h"
#include "tests/frontend/support.h"

namespace tenon {
namespace {

using testing::ExpectNear;
using testing::Reference;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Sums of up to 36 products in another order than Keras takes.
constexpr double kRelative = 1e-5, kAbsolute = 1e-5;

// The layer's graph over references: "<name>/x" and the weights "<name>/w<i>" under `weight_names`.
std::map<std::string, Tensor> RunLayer(const nn::Layer& layer, const std::string& name,
                                       const std::vector<std::string>& weight_names,
                                       bool training = false) {
  const Tensor x = Reference(name + "/x");
  GraphBuilder b("layer");
  Value key = b.Input("key", I64, {});
  nn::LayerContext context(b, training, key);
  Value y = layer.Apply(
      context, b.Input("x", F32, Shape(x.dims().begin(), x.dims().end())));
  std::vector<std::pair<std::string, Value>> outputs = {{"y", y}};
  for (const auto& update : context.state_updates()) outputs.push_back(update);
  absl::StatusOr<Graph> graph = b.Build(outputs);
  EXPECT_TRUE(graph.ok()) << graph.status();
  auto program = Program::Compile(*graph, {.backend = Backend::kInterpreter});
  EXPECT_TRUE(program.ok()) << program.status();
  std::vector<Tensor> tensors = {x, Tensor(DType::kI64, {})};
  std::map<std::string, TensorView> inputs = {{"x", tensors[0]}, {"key", tensors[1]}};
  tensors.reserve(2 + weight_names.size());
  for (size_t i = 0; i < weight_names.size(); ++i) {
    tensors.push_back(Reference(name + "/w" + std::to_string(i)));
    inputs.emplace(weight_names[i], tensors.back());
  }
  auto result = program->Run(inputs);
  EXPECT_TRUE(result.ok()) << result.status();
  return result.ok() ? *result : std::map<std::string, Tensor>{};
}

void ExpectKeras(const nn::Layer& layer, const std::string& name,
                 const std::vector<std::string>& weight_names) {
  SCOPED_TRACE(name);
  const auto outputs = RunLayer(layer, name, weight_names);
  ASSERT_EQ(outputs.count("y"), 1u);
  ExpectNear(outputs.at("y"), Reference(name + "/y"), kRelative, kAbsolute);
}

TEST(Dense, IsKeras) {
  ExpectKeras(nn::Dense(3, nn::Tanh), "dense", {"dense/kernel", "dense/bias"});
}

TEST(Conv2D, IsKeras) {
  const std::vector<std::string> names = {"conv2d/kernel", "conv2d/bias"};
  ExpectKeras(nn::Conv2D(3, {3, 2}), "conv_valid", names);
  ExpectKeras(nn::Conv2D(5, {3, 3},
                         {.activation = nn::Relu, .stride = {2, 2}, .padding = Padding::kSame}),
              "conv_same", names);
  ExpectKeras(nn::Conv2D(2, {2, 3}, {.dilation = {2, 2}, .padding = Padding::kSame}),
              "conv_dilated", names);
  ExpectKeras(nn::Conv2D(6, {3, 3}, {.groups = 2, .use_bias = false}), "conv_groups",
              {"conv2d/kernel"});
}

TEST(MaxPool2D, IsKeras) {
  ExpectKeras(nn::MaxPool2D(), "max_pool", {});
  ExpectKeras(nn::MaxPool2D({.window = {3, 2},
                             .stride = std::array<int64_t, 2>{2, 2},
                             .padding = Padding::kSame}),
              "max_pool_same", {});
}

TEST(AveragePool2D, IsKeras) {
  ExpectKeras(nn::AveragePool2D({.window = {2, 3}, .stride = std::array<int64_t, 2>{1, 2}}),
              "average_pool", {});
  ExpectKeras(nn::AveragePool2D({.window = {3, 3},
                                 .stride = std::array<int64_t, 2>{2, 2},
                                 .padding = Padding::kSame}),
              "average_pool_same", {});
}

const std::vector<std::string> kBatchNormNames = {"batch_norm/gamma", "batch_norm/beta",
                                                  "batch_norm/moving_mean",
                                                  "batch_norm/moving_variance"};

TEST(BatchNorm, InferenceIsKeras) { ExpectKeras(nn::BatchNorm(), "batch_norm", kBatchNormNames); }

TEST(BatchNorm, TrainingIsKerasAndMovesTheStatistics) {
  // Training reads the statistics only to move them: the graph has all four inputs.
  const auto outputs =
      RunLayer(nn::BatchNorm({.momentum = 0.9}), "batch_norm", kBatchNormNames, true);
  ASSERT_EQ(outputs.size(), 3u);
  ExpectNear(outputs.at("y"), Reference("batch_norm/train_y"), kRelative, kAbsolute);
  ExpectNear(outputs.at("batch_norm/moving_mean"), Reference("batch_norm/train_w2"), kRelative,
             kAbsolute);
  ExpectNear(outputs.at("batch_norm/moving_variance"), Reference("batch_norm/train_w3"), kRelative,
             kAbsolute);
}

TEST(Flatten, KeepsTheBatchEvenSymbolic) {
  GraphBuilder b("flatten");
  nn::LayerContext context(b, false);
  const Dim n = Dim("n").AtMost(8);
  Value y = nn::Flatten().Apply(context, b.Input("x", F32, {n, 2, 3, 4}));
  EXPECT_EQ(y.shape(), (Shape{n, 24}));
  EXPECT_TRUE(b.Build({{"y", y}}).ok());
}

TEST(Dropout, ActsInTrainingOnly) {
  const nn::Dropout dropout(0.5);
  EXPECT_EQ(RunLayer(dropout, "dense", {}).at("y"), Reference("dense/x"));
  const Tensor y = RunLayer(dropout, "dense", {}, true).at("y");
  EXPECT_FALSE(y == Reference("dense/x"));
}

TEST(Sequential, NamesLayersAfterTheirKindInOrder) {
  const nn::Sequential net{nn::Dense(3, nn::Relu), nn::Sequential{nn::Dense(2), nn::BatchNorm()},
                           nn::Dense(1, nn::Linear, {.use_bias = false, .name = "head"}),
                           nn::Softmax};
  GraphBuilder b("names");
  nn::LayerContext context(b, false);
  Value y = net.Apply(context, b.Input("x", F32, {4, 5}));
  EXPECT_EQ(y.shape(), (Shape{4, 1}));
  EXPECT_THAT(context.parameters(),
              ElementsAre("dense/kernel", "dense/bias", "dense_1/kernel", "dense_1/bias",
                          "batch_norm/gamma", "batch_norm/beta", "head/kernel"));
  EXPECT_THAT(context.states(), ElementsAre("batch_norm/moving_mean", "batch_norm/moving_variance"));
  ASSERT_EQ(context.layers().size(), 5u);
  EXPECT_EQ(context.layers()[4].name, "softmax");
}

TEST(Layer, PenaltiesAreSumsOfSquares) {
  GraphBuilder b("penalty");
  nn::LayerContext context(b, true);
  nn::Dense(2, nn::Linear, {.kernel_l2 = 0.5}).Apply(context, b.Input("x", F32, {1, 1}));
  ASSERT_EQ(context.penalties().size(), 1u);
  absl::StatusOr<Graph> graph = b.Build({{"penalty", context.penalties()[0]}});
  ASSERT_TRUE(graph.ok()) << graph.status();
  auto program = Program::Compile(*graph, {.backend = Backend::kInterpreter});
  ASSERT_TRUE(program.ok()) << program.status();
  const std::vector<float> kernel = {3, 4}, zeros = {0, 0};
  const Tensor k = Tensor::FromValues<float>({1, 2}, kernel);
  const Tensor z = Tensor::FromValues<float>({2}, zeros), x(DType::kF32, {1, 1});
  auto outputs = program->Run({{"x", x}, {"dense/kernel", k}, {"dense/bias", z}});
  ASSERT_TRUE(outputs.ok()) << outputs.status();
  EXPECT_EQ(outputs->at("penalty").data<float>()[0], 12.5f);
}

std::string ErrorOf(const nn::Layer& layer, const Shape& shape) {
  GraphBuilder b("bad");
  nn::LayerContext context(b, false);
  Value y = layer.Apply(context, b.Input("x", F32, shape));
  return std::string(b.Build({{"y", y}}).status().message());
}

TEST(Layer, ErrorsNameTheLayerTheShapeAndTheLine) {
  const int line = __LINE__ + 1;
  const std::string error = ErrorOf(nn::Dense(3), {7});
  EXPECT_THAT(error, HasSubstr("dense"));
  EXPECT_THAT(error, HasSubstr("f32[7]"));
  EXPECT_THAT(error, HasSubstr("nn_test.cc:" + std::to_string(line)));
  EXPECT_THAT(ErrorOf(nn::Dense(0), {2, 7}), HasSubstr("units"));
  EXPECT_THAT(ErrorOf(nn::Conv2D(4, {3, 3}, {.groups = 3}), {1, 8, 8, 4}), HasSubstr("groups"));
  EXPECT_THAT(ErrorOf(nn::Conv2D(4, {3, 3}), {8, 8}), HasSubstr("f32[8,8]"));
  EXPECT_THAT(ErrorOf(nn::Conv2D(4, {9, 9}), {1, 8, 8, 1}), HasSubstr("conv"));
  EXPECT_THAT(ErrorOf(nn::BatchNorm(), {3}), HasSubstr("batch_norm"));
  EXPECT_THAT(ErrorOf(nn::Dropout(1), {3}), HasSubstr("rate"));
}

}  // namespace
}  // namespace tenon
