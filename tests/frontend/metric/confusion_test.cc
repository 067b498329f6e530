#include "tenon/frontend/metric/confusion.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/frontend/metric/support.h"

namespace tenon {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Reference;

TEST(ConfusionTable, NumbersAreKeras) {
  auto scores = Reference("metric/scores").Reshaped({40, 1});
  ASSERT_TRUE(scores.ok());
  const Tensor expected = Reference("metric/values");
  auto table = metric::ConfusionTable::Of(*scores, Reference("metric/actual"));
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_NEAR(table->Accuracy(), expected.GetAsDouble(0), 1e-6);
  EXPECT_NEAR(table->Precision(), expected.GetAsDouble(1), 1e-6);
  EXPECT_NEAR(table->Recall(), expected.GetAsDouble(2), 1e-6);
  EXPECT_NEAR(table->F1(), expected.GetAsDouble(3), 1e-6);
  EXPECT_EQ(metric::ConfusionTable(2).Accuracy(), 0);
}

TEST(Confusion, GraphAndHostAgree) {
  const Tensor scores = testing::FourScores();
  const std::vector<int32_t> labels = {1, 0, 1, 1};
  const Tensor t = Tensor::FromValues<int32_t>({4}, labels);
  const Tensor counts = testing::Counts(metric::Confusion(), scores, t);
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
  const Tensor scores = testing::FourScores();
  const std::vector<int32_t> labels = {1, 0, 3, 1};
  auto table = metric::ConfusionTable::Of(scores, Tensor::FromValues<int32_t>({4}, labels));
  EXPECT_THAT(std::string(table.status().message()), HasSubstr("label 3 in row 2"));
}

}  // namespace
}  // namespace tenon
