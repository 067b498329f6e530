#include "tenon/frontend/callback/progress_bar.h"

#include <algorithm>
#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/frontend/support.h"
#include "tests/frontend/toy.h"

namespace tenon {
namespace {

using ::testing::HasSubstr;

TEST(ProgressBar, DrawsOnTerminalsAndWritesLinesElsewhere) {
  for (bool terminal : {true, false}) {
    double now = 0;
    std::string text;
    callback::ProgressBar bar({.terminal = terminal,
                               .redraw_seconds = 1,
                               .write = [&](const std::string& t) { text += t; },
                               .seconds = [&] { return now; }});
    callback::FitContext context;
    context.epochs = 2;
    context.examples = 100;
    context.running_scores = [] { return Scores{0.5, {{"accuracy", 0.75}}}; };
    auto observer = bar.NewObserver();
    ASSERT_TRUE(observer->OnEpochBegin(context).ok());
    now = 2;
    context.examples_done = 50;
    ASSERT_TRUE(observer->OnBatchEnd(context).ok());
    if (terminal) {
      // A quarter of the run took two seconds.
      EXPECT_THAT(text, HasSubstr("50%  loss 0.5000  accuracy 0.7500  6.0s left  25 examples/s"));
    } else {
      EXPECT_EQ(text, "");
    }
    EpochRecord record{0, {0.4, {}}, Scores{0.3, {}}, 4, 10, 100};
    ASSERT_TRUE(observer->OnEpochEnd(context, record).ok());
    EXPECT_THAT(text, HasSubstr("epoch 1/2  loss 0.4000  val loss 0.3000  4.0s  25 examples/s\n"));
    context.Stop("enough");
    ASSERT_TRUE(observer->OnFitEnd(context).ok());
    EXPECT_THAT(text, HasSubstr("stopped: enough\n"));
  }
  EXPECT_EQ(callback::FormatDuration(65), "1:05");
  EXPECT_EQ(callback::FormatDuration(7384), "2:03:04");
}

}  // namespace
}  // namespace tenon
