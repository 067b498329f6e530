#include "tenon/frontend/nn/average_pool2d.h"

#include "gtest/gtest.h"
#include "tests/frontend/nn/support.h"

namespace tenon {
namespace {

using testing::ExpectKeras;

TEST(AveragePool2D, IsKeras) {
  ExpectKeras(nn::AveragePool2D({.window = {2, 3}, .stride = std::array<int64_t, 2>{1, 2}}),
              "average_pool", {});
  ExpectKeras(
      nn::AveragePool2D(
          {.window = {3, 3}, .stride = std::array<int64_t, 2>{2, 2}, .padding = Padding::kSame}),
      "average_pool_same", {});
}

}  // namespace
}  // namespace tenon
