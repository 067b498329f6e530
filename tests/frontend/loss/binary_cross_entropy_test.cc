#include "tenon/frontend/loss/binary_cross_entropy.h"

#include <algorithm>
#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/frontend/loss/support.h"

namespace tenon {
namespace {

using testing::ErrorOf;
using testing::ExpectKeras;
using ::testing::HasSubstr;
using testing::Reference;

TEST(BinaryCrossEntropy, FromLogitsIsKeras) {
  ExpectKeras(loss::BinaryCrossEntropy({.from_logits = true}), Reference("loss/logits"),
              Reference("loss/bits"), "bce_logits");
}

TEST(BinaryCrossEntropy, FromProbabilitiesIsKeras) {
  ExpectKeras(loss::BinaryCrossEntropy(), Reference("loss/sigmoid"), Reference("loss/bits"), "bce");
}

// Against the formula in f64, on the f32 numbers that probabilities are clipped to.
TEST(BinaryCrossEntropy, ClipsProbabilities) {
  constexpr float kLow = 1e-7f, kHigh = 1 - 1e-7f;
  const std::vector<float> p = {0, 1e-30f, kLow, 2e-7f, 0.5f, 0.999f, kHigh, 1, 1, 0};
  const std::vector<float> t = {1, 0, 1, 1, 0, 1, 0, 0, 1, 0.25f};
  const int64_t n = static_cast<int64_t>(p.size());
  const Tensor y =
      testing::RunLoss(loss::BinaryCrossEntropy(), Tensor::FromValues<float>({n, 1}, p),
                       Tensor::FromValues<float>({n, 1}, t));
  ASSERT_EQ(y.num_elements(), n);
  for (int64_t i = 0; i < n; ++i) {
    const double clipped = std::min(std::max(p[i], kLow), kHigh);
    const double expected = -(t[i] * std::log(clipped) + (1.0 - t[i]) * std::log(1 - clipped));
    EXPECT_NEAR(y.data<float>()[i], expected, 1e-7 + 3e-7 * expected) << p[i] << ", " << t[i];
  }
}

TEST(BinaryCrossEntropy, TargetsMayBeColumnsOrVectors) {
  const std::vector<float> p = {0.25f, 0.75f}, t = {0, 1};
  const Tensor prediction = Tensor::FromValues<float>({2, 1}, p);
  for (const Tensor& target :
       {Tensor::FromValues<float>({2}, t), Tensor::FromValues<float>({2, 1}, t)}) {
    const Tensor y = testing::RunLoss(loss::BinaryCrossEntropy(), prediction, target);
    ASSERT_EQ(y.TypeString(), "f32[2]");
    EXPECT_NEAR(y.data<float>()[0], -std::log(0.75), 1e-6);
    EXPECT_NEAR(y.data<float>()[1], -std::log(0.75), 1e-6);
  }
}

TEST(BinaryCrossEntropy, MistakesAreNamed) {
  EXPECT_THAT(ErrorOf(loss::BinaryCrossEntropy(), {4, 3}, {5, 3}), HasSubstr("batch"));
}

}  // namespace
}  // namespace tenon
