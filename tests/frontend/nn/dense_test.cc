#include "tenon/frontend/nn/dense.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/frontend/nn/support.h"

namespace tenon {
namespace {

using testing::ErrorOf;
using testing::ExpectKeras;
using ::testing::HasSubstr;

TEST(Dense, IsKeras) {
  ExpectKeras(nn::Dense(3, nn::Tanh), "dense", {"dense/kernel", "dense/bias"});
}

TEST(Dense, MistakesAreNamedWithTheirLine) {
  const int line = __LINE__ + 1;
  const std::string error = ErrorOf(nn::Dense(3), {7});
  EXPECT_THAT(error, HasSubstr("dense"));
  EXPECT_THAT(error, HasSubstr("f32[7]"));
  EXPECT_THAT(error, HasSubstr("dense_test.cc:" + std::to_string(line)));
  EXPECT_THAT(ErrorOf(nn::Dense(0), {2, 7}), HasSubstr("units"));
}

}  // namespace
}  // namespace tenon
