// Models: training, evaluation, prediction, files, callbacks, mistakes.
#include "tenon/frontend/model.h"

#include <cmath>
#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tenon/frontend/tenon.h"
#include "tests/frontend/support.h"
#include "tests/frontend/toy.h"

namespace tenon {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using testing::Message;
using testing::Options;
using testing::Quiet;
using testing::ToyData;
using testing::ToyNet;

TEST(Model, LearnsAToyProblem) {
  const data::Dataset d = ToyData();
  Model model(ToyNet(), Options());
  auto history = model.Fit(d, Quiet(20));
  ASSERT_TRUE(history.ok()) << history.status();
  ASSERT_EQ(history->epochs.size(), 20u);
  EXPECT_EQ(history->steps, 20 * 7);  // six batches of 32 and one of 8
  EXPECT_LT(history->epochs.back().training.loss, history->epochs.front().training.loss / 2);
  auto scores = model.Evaluate(d);
  ASSERT_TRUE(scores.ok()) << scores.status();
  EXPECT_GT(*scores->metric("accuracy"), 0.95);
  EXPECT_GT(*scores->metric("f1"), 0.95);
  EXPECT_EQ(scores->metric("recall"), std::nullopt);
}

TEST(Model, InterpretedAndNativeTrainingAgree) {
  const data::Dataset d = ToyData(50);
  Tensor predictions[2];
  for (Backend backend : {Backend::kInterpreter, Backend::kNative}) {
    ModelOptions options = Options();
    options.compile = {.backend = backend};
    Model model(ToyNet(), options);
    ASSERT_TRUE(model.Fit(d, Quiet(3)).ok());
    auto p = model.Predict(d.x);
    ASSERT_TRUE(p.ok()) << p.status();
    predictions[backend == Backend::kNative] = *p;
  }
  // The two differ in the order of sums and in fused multiply-adds, over six steps of Adam.
  testing::ExpectNear(predictions[1], predictions[0], 1e-4, 1e-5);
}

TEST(Model, ExactNativeTrainingIsTheInterpretersToTheBit) {
  const data::Dataset d = ToyData(50);
  Tensor predictions[2];
  for (Backend backend : {Backend::kInterpreter, Backend::kNative}) {
    ModelOptions options = Options();
    options.compile = {.backend = backend, .numerics = Numerics::kExact};
    Model model(ToyNet(), options);
    ASSERT_TRUE(model.Fit(d, Quiet(2)).ok());
    auto p = model.Predict(d.x);
    ASSERT_TRUE(p.ok()) << p.status();
    predictions[backend == Backend::kNative] = *p;
  }
  EXPECT_EQ(predictions[0], predictions[1]);
}

TEST(Model, FollowsItsSeedWhateverTheThreads) {
  const data::Dataset d = ToyData();
  auto train = [&](uint64_t seed, int threads) {
    const nn::Sequential net{nn::Dense(8, nn::Relu), nn::Dropout(0.3), nn::Dense(1, nn::Sigmoid)};
    ModelOptions options = Options(seed);
    options.threads = threads;
    Model model(net, options);
    EXPECT_TRUE(model.Fit(d, Quiet(3)).ok());
    return *model.Predict(d.x);
  };
  const Tensor a = train(1, 1);
  EXPECT_EQ(a, train(1, 1));
  EXPECT_EQ(a, train(1, 3));
  EXPECT_FALSE(a == train(2, 1));
}

TEST(Model, TwoFitsGoOnWhereOneEnded) {
  const data::Dataset d = ToyData();
  Model once(ToyNet(), Options()), twice(ToyNet(), Options());
  ASSERT_TRUE(once.Fit(d, Quiet(4)).ok());
  ASSERT_TRUE(twice.Fit(d, Quiet(2)).ok());
  ASSERT_TRUE(twice.Fit(d, Quiet(2)).ok());
  EXPECT_EQ(*once.Predict(d.x), *twice.Predict(d.x));
}

TEST(Model, BatchSizeOfEvaluationDoesNotMatter) {
  const data::Dataset d = ToyData();
  Model model(ToyNet(), Options());
  ASSERT_TRUE(model.Fit(d, Quiet(1)).ok());
  auto a = model.Evaluate(d, {.batch_size = 200}), b = model.Evaluate(d, {.batch_size = 7});
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_NEAR(a->loss, b->loss, 1e-6);
  EXPECT_EQ(a->metrics, b->metrics);
  EXPECT_EQ(*model.Predict(d.x, {.batch_size = 200}), *model.Predict(d.x, {.batch_size = 7}));
  auto none = model.Predict(d.x.Rows(0, 0));
  ASSERT_TRUE(none.ok()) << none.status();
  EXPECT_EQ(none->TypeString(), "f32[0,1]");
}

TEST(Model, SavedWeightsPredictTheSameInAnotherModel) {
  const data::Dataset d = ToyData();
  const std::string path = testing::TemporaryDirectory() + "/model.safetensors";
  const nn::Sequential net{nn::Dense(8, nn::Relu), nn::BatchNorm(), nn::Dense(1, nn::Sigmoid)};
  Model model(net, Options());
  ASSERT_TRUE(model.Fit(d, Quiet(2)).ok());
  ASSERT_TRUE(model.Save(path).ok());
  Model other(net, Options(77));
  ASSERT_TRUE(other.Load(path).ok());
  EXPECT_EQ(*model.Predict(d.x), *other.Predict(d.x));
  // The optimizer's state is there too: both go on alike, but for the order of rows.
  FitOptions ordered = Quiet(1);
  ordered.shuffle = false;
  ASSERT_TRUE(model.Fit(d, ordered).ok());
  ASSERT_TRUE(other.Fit(d, ordered).ok());
  EXPECT_EQ(*model.Predict(d.x), *other.Predict(d.x));
}

TEST(Model, LoadingAnotherModelsFileChangesNothing) {
  const data::Dataset d = ToyData();
  const std::string dir = testing::TemporaryDirectory();
  Model wide(nn::Sequential{nn::Dense(9, nn::Relu), nn::Dense(1, nn::Sigmoid)}, Options());
  ASSERT_TRUE(wide.Fit(d, Quiet(1)).ok());
  ASSERT_TRUE(wide.Save(dir + "/wide").ok());
  Model deep(nn::Sequential{nn::Dense(8), nn::Dense(1), nn::Dense(1)}, Options());
  ASSERT_TRUE(deep.Build(F32, {4}).ok());
  ASSERT_TRUE(deep.Save(dir + "/deep").ok());
  Model model(ToyNet(), Options());
  EXPECT_FALSE(model.Save(dir + "/none").ok());
  ASSERT_TRUE(model.Build(F32, {4}).ok());
  const Tensor before = *model.Predict(d.x);
  EXPECT_THAT(Message(model.Load(dir + "/wide")), HasSubstr("'dense/kernel' is f32[4,9]"));
  EXPECT_THAT(Message(model.Load(dir + "/deep")), HasSubstr("'dense_2/kernel' is unknown"));
  EXPECT_THAT(Message(deep.Load(dir + "/wide")), HasSubstr("'dense_2/kernel' is missing"));
  std::ofstream(dir + "/bad") << "no file of weights";
  EXPECT_FALSE(model.Load(dir + "/bad").ok());
  EXPECT_FALSE(model.Load(dir + "/absent").ok());
  EXPECT_EQ(before, *model.Predict(d.x));
}

TEST(Model, ANonFiniteLossIsReportedWithItsStepAndUndone) {
  data::Dataset d = ToyData(100);
  Model model(ToyNet(), Options());
  FitOptions options = Quiet(3);
  options.shuffle = false;
  ASSERT_TRUE(model.Fit(d, options).ok());
  const Tensor before = *model.Predict(d.x);
  data::Dataset bad = d;
  bad.x.mutable_data<float>()[4 * 70] = std::nanf("");  // in the third batch of 32
  auto history = model.Fit(bad, options);
  EXPECT_THAT(Message(history.status()), HasSubstr("nan at step 3 (epoch 1 of 3, batch 3 of 4)"));
  EXPECT_EQ(before, *model.Predict(d.x));
}

TEST(Model, BadDataAreErrors) {
  const data::Dataset d = ToyData();
  Model model(ToyNet(), Options());
  EXPECT_THAT(Message(model.Fit({Tensor(F32, {0, 4}), Tensor(F32, {0, 1})}).status()),
              HasSubstr("empty"));
  EXPECT_THAT(Message(model.Fit({d.x, d.y.Rows(0, 7)}).status()), HasSubstr("rows"));
  ASSERT_TRUE(model.Fit(d, Quiet(1)).ok());
  EXPECT_THAT(Message(model.Predict(Tensor(F32, {2, 5})).status()), HasSubstr("f32[5]"));
  EXPECT_FALSE(model.Predict(d.x, {.batch_size = 0}).ok());
  EXPECT_FALSE(model.Fit(d, {.epochs = -1}).ok());
  EXPECT_FALSE(model.Fit(d, {.validation_split = 2}).ok());
  Model sparse(nn::Sequential{nn::Dense(3)},
               {.loss = loss::SparseCategoricalCrossEntropy({.from_logits = true})});
  Tensor labels(I64, {200});
  labels.mutable_data<int64_t>()[5] = 3;
  EXPECT_THAT(Message(sparse.Fit({d.x, labels}, Quiet(1)).status()), HasSubstr("label 3 in row 5"));
  Model crooked(nn::Sequential{nn::Dense(2)}, Options());
  const Tensor y3(F32, {200, 3});
  EXPECT_THAT(Message(crooked.Fit({d.x, y3}, Quiet(1)).status()), HasSubstr("model_test.cc"));
}

TEST(Model, SummaryListsLayersAndCounts) {
  Model model(ToyNet(), Options());
  EXPECT_FALSE(model.Summary().ok());
  ASSERT_TRUE(model.Build(F32, {4}).ok());
  const std::string summary = *model.Summary();
  EXPECT_THAT(summary, HasSubstr("dense_1"));
  EXPECT_THAT(summary, ::testing::EndsWith(" 49\n"));
}

TEST(Model, ConvolutionsBatchNormAndIntegerImages) {
  // Images whose brighter half tells their class; raw bytes go in.
  data::Dataset d{Tensor(U8, {64, 6, 6, 1}), Tensor(U8, {64})};
  Random random(5);
  for (int64_t i = 0; i < 64; ++i) {
    d.y.mutable_data<uint8_t>()[i] = i % 2;
    for (int64_t p = 0; p < 36; ++p) {
      const bool bright = (p % 6 < 3) == (i % 2 == 0);
      d.x.mutable_data<uint8_t>()[36 * i + p] =
          static_cast<uint8_t>(random.Below(50) + 3 * bright * 50);
    }
  }
  const nn::Sequential net{
      nn::BatchNorm({.momentum = 0.5}),
      nn::Conv2D(4, {3, 3}, {.activation = nn::Relu, .padding = Padding::kSame, .kernel_l2 = 1e-4}),
      nn::MaxPool2D(),
      nn::AveragePool2D({.window = {1, 1}}),
      nn::Flatten(),
      nn::Dropout(0.1),
      nn::Dense(2)};
  Model model(net, {.loss = loss::SparseCategoricalCrossEntropy({.from_logits = true}),
                    .optimizer = optim::Momentum({.learning_rate = 0.05}),
                    .metrics = {metric::Accuracy(), metric::Confusion()}});
  auto history = model.Fit(d, {.epochs = 15, .batch_size = 12, .progress = false});
  ASSERT_TRUE(history.ok()) << history.status();
  auto scores = model.Evaluate(d);
  ASSERT_TRUE(scores.ok()) << scores.status();
  EXPECT_EQ(*scores->metric("accuracy"), 1);
  EXPECT_EQ(*scores->metric("confusion"), 1);
}

}  // namespace
}  // namespace tenon
