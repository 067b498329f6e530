#include "tenon/frontend/loss/sparse_categorical_cross_entropy.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/frontend/loss/support.h"

namespace tenon {
namespace {

using testing::ErrorOf;
using testing::ExpectKeras;
using ::testing::HasSubstr;
using testing::Reference;

TEST(SparseCategoricalCrossEntropy, IsKerasForLabelsOfAnyType) {
  for (DType label : {I64, I32, U8, F32}) {
    const Tensor labels = Reference("loss/labels").CastTo(label);
    ExpectKeras(loss::SparseCategoricalCrossEntropy({.from_logits = true}),
                Reference("loss/logits"), labels, "scce_logits");
    ExpectKeras(loss::SparseCategoricalCrossEntropy(), Reference("loss/softmax"), labels, "scce");
  }
}

TEST(SparseCategoricalCrossEntropy, KnowsItsClasses) {
  const ir::TensorType prediction{F32, {Dim("n").AtMost(4), 7}};
  EXPECT_EQ(loss::SparseCategoricalCrossEntropy().LabelClasses(prediction), 7);
}

TEST(SparseCategoricalCrossEntropy, MistakesAreNamed) {
  EXPECT_THAT(ErrorOf(loss::SparseCategoricalCrossEntropy(), {4, 3}, {4, 3}),
              HasSubstr("sparse_categorical_cross_entropy"));
}

}  // namespace
}  // namespace tenon
