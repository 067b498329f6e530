// The smallest case: one layer of ten inputs and one sigmoid output, features scaled to [0, 1], the
// mean squared error, plain gradient descent over all rows at once until the loss is under a
// threshold or a number of steps has passed; then accuracy, recall and F1 on rows not seen.
// The argument is a folder with train.csv and test.csv.
#include "examples/support.h"
#include "tenon/frontend/tenon.h"

using namespace tenon;

int main(int argc, char** argv) {
  const std::string folder = argc > 1 ? argv[1] : "examples/worked_example/data";
  data::Dataset train = OrExit(data::ReadCsvDataset(folder + "/train.csv"));
  data::Dataset test = OrExit(data::ReadCsvDataset(folder + "/test.csv"));
  const data::Scaler scaler = OrExit(data::Scaler::MinMax(train.x));
  OrExit(scaler.Apply(train.x));
  OrExit(scaler.Apply(test.x));

  Model model(nn::Sequential{nn::Dense(1, nn::Sigmoid)},
              {.loss = loss::MeanSquaredError(),
               .optimizer = optim::Sgd({.learning_rate = 0.5}),
               .metrics = {metric::Accuracy(), metric::Recall(), metric::F1()}});
  const History history =
      OrExit(model.Fit(train, {.epochs = 5000,
                               .batch_size = train.size(),
                               .callbacks = {callback::StopAtLoss(0.13), callback::MaxSteps(4000)},
                               .progress = false}));
  std::printf("%lld steps, training loss %.4f (%s)\n", static_cast<long long>(history.steps),
              history.epochs.back().training.loss, history.stop_reason.c_str());
  const Scores scores = OrExit(model.Evaluate(test));
  std::printf("test loss: %.4f  accuracy: %.4f  recall: %.4f  F1: %.4f\n", scores.loss,
              *scores.metric("accuracy"), *scores.metric("recall"), *scores.metric("f1"));
}
