#include "tenon/frontend/callback/early_stopping.h"

#include <algorithm>
#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tenon/frontend/loss/binary_cross_entropy.h"
#include "tenon/frontend/optim/sgd.h"
#include "tests/frontend/support.h"
#include "tests/frontend/toy.h"

namespace tenon {
namespace {

using ::testing::HasSubstr;
using testing::Message;
using testing::Options;
using testing::Quiet;
using testing::ToyData;
using testing::ToyNet;

TEST(EarlyStopping, PutsTheBestBack) {
  const data::Dataset d = ToyData();
  Model model(ToyNet(), {.loss = loss::BinaryCrossEntropy(),
                         .optimizer = optim::Sgd({.learning_rate = 0.1})});
  ASSERT_TRUE(model.Fit(d, Quiet(3)).ok());
  const double before = model.Evaluate(d)->loss;
  // Steps far too large: the loss gets no better than after the first of these epochs.
  model.set_learning_rate(500);
  FitOptions options = Quiet(50);
  options.validation_data = d;
  options.callbacks = {callback::EarlyStopping({.patience = 3})};
  auto history = model.Fit(d, options);
  ASSERT_TRUE(history.ok()) << history.status();
  ASSERT_LT(history->epochs.size(), 50u);
  EXPECT_THAT(history->stop_reason, HasSubstr("validation loss has not improved"));
  double best = INFINITY;
  for (const EpochRecord& e : history->epochs) best = std::min(best, e.validation->loss);
  EXPECT_NEAR(model.Evaluate(d)->loss, best, 1e-6);
  EXPECT_LT(before, INFINITY);
}

TEST(EarlyStopping, NeedsWhatItWatches) {
  Model model(ToyNet(), Options());
  FitOptions options = Quiet(1);
  options.callbacks = {callback::EarlyStopping()};
  EXPECT_THAT(Message(model.Fit(ToyData(), options).status()), HasSubstr("no validation data"));
  options.callbacks = {
      callback::EarlyStopping({.monitor = {.validation = false, .metric = "recall"}})};
  EXPECT_THAT(Message(model.Fit(ToyData(), options).status()), HasSubstr("no such metric"));
}

}  // namespace
}  // namespace tenon
