#include "tenon/frontend/callback/stop_at_loss.h"

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

TEST(StopAtLoss, OfAnEpochOrABatch) {
  for (callback::LossOf loss_of : {callback::LossOf::kEpoch, callback::LossOf::kBatch}) {
    Model model(ToyNet(), Options());
    FitOptions options = Quiet(100);
    options.callbacks = {callback::StopAtLoss(0.3, loss_of)};
    auto history = model.Fit(ToyData(), options);
    ASSERT_TRUE(history.ok()) << history.status();
    EXPECT_LT(history->epochs.size(), 100u);
    EXPECT_THAT(history->stop_reason, HasSubstr("0.3"));
    if (loss_of == callback::LossOf::kEpoch) {
      EXPECT_LE(history->epochs.back().training.loss, 0.3);
      // Not before: the epoch that came last but one was above.
      EXPECT_GT(history->epochs.end()[-2].training.loss, 0.3);
    }
  }
}

}  // namespace
}  // namespace tenon
