#include "tenon/frontend/nn/conv2d.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/frontend/nn/support.h"

namespace tenon {
namespace {

using testing::ErrorOf;
using testing::ExpectKeras;
using ::testing::HasSubstr;

TEST(Conv2D, IsKeras) {
  const std::vector<std::string> names = {"conv2d/kernel", "conv2d/bias"};
  ExpectKeras(nn::Conv2D(3, {3, 2}), "conv_valid", names);
  ExpectKeras(
      nn::Conv2D(5, {3, 3}, {.activation = nn::Relu, .stride = {2, 2}, .padding = Padding::kSame}),
      "conv_same", names);
  ExpectKeras(nn::Conv2D(2, {2, 3}, {.dilation = {2, 2}, .padding = Padding::kSame}),
              "conv_dilated", names);
  ExpectKeras(nn::Conv2D(6, {3, 3}, {.groups = 2, .use_bias = false}), "conv_groups",
              {"conv2d/kernel"});
}

TEST(Conv2D, MistakesAreNamed) {
  EXPECT_THAT(ErrorOf(nn::Conv2D(4, {3, 3}, {.groups = 3}), {1, 8, 8, 4}), HasSubstr("groups"));
  EXPECT_THAT(ErrorOf(nn::Conv2D(4, {3, 3}), {8, 8}), HasSubstr("f32[8,8]"));
  EXPECT_THAT(ErrorOf(nn::Conv2D(4, {9, 9}), {1, 8, 8, 1}), HasSubstr("conv"));
  EXPECT_THAT(ErrorOf(nn::Conv2D(0, {3, 3}), {1, 8, 8, 1}), HasSubstr("positive"));
}

}  // namespace
}  // namespace tenon
