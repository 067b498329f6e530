// Steps that run several in one entry: the same bits as one by one, and everybody sees what they
// asked to see.
#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tenon/frontend/tenon.h"
#include "tests/frontend/toy.h"

namespace tenon {
namespace {

using ::testing::HasSubstr;
using testing::Message;
using testing::Options;
using testing::Quiet;
using testing::ToyData;
using testing::ToyNet;

// Asks to be called every `every` batches and notes the number of steps done whenever it is.
class Watcher final : public callback::Callback {
 public:
  struct Log {
    std::vector<int64_t> steps;
    std::vector<double> losses;
    std::vector<int64_t> batches;
  };
  Watcher(int64_t every, Log* log) : every_(every), log_(log) {}

  std::unique_ptr<callback::Observer> NewObserver() const override {
    return std::make_unique<Observer>(every_, log_);
  }

 private:
  class Observer final : public callback::Observer {
   public:
    Observer(int64_t every, Log* log) : every_(every), log_(log) {}
    int64_t BatchesToNext(const callback::FitContext& context) const override {
      return every_ == kWhenever ? kWhenever : every_ - context.step % every_;
    }
    absl::Status OnBatchEnd(callback::FitContext& context) override {
      log_->steps.push_back(context.step);
      log_->losses.push_back(context.batch_loss);
      log_->batches.push_back(context.batch);
      return absl::OkStatus();
    }

   private:
    int64_t every_;
    Log* log_;
  };

  int64_t every_;
  Log* log_;
};

constexpr int64_t kWhenever = callback::Observer::kWhenever;

// The variables after two epochs of seven batches, the last of them smaller, with dropout.
std::vector<Tensor> Train(int64_t every, int threads, bool shuffle, Backend backend,
                          Watcher::Log* log, std::vector<double>* scores) {
  const data::Dataset d = ToyData(200);
  const nn::Sequential net{nn::Dense(48, nn::Relu), nn::Dropout(0.3), nn::BatchNorm(),
                           nn::Dense(1, nn::Sigmoid)};
  ModelOptions options = Options();
  options.threads = threads;
  options.compile.backend = backend;
  Model model(net, options);
  FitOptions fit = Quiet(2);
  fit.shuffle = shuffle;
  fit.callbacks = {Watcher(every, log)};
  auto history = model.Fit(d, fit);
  EXPECT_TRUE(history.ok()) << history.status();
  if (!history.ok()) return {};
  EXPECT_EQ(history->steps, 14);
  EXPECT_LE(history->step_seconds, history->training_seconds);
  for (const EpochRecord& epoch : history->epochs) {
    scores->push_back(epoch.training.loss);
    for (const auto& [name, value] : epoch.training.metrics) scores->push_back(value);
  }
  return model.variables().Snapshot();
}

TEST(Steps, ManyInOneEntryHaveTheBitsOfSingleOnes) {
  for (const Backend backend : {Backend::kNative, Backend::kInterpreter}) {
    for (const bool shuffle : {false, true}) {
      Watcher::Log all;
      std::vector<double> expected_scores;
      const std::vector<Tensor> expected = Train(1, 1, shuffle, backend, &all, &expected_scores);
      ASSERT_EQ(all.steps.size(), 14u);
      const std::vector<int> teams =
          backend == Backend::kNative ? std::vector<int>{1, 2, 3, 8} : std::vector<int>{1};
      for (const int threads : teams) {
        for (const int64_t every : {int64_t{1}, int64_t{3}, kWhenever}) {
          Watcher::Log log;
          std::vector<double> scores;
          EXPECT_EQ(Train(every, threads, shuffle, backend, &log, &scores), expected)
              << threads << " threads, every " << every;
          EXPECT_EQ(scores, expected_scores);
          for (size_t i = 0; i < log.steps.size(); ++i) {
            EXPECT_EQ(log.losses[i], all.losses[static_cast<size_t>(log.steps[i]) - 1]);
            EXPECT_EQ(log.batches[i], (log.steps[i] - 1) % 7);
          }
        }
      }
    }
  }
}

TEST(Steps, ObserversAreCalledWhereTheyAsk) {
  for (const int64_t every : {2, 5}) {
    Watcher::Log log;
    std::vector<double> scores;
    Train(every, 1, true, Backend::kNative, &log, &scores);
    for (int64_t step = every; step <= 14; step += every) {
      EXPECT_THAT(log.steps, ::testing::Contains(step));
    }
    EXPECT_THAT(log.steps, ::testing::Contains(14));
  }
}

TEST(Steps, ALossThatIsNotFiniteIsTheStepsThatHadIt) {
  for (const int64_t every : {int64_t{1}, int64_t{4}, kWhenever}) {
    data::Dataset d = ToyData(1000);
    Model model(ToyNet(), Options());
    FitOptions options = Quiet(3);
    options.shuffle = false;
    Watcher::Log log;
    options.callbacks = {Watcher(every, &log)};
    ASSERT_TRUE(model.Fit(d, options).ok());
    const std::vector<Tensor> before = model.variables().Snapshot();
    d.x.mutable_data<float>()[4 * (32 * 20 + 7)] = std::nanf("");
    const auto history = model.Fit(d, options);
    EXPECT_THAT(Message(history.status()),
                HasSubstr("the loss is nan at step 21 (epoch 1 of 3, batch 21 of 32)"));
    EXPECT_EQ(model.variables().Snapshot(), before);
  }
}

// A loss that looks the target's number up in the rows of the prediction: beyond the batch it is a
// fault of the program.
class LookedUp final : public loss::Loss {
 public:
  absl::string_view name() const override { return "looked_up"; }

 protected:
  Value Build(Value prediction, Value target) const override {
    Value rows = Reshape(Cast(target, I64), {target.shape()[0]});
    Value error = prediction - Gather(prediction, rows, 0);
    return loss::MeanPerExample(error * error + prediction);
  }
};

TEST(Steps, AFaultIsTheStepsThatHadIt) {
  for (const Backend backend : {Backend::kNative, Backend::kInterpreter}) {
    for (const int threads : {1, 3}) {
      for (const int64_t every : {int64_t{1}, int64_t{4}, kWhenever}) {
        data::Dataset d = ToyData(330);
        for (float& y : d.y.mutable_data<float>()) y = 3;
        ModelOptions model_options = Options();
        model_options.loss = LookedUp();
        model_options.metrics = {};
        model_options.threads = threads;
        model_options.compile.backend = backend;
        Model model(ToyNet(), model_options);
        FitOptions options = Quiet(2);
        options.shuffle = false;
        Watcher::Log log;
        options.callbacks = {Watcher(every, &log)};
        const auto sound = model.Fit(d, options);
        ASSERT_TRUE(sound.ok()) << sound.status();
        const std::vector<Tensor> before = model.variables().Snapshot();
        d.y.mutable_data<float>()[32 * 6 + 5] = 77;
        const auto history = model.Fit(d, options);
        EXPECT_EQ(history.status().code(), absl::StatusCode::kOutOfRange);
        EXPECT_THAT(Message(history.status()), HasSubstr("77"));
        EXPECT_THAT(Message(history.status()),
                    HasSubstr("at step 7 (epoch 1 of 2, batch 7 of 11)"));
        EXPECT_EQ(model.variables().Snapshot(), before);
      }
    }
  }
}

TEST(Steps, AnErrorOfTheLoaderEndsTrainingAndUndoesIt) {
  const data::Dataset d = ToyData(640);
  Model model(ToyNet(), Options());
  ASSERT_TRUE(model.Fit(d, Quiet(1)).ok());
  const std::vector<Tensor> before = model.variables().Snapshot();
  FitOptions options = Quiet(3);
  int calls = 0;
  options.augment = [&calls](const data::BatchRows& rows, Random&) {
    static_cast<float*>(rows.x.data)[0] += 1;
    return ++calls == 27 ? absl::DataLossError("no such image") : absl::OkStatus();
  };
  const auto history = model.Fit(d, options);
  EXPECT_EQ(history.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(Message(history.status()), HasSubstr("augmenting epoch 2, batch 7: no such image"));
  EXPECT_EQ(model.variables().Snapshot(), before);
}

TEST(Steps, AugmentationIsDeterministicAndTrainedOn) {
  const data::Dataset d = ToyData(640);
  const auto train = [&](bool augment, int64_t every) {
    Model model(ToyNet(), Options());
    FitOptions options = Quiet(2);
    Watcher::Log log;
    options.callbacks = {Watcher(every, &log)};
    if (augment) {
      options.augment = [](const data::BatchRows& rows, Random& random) {
        static_cast<float*>(rows.x.data)[5] += static_cast<float>(random.Normal());
        return absl::OkStatus();
      };
    }
    EXPECT_TRUE(model.Fit(d, options).ok());
    return model.variables().Snapshot();
  };
  const std::vector<Tensor> augmented = train(true, 1);
  EXPECT_EQ(augmented, train(true, kWhenever));
  EXPECT_NE(augmented, train(false, 1));
}

}  // namespace
}  // namespace tenon
