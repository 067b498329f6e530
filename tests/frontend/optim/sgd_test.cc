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

}  // namespace
}  // namespace tenon
