#include "tenon/frontend/nn/batch_norm.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/frontend/nn/support.h"

namespace tenon {
namespace {

using testing::ErrorOf;
using testing::ExpectKeras;
using testing::ExpectNear;
using ::testing::HasSubstr;
using testing::kLayerAbsolute;
using testing::kLayerRelative;
using testing::Reference;
using testing::RunLayer;

const std::vector<std::string> kBatchNormNames = {
    "batch_norm/gamma", "batch_norm/beta", "batch_norm/moving_mean", "batch_norm/moving_variance"};

TEST(BatchNorm, InferenceIsKeras) { ExpectKeras(nn::BatchNorm(), "batch_norm", kBatchNormNames); }

TEST(BatchNorm, TrainingIsKerasAndMovesTheStatistics) {
  // Training reads the statistics only to move them: the graph has all four inputs.
  const auto outputs =
      RunLayer(nn::BatchNorm({.momentum = 0.9}), "batch_norm", kBatchNormNames, true);
  ASSERT_EQ(outputs.size(), 3u);
  ExpectNear(outputs.at("y"), Reference("batch_norm/train_y"), kLayerRelative, kLayerAbsolute);
  ExpectNear(outputs.at("batch_norm/moving_mean"), Reference("batch_norm/train_w2"), kLayerRelative,
             kLayerAbsolute);
  ExpectNear(outputs.at("batch_norm/moving_variance"), Reference("batch_norm/train_w3"),
             kLayerRelative, kLayerAbsolute);
}

TEST(BatchNorm, MistakesAreNamed) {
  EXPECT_THAT(ErrorOf(nn::BatchNorm(), {3}), HasSubstr("batch_norm"));
}

}  // namespace
}  // namespace tenon
