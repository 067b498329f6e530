#include "tenon/frontend/nn/sequential.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tenon/frontend/nn/batch_norm.h"
#include "tenon/frontend/nn/dense.h"
#include "tests/frontend/nn/support.h"

namespace tenon {
namespace {

using ::testing::ElementsAre;

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
  EXPECT_THAT(context.states(),
              ElementsAre("batch_norm/moving_mean", "batch_norm/moving_variance"));
  ASSERT_EQ(context.layers().size(), 5u);
  EXPECT_EQ(context.layers()[4].name, "softmax");
}

}  // namespace
}  // namespace tenon
