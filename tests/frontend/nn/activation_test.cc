#include "tenon/frontend/nn/activation.h"

#include "gtest/gtest.h"
#include "tenon/frontend/nn/sequential.h"
#include "tests/frontend/nn/support.h"

namespace tenon {
namespace {

using testing::Reference;

// The functions themselves are tested in compose_test.cc.
TEST(Activation, IsALayerAndAFunction) {
  GraphBuilder b("activation");
  nn::LayerContext context(b, false);
  Value x = b.Input("x", F32, {3, 6});
  auto graph = b.Build({{"layer", nn::Tanh.Apply(context, x)}, {"function", nn::Tanh(x)}});
  ASSERT_TRUE(graph.ok()) << graph.status();
  auto program = Program::Compile(*graph, {.backend = Backend::kInterpreter});
  ASSERT_TRUE(program.ok()) << program.status();
  auto outputs = program->Run({{"x", Reference("activation/x")}});
  ASSERT_TRUE(outputs.ok()) << outputs.status();
  EXPECT_EQ(outputs->at("layer"), outputs->at("function"));
  testing::ExpectNear(outputs->at("layer"), Reference("activation/tanh"), 2e-6, 1e-7);
}

TEST(Activation, IsOfItsName) {
  const Tensor x = Reference("activation/x");
  for (const auto& [activation, name] :
       {std::make_pair(nn::Relu, "relu"), std::make_pair(nn::Sigmoid, "sigmoid"),
        std::make_pair(nn::Softmax, "softmax"), std::make_pair(nn::Silu, "silu"),
        std::make_pair(nn::Softplus, "softplus")}) {
    EXPECT_EQ(activation.kind(), name);
    const Tensor y = testing::Apply(x, [&](Value v) { return activation(v); });
    testing::ExpectNear(y, Reference(std::string("activation/") + name), 2e-6, 1e-7);
  }
  EXPECT_EQ(testing::Apply(x, [](Value v) { return nn::Linear(v) + 0; }), x);
}

}  // namespace
}  // namespace tenon
