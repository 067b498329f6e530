#include "tenon/frontend/optim/adam.h"

#include "gtest/gtest.h"
#include "tests/frontend/optim/support.h"

namespace tenon {
namespace {

using testing::ExpectKeras;

TEST(Adam, IsKeras) {
  ExpectKeras(optim::Adam({.learning_rate = 0.01}), "adam");
  ExpectKeras(optim::Adam({.learning_rate = 0.01, .weight_decay = 0.1}), "adamw");
}

TEST(Adam, L2AddsToTheGradient) {
  // From zero moments the first step is the rate times the sign of the gradient, whatever its size.
  const std::vector<float> parameter = {2, -4}, gradient = {-0.25f, 0.25f};
  std::map<std::string, Tensor> state = {{"parameter", Tensor::FromValues<float>({2}, parameter)},
                                         {"m", Tensor(F32, {2})},
                                         {"v", Tensor(F32, {2})}};
  testing::Step(optim::Adam({.learning_rate = 0.5, .l2 = 0.25}), state,
                Tensor::FromValues<float>({2}, gradient), 1);
  EXPECT_NEAR(state.at("parameter").data<float>()[0], 1.5, 1e-5);
  EXPECT_NEAR(state.at("parameter").data<float>()[1], -3.5, 1e-5);
}

}  // namespace
}  // namespace tenon
