#include "tenon/frontend/metric/recall.h"

#include "gtest/gtest.h"
#include "tests/frontend/metric/support.h"

namespace tenon {
namespace {

TEST(Recall, IsKeras) { testing::ExpectKeras(metric::Recall(), 2); }

TEST(Recall, IsZeroWithNothingToDivideBy) {
  const Tensor zeros(F32, {2});
  EXPECT_EQ(testing::Result(metric::Recall(), zeros, zeros), 0);
}

TEST(Recall, ThresholdIsForLogits) {
  const std::vector<float> logits = {0.2f, -0.2f, 3, 0.4f}, targets = {1, 1, 1, 0};
  const Tensor p = Tensor::FromValues<float>({4, 1}, logits);
  const Tensor t = Tensor::FromValues<float>({4}, targets);
  // Above 0: two true positives, one false one, one false negative. Above 0.5: one, none, two.
  EXPECT_NEAR(testing::Result(metric::Recall({.threshold = 0}), p, t), 2.0 / 3, 1e-12);
  EXPECT_NEAR(testing::Result(metric::Recall(), p, t), 1.0 / 3, 1e-12);
}

}  // namespace
}  // namespace tenon
