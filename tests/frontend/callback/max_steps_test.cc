#include "tenon/frontend/callback/max_steps.h"

#include <algorithm>
#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/frontend/support.h"
#include "tests/frontend/toy.h"

namespace tenon {
namespace {

using ::testing::HasSubstr;
using testing::Options;
using testing::Quiet;
using testing::ToyData;
using testing::ToyNet;

TEST(MaxSteps, EndsWithinAnEpoch) {
  Model model(ToyNet(), Options());
  FitOptions options = Quiet(100);
  options.callbacks = {callback::MaxSteps(10)};
  auto history = model.Fit(ToyData(), options);
  ASSERT_TRUE(history.ok()) << history.status();
  EXPECT_EQ(history->steps, 10);
  EXPECT_EQ(history->epochs.size(), 2u);
  EXPECT_EQ(history->epochs[1].steps, 3);
  EXPECT_THAT(history->stop_reason, HasSubstr("10 steps"));
}

}  // namespace
}  // namespace tenon
