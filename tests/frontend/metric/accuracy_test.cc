#include "tenon/frontend/metric/accuracy.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/frontend/metric/support.h"

namespace tenon {
namespace {

using ::testing::HasSubstr;
using testing::Result;

TEST(Accuracy, BinaryIsKeras) { testing::ExpectKeras(metric::Accuracy(), 0); }

TEST(Accuracy, CategoricalTakesLabelsAndOneHot) {
  const Tensor scores = testing::FourScores();
  const std::vector<uint8_t> labels = {1, 0, 1, 1};
  const std::vector<float> one_hot = {0, 1, 0, 1, 0, 0, 0, 1, 0, 0, 1, 0};
  EXPECT_EQ(Result(metric::Accuracy(), scores, Tensor::FromValues<uint8_t>({4}, labels)), 0.75);
  EXPECT_EQ(Result(metric::Accuracy(), scores, Tensor::FromValues<float>({4, 3}, one_hot)), 0.75);
}

TEST(Accuracy, ThresholdIsForLogits) {
  const std::vector<float> logits = {0.2f, -0.2f, 3, 0.6f}, targets = {1, 0, 1, 0};
  const Tensor p = Tensor::FromValues<float>({4, 1}, logits);
  const Tensor t = Tensor::FromValues<float>({4, 1}, targets);
  EXPECT_EQ(Result(metric::Accuracy({.threshold = 0}), p, t), 0.75);
  EXPECT_EQ(Result(metric::Accuracy(), p, t), 0.5);
}

TEST(Accuracy, TargetsThatDoNotFitAreErrors) {
  GraphBuilder b("bad");
  Value p = b.Input("p", F32, {4, 3}), t = b.Input("t", F32, {4, 2});
  auto graph = b.Build({{"c", metric::Accuracy().Count(p, t)}});
  EXPECT_THAT(std::string(graph.status().message()), HasSubstr("f32[4,2]"));
}

}  // namespace
}  // namespace tenon
