#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tenon/frontend/metric/accuracy.h"
#include "tenon/frontend/metric/confusion.h"
#include "tenon/frontend/metric/f1.h"
#include "tenon/frontend/metric/precision.h"
#include "tenon/frontend/metric/recall.h"
#include "tests/frontend/support.h"

namespace tenon {
namespace {

using testing::Reference;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Tensor Counts(const metric::Metric& metric, const Tensor& prediction, const Tensor& target) {
  auto outputs = testing::Evaluate({{"p", prediction}, {"t", target}},
                                   [&](GraphBuilder&, const auto& in) {
                                     return std::vector<std::pair<std::string, Value>>{
                                         {"c", metric.Count(in.at("p"), in.at("t"))}};
                                   });
  return outputs.count("c") == 0 ? Tensor() : outputs["c"];
}

double Result(const metric::Metric& metric, const Tensor& prediction, const Tensor& target) {
  return metric.Result(Counts(metric, prediction, target).data<int64_t>());
}

TEST(Metric, BinaryOnesAreKeras) {
  auto scores = Reference("metric/scores").Reshaped({40, 1});
  ASSERT_TRUE(scores.ok());
  const Tensor actual = Reference("metric/actual"), expected = Reference("metric/values");
  EXPECT_NEAR(Result(metric::Accuracy(), *scores, actual), expected.GetAsDouble(0), 1e-6);
  EXPECT_NEAR(Result(metric::Precision(), *scores, actual), expected.GetAsDouble(1), 1e-6);
  EXPECT_NEAR(Result(metric::Recall(), *scores, actual), expected.GetAsDouble(2), 1e-6);
  EXPECT_NEAR(Result(metric::F1(), *scores, actual), expected.GetAsDouble(3), 1e-6);
  auto table = metric::ConfusionTable::Of(*scores, actual);
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_NEAR(table->Accuracy(), expected.GetAsDouble(0), 1e-6);
  EXPECT_NEAR(table->Precision(), expected.GetAsDouble(1), 1e-6);
  EXPECT_NEAR(table->Recall(), expected.GetAsDouble(2), 1e-6);
  EXPECT_NEAR(table->F1(), expected.GetAsDouble(3), 1e-6);
}

const std::vector<float> kScores = {0.1f, 0.8f, 0.1f, 0.6f, 0.3f, 0.1f,
                                    0.2f, 0.2f, 0.6f, 0.3f, 0.4f, 0.3f};

TEST(Metric, CategoricalAccuracyTakesLabelsAndOneHot) {
  const Tensor scores = Tensor::FromValues<float>({4, 3}, kScores);  // classes 1 0 2 1
  const std::vector<uint8_t> labels = {1, 0, 1, 1};
  const std::vector<float> one_hot = {0, 1, 0, 1, 0, 0, 0, 1, 0, 0, 1, 0};
  EXPECT_EQ(Result(metric::Accuracy(), scores, Tensor::FromValues<uint8_t>({4}, labels)), 0.75);
  EXPECT_EQ(Result(metric::Accuracy(), scores, Tensor::FromValues<float>({4, 3}, one_hot)), 0.75);
}

TEST(Metric, ThresholdIsForLogits) {
  const std::vector<float> logits = {0.2f, -0.2f, 3, 0.4f}, targets = {1, 0, 1, 0};
  const Tensor p = Tensor::FromValues<float>({4, 1}, logits);
  const Tensor t = Tensor::FromValues<float>({4, 1}, targets);
  EXPECT_EQ(Result(metric::Accuracy({.threshold = 0}), p, t), 0.75);
  EXPECT_EQ(Result(metric::Accuracy(), p, t), 0.75);
  EXPECT_EQ(Result(metric::Recall({.threshold = 0}), p, t), 1);
  EXPECT_EQ(Result(metric::Recall(), p, t), 0.5);
}

TEST(Metric, NothingToDivideByGivesZero) {
  const std::vector<float> zeros = {0, 0};
  const Tensor z = Tensor::FromValues<float>({2}, zeros);
  EXPECT_EQ(Result(metric::Precision(), z, z), 0);
  EXPECT_EQ(Result(metric::Recall(), z, z), 0);
  EXPECT_EQ(Result(metric::F1(), z, z), 0);
  EXPECT_EQ(metric::ConfusionTable(2).Accuracy(), 0);
}

TEST(Confusion, GraphAndHostAgree) {
  const Tensor scores = Tensor::FromValues<float>({4, 3}, kScores);
  const std::vector<int32_t> labels = {1, 0, 1, 1};
  const Tensor t = Tensor::FromValues<int32_t>({4}, labels);
  const Tensor counts = Counts(metric::Confusion(), scores, t);
  EXPECT_THAT(counts.data<int64_t>(), ElementsAre(1, 0, 0, 0, 2, 1, 0, 0, 0));
  EXPECT_EQ(metric::Confusion().Result(counts.data<int64_t>()), 0.75);
  auto table = metric::ConfusionTable::Of(scores, t);
  ASSERT_TRUE(table.ok()) << table.status();
  for (int64_t a = 0; a < 3; ++a) {
    for (int64_t p = 0; p < 3; ++p) {
      EXPECT_EQ(table->count(a, p), counts.data<int64_t>()[a * 3 + p]);
    }
  }
  EXPECT_EQ(table->total(), 4);
  EXPECT_EQ(table->ToString({"cat", "dog", "elephant"}),
            "  actual    cat    dog  eleph\n"
            "     cat      1      0      0\n"
            "     dog      0      2      1\n"
            "elephant      0      0      0\n");
}

TEST(Confusion, LabelsThatAreNoClassAreNamed) {
  const Tensor scores = Tensor::FromValues<float>({4, 3}, kScores);
  const std::vector<int32_t> labels = {1, 0, 3, 1};
  auto table = metric::ConfusionTable::Of(scores, Tensor::FromValues<int32_t>({4}, labels));
  EXPECT_THAT(std::string(table.status().message()), HasSubstr("label 3 in row 2"));
}

TEST(Metric, TargetsThatDoNotFitAreErrors) {
  GraphBuilder b("bad");
  Value p = b.Input("p", F32, {4, 3}), t = b.Input("t", F32, {4, 2});
  auto graph = b.Build({{"c", metric::Accuracy().Count(p, t)}});
  EXPECT_THAT(std::string(graph.status().message()), HasSubstr("f32[4,2]"));
}

}  // namespace
}  // namespace tenon
