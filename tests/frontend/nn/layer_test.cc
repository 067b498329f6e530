#include "tenon/frontend/nn/layer.h"

#include "gtest/gtest.h"
#include "tenon/frontend/nn/dense.h"
#include "tests/frontend/nn/support.h"

namespace tenon {
namespace {

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

}  // namespace
}  // namespace tenon
