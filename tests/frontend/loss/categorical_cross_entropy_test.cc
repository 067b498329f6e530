#include "tenon/frontend/loss/categorical_cross_entropy.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/frontend/loss/support.h"

namespace tenon {
namespace {

using testing::ErrorOf;
using testing::ExpectKeras;
using ::testing::HasSubstr;
using testing::Reference;

TEST(CategoricalCrossEntropy, IsKeras) {
  const Tensor target = Reference("loss/target");
  ExpectKeras(loss::CategoricalCrossEntropy({.from_logits = true}), Reference("loss/logits"),
              target, "cce_logits");
  ExpectKeras(loss::CategoricalCrossEntropy(), Reference("loss/softmax"), target, "cce");
}

TEST(CategoricalCrossEntropy, MistakesAreNamed) {
  EXPECT_THAT(ErrorOf(loss::CategoricalCrossEntropy(), {4}, {4}), HasSubstr("classes"));
}

}  // namespace
}  // namespace tenon
