#include "tenon/frontend/metric/f1.h"

#include "gtest/gtest.h"
#include "tests/frontend/metric/support.h"

namespace tenon {
namespace {

TEST(F1, IsKeras) { testing::ExpectKeras(metric::F1(), 3); }

TEST(F1, IsZeroWithNothingToDivideBy) {
  const Tensor zeros(F32, {2});
  EXPECT_EQ(testing::Result(metric::F1(), zeros, zeros), 0);
}

TEST(F1, ThresholdIsForLogits) {
  const std::vector<float> logits = {0.2f, -0.2f, 3, 0.4f}, targets = {1, 1, 1, 0};
  const Tensor p = Tensor::FromValues<float>({4, 1}, logits);
  const Tensor t = Tensor::FromValues<float>({4}, targets);
  // Above 0: two true positives, one false one, one false negative. Above 0.5: one, none, two.
  EXPECT_NEAR(testing::Result(metric::F1({.threshold = 0}), p, t), 2.0 / 3, 1e-12);
  EXPECT_NEAR(testing::Result(metric::F1(), p, t), 0.5, 1e-12);
}

}  // namespace
}  // namespace tenon
