#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tenon/frontend/loss/binary_cross_entropy.h"
#include "tenon/frontend/loss/categorical_cross_entropy.h"
#include "tenon/frontend/loss/mean_squared_error.h"
#include "tenon/frontend/loss/sparse_categorical_cross_entropy.h"
#include "tests/frontend/support.h"

namespace tenon {
namespace {

using testing::ExpectNear;
using testing::Reference;
using ::testing::HasSubstr;

void ExpectKeras(const loss::Loss& loss, const Tensor& prediction, const Tensor& target,
                 const std::string& expected, double absolute = 1e-6) {
  SCOPED_TRACE(expected);
  const auto outputs = testing::Evaluate(
      {{"p", prediction}, {"t", target}}, [&](GraphBuilder&, const auto& in) {
        return std::vector<std::pair<std::string, Value>>{
            {"y", loss.PerExample(in.at("p"), in.at("t"))}};
      });
  ASSERT_EQ(outputs.count("y"), 1u);
  ExpectNear(outputs.at("y"), Reference("loss/" + expected), 1e-5, absolute);
}

TEST(Loss, FromLogitsIsKeras) {
  const Tensor logits = Reference("loss/logits");
  ExpectKeras(loss::MeanSquaredError(), logits, Reference("loss/target"), "mse");
  ExpectKeras(loss::BinaryCrossEntropy({.from_logits = true}), logits, Reference("loss/bits"),
              "bce_logits");
  ExpectKeras(loss::CategoricalCrossEntropy({.from_logits = true}), logits,
              Reference("loss/target"), "cce_logits");
  const loss::SparseCategoricalCrossEntropy sparse({.from_logits = true});
  for (DType label : {I64, I32, U8, F32}) {
    ExpectKeras(sparse, logits, Reference("loss/labels").CastTo(label), "scce_logits");
  }
}

TEST(Loss, FromProbabilitiesIsKeras) {
  // Near the clipping bound 1 - p keeps but one or two digits, whichever way it is computed.
  ExpectKeras(loss::BinaryCrossEntropy(), Reference("loss/sigmoid"), Reference("loss/bits"), "bce",
              1e-1);
  ExpectKeras(loss::CategoricalCrossEntropy(), Reference("loss/softmax"),
              Reference("loss/target"), "cce");
  ExpectKeras(loss::SparseCategoricalCrossEntropy(), Reference("loss/softmax"),
              Reference("loss/labels").CastTo(I64), "scce");
}

TEST(Loss, TargetsMayBeColumnsOrVectors) {
  const std::vector<float> p = {0.25f, 0.75f}, t = {0, 1};
  const Tensor prediction = Tensor::FromValues<float>({2, 1}, p);
  for (const Tensor& target :
       {Tensor::FromValues<float>({2}, t), Tensor::FromValues<float>({2, 1}, t)}) {
    const auto outputs = testing::Evaluate(
        {{"p", prediction}, {"t", target}}, [](GraphBuilder&, const auto& in) {
          return std::vector<std::pair<std::string, Value>>{
              {"y", loss::BinaryCrossEntropy().PerExample(in.at("p"), in.at("t"))}};
        });
    ASSERT_EQ(outputs.at("y").TypeString(), "f32[2]");
    EXPECT_NEAR(outputs.at("y").data<float>()[0], -std::log(0.75), 1e-6);
    EXPECT_NEAR(outputs.at("y").data<float>()[1], -std::log(0.75), 1e-6);
  }
}

std::string ErrorOf(const loss::Loss& loss, const Shape& prediction, const Shape& target) {
  GraphBuilder b("bad");
  Value p = b.Input("p", F32, prediction), t = b.Input("t", F32, target);
  return std::string(b.Build({{"y", loss.PerExample(p, t)}}).status().message());
}

TEST(Loss, ErrorsNameLossAndTypes) {
  const std::string error = ErrorOf(loss::MeanSquaredError(), {4, 3}, {4, 2});
  EXPECT_THAT(error, HasSubstr("mean_squared_error"));
  EXPECT_THAT(error, HasSubstr("f32[4,3]"));
  EXPECT_THAT(error, HasSubstr("f32[4,2]"));
  EXPECT_THAT(ErrorOf(loss::BinaryCrossEntropy(), {4, 3}, {5, 3}), HasSubstr("batch"));
  EXPECT_THAT(ErrorOf(loss::SparseCategoricalCrossEntropy(), {4, 3}, {4, 3}),
              HasSubstr("sparse_categorical_cross_entropy"));
  EXPECT_THAT(ErrorOf(loss::CategoricalCrossEntropy(), {4}, {4}), HasSubstr("classes"));
}

TEST(Loss, SparseLossesKnowTheirClasses) {
  const ir::TensorType prediction{F32, {Dim("n").AtMost(4), 7}};
  EXPECT_EQ(loss::SparseCategoricalCrossEntropy().LabelClasses(prediction), 7);
  EXPECT_EQ(loss::MeanSquaredError().LabelClasses(prediction), std::nullopt);
}

}  // namespace
}  // namespace tenon
