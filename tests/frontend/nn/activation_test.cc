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

// Though activations are constants of a header, their ops are of the line that uses them.
TEST(Activation, IsOfTheUsersLine) {
  const int line = __LINE__ + 1;
  const nn::Sequential net{nn::Relu,
                           nn::Tanh(),  //
                           nn::Softmax};
  GraphBuilder b("lines");
  nn::LayerContext context(b, false);
  auto graph = b.Build({{"y", net.Apply(context, b.Input("x", F32, {3, 6}))}});
  ASSERT_TRUE(graph.ok()) << graph.status();
  for (const ir::Node& node : graph->nodes()) {
    EXPECT_EQ(node.location.file.find("activation.h"), std::string::npos)
        << node.location.ToString();
    EXPECT_GE(node.location.line, line);
    EXPECT_LE(node.location.line, line + 2);
  }
}

}  // namespace
}  // namespace tenon
