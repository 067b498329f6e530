#include "tenon/frontend/callback/save_checkpoint.h"

#include <algorithm>
#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/frontend/support.h"
#include "tests/frontend/toy.h"

namespace tenon {
namespace {

using testing::Options;
using testing::Quiet;
using testing::ToyData;
using testing::ToyNet;

TEST(SaveCheckpoint, WritesAsTrainingGoes) {
  const data::Dataset d = ToyData();
  const std::string path = testing::TemporaryDirectory() + "/best";
  Model model(ToyNet(), Options());
  FitOptions options = Quiet(2);
  options.callbacks = {callback::SaveCheckpoint(path, {.monitor = {.validation = false}})};
  ASSERT_TRUE(model.Fit(d, options).ok());
  Model other(ToyNet(), Options(9));
  ASSERT_TRUE(other.Load(path).ok());
  EXPECT_EQ(*model.Predict(d.x), *other.Predict(d.x));
  options.callbacks = {callback::SaveCheckpoint("/no/such/folder/m", {.best_only = false})};
  EXPECT_FALSE(model.Fit(d, options).ok());
}

}  // namespace
}  // namespace tenon
