#include "tenon/frontend/metric/precision.h"

#include "gtest/gtest.h"
#include "tests/frontend/metric/support.h"

namespace tenon {
namespace {

TEST(Precision, IsKeras) { testing::ExpectKeras(metric::Precision(), 1); }

TEST(Precision, IsZeroWithNothingToDivideBy) {
  const Tensor zeros(F32, {2});
  EXPECT_EQ(testing::Result(metric::Precision(), zeros, zeros), 0);
}

TEST(Precision, ThresholdIsForLogits) {
  const std::vector<float> logits = {0.2f, -0.2f, 3, 0.4f}, targets = {1, 1, 1, 0};
  const Tensor p = Tensor::FromValues<float>({4, 1}, logits);
  const Tensor t = Tensor::FromValues<float>({4}, targets);
  // Above 0: two true positives, one false one, one false negative. Above 0.5: one, none, two.
  EXPECT_NEAR(testing::Result(metric::Precision({.threshold = 0}), p, t), 2.0 / 3, 1e-12);
  EXPECT_NEAR(testing::Result(metric::Precision(), p, t), 1, 1e-12);
}

}  // namespace
}  // namespace tenon
