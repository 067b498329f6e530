#include "tenon/frontend/optim/adam.h"

#include <cmath>

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

// What a unit that has died leaves behind fades to zero rather than to subnormal numbers; NaN
// stays.
TEST(Adam, MomentsFadeToZero) {
  const std::vector<float> m = {1e-30f, -1e-30f, 1e-20f, std::nanf("")},
                           v = {7.89e-31f, 1e-20f, 1, 1};
  std::map<std::string, Tensor> state = {
      {"parameter", Tensor::FromValues<float>({4}, {1, 1, 1, 1})},
      {"m", Tensor::FromValues<float>({4}, m)},
      {"v", Tensor::FromValues<float>({4}, v)}};
  for (int step = 1; step <= 5; ++step) testing::Step(optim::Adam(), state, Tensor(F32, {4}), step);
  const auto moments = state.at("m").data<float>(), squares = state.at("v").data<float>();
  EXPECT_EQ(moments[0], 0.0f);
  EXPECT_EQ(moments[1], 0.0f);
  EXPECT_NEAR(moments[2], 1e-20f * std::pow(0.9f, 5.0f), 1e-25f);
  EXPECT_TRUE(std::isnan(moments[3]));
  EXPECT_EQ(squares[0], 0.0f);
  EXPECT_NEAR(squares[1], 1e-20f * std::pow(0.999f, 5.0f), 1e-25f);
}

// f64 has room further down, f16 computes in f32: neither loses what it can tell from zero.
TEST(Adam, MomentsOfOtherTypesKeepTheirRange) {
  std::map<std::string, Tensor> state = {{"parameter", Tensor::FromValues<double>({1}, {1})},
                                         {"m", Tensor::FromValues<double>({1}, {1e-200})},
                                         {"v", Tensor(F64, {1})}};
  testing::Step(optim::Adam(), state, Tensor(F64, {1}), 1);
  EXPECT_NEAR(state.at("m").data<double>()[0], 0.9e-200, 1e-215);

  Tensor half(F16, {1}), gradient(F16, {1});
  half.SetFromDouble(0, 0x1p-20);  // a subnormal f16
  std::map<std::string, Tensor> halves = {{"parameter", half}, {"m", half}, {"v", half}};
  testing::Step(optim::Adam(), halves, gradient, 1);
  EXPECT_GT(halves.at("m").GetAsDouble(0), 0);
}

}  // namespace
}  // namespace tenon
