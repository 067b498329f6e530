#include "tenon/frontend/nn/dropout.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/frontend/nn/support.h"

namespace tenon {
namespace {

using testing::ErrorOf;
using ::testing::HasSubstr;
using testing::Reference;
using testing::RunLayer;

TEST(Dropout, ActsInTrainingOnly) {
  const nn::Dropout dropout(0.5);
  EXPECT_EQ(RunLayer(dropout, "dense", {}).at("y"), Reference("dense/x"));
  const Tensor y = RunLayer(dropout, "dense", {}, true).at("y");
  EXPECT_FALSE(y == Reference("dense/x"));
}

TEST(Dropout, MistakesAreNamed) { EXPECT_THAT(ErrorOf(nn::Dropout(1), {3}), HasSubstr("rate")); }

}  // namespace
}  // namespace tenon
