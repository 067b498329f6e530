#include "tenon/frontend/optim/sgd.h"

#include "gtest/gtest.h"
#include "tests/frontend/optim/support.h"

namespace tenon {
namespace {

using testing::ExpectKeras;
using testing::Step;

TEST(Sgd, IsKeras) {
  ExpectKeras(optim::Sgd({.learning_rate = 0.1}), "sgd");
  ExpectKeras(optim::Momentum({.learning_rate = 0.1}), "momentum");
  ExpectKeras(optim::Momentum({.learning_rate = 0.1, .nesterov = true}), "nesterov");
}

TEST(Sgd, L2AddsToTheGradient) {
  const std::vector<float> parameter = {2, -4}, gradient = {1, 1};
  std::map<std::string, Tensor> state = {{"parameter", Tensor::FromValues<float>({2}, parameter)}};
  Step(optim::Sgd({.learning_rate = 0.5, .l2 = 0.25}), state,
       Tensor::FromValues<float>({2}, gradient), 1);
  // 2 - 0.5 (1 + 0.25 * 2) and -4 - 0.5 (1 - 0.25 * 4)
  EXPECT_EQ(state.at("parameter").data<float>()[0], 1.25f);
  EXPECT_EQ(state.at("parameter").data<float>()[1], -4.0f);
}

TEST(Sgd, VelocityFadesToZero) {
  const std::vector<float> velocity = {1e-30f, 1e-20f};
  std::map<std::string, Tensor> state = {{"parameter", Tensor::FromValues<float>({2}, {1, 1})},
                                         {"velocity", Tensor::FromValues<float>({2}, velocity)}};
  for (int step = 1; step <= 5; ++step) {
    Step(optim::Momentum({.learning_rate = 0.5}), state, Tensor(F32, {2}), step);
  }
  EXPECT_EQ(state.at("velocity").data<float>()[0], 0.0f);
  EXPECT_GT(state.at("velocity").data<float>()[1], 0.0f);
}

}  // namespace
}  // namespace tenon
