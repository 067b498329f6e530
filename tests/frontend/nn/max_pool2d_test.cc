#include "tenon/frontend/nn/max_pool2d.h"

#include "gtest/gtest.h"
#include "tests/frontend/nn/support.h"

namespace tenon {
namespace {

using testing::ExpectKeras;

TEST(MaxPool2D, IsKeras) {
  ExpectKeras(nn::MaxPool2D(), "max_pool", {});
  ExpectKeras(
      nn::MaxPool2D(
          {.window = {3, 2}, .stride = std::array<int64_t, 2>{2, 2}, .padding = Padding::kSame}),
      "max_pool_same", {});
}

}  // namespace
}  // namespace tenon
