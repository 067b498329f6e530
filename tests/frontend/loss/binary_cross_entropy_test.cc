#include "tenon/frontend/loss/binary_cross_entropy.h"

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
  // At the clipping bound 1 - p keeps but a digit or two, whichever way it is computed: the bound
  // of 16 (the logarithm of 1e-7) is met to within a few hundredths.
  ExpectKeras(loss::BinaryCrossEntropy(), Reference("loss/sigmoid"), Reference("loss/bits"), "bce",
              1e-1);
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
