#include "tenon/frontend/loss/mean_squared_error.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/frontend/loss/support.h"

namespace tenon {
namespace {

using testing::ErrorOf;
using testing::ExpectKeras;
using ::testing::HasSubstr;
using testing::Reference;

TEST(MeanSquaredError, IsKeras) {
  ExpectKeras(loss::MeanSquaredError(), Reference("loss/logits"), Reference("loss/target"), "mse");
}

TEST(MeanSquaredError, MistakesNameLossAndTypes) {
  const std::string error = ErrorOf(loss::MeanSquaredError(), {4, 3}, {4, 2});
  EXPECT_THAT(error, HasSubstr("mean_squared_error"));
  EXPECT_THAT(error, HasSubstr("f32[4,3]"));
  EXPECT_THAT(error, HasSubstr("f32[4,2]"));
}

}  // namespace
}  // namespace tenon
