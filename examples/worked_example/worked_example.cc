// The worked example: a small binary classifier, trained, validated and tested in a few lines.
// With an argument it takes the rows in that folder (train.csv and test.csv); without one it draws
// rows of its own. README.md shows the same program in Keras.
#include "examples/support.h"
#include "tenon/frontend/tenon.h"

using namespace tenon;

int main(int argc, char** argv) {
  data::Dataset train, test;
  if (argc > 1) {
    train = OrExit(data::ReadCsvDataset(std::string(argv[1]) + "/train.csv"));
    test = OrExit(data::ReadCsvDataset(std::string(argv[1]) + "/test.csv"));
  } else {
    const auto all = OrExit(data::MakeClassification({.samples = 1000, .features = 10}));
    const auto split = OrExit(data::SplitInTwo(all, {.fraction = 0.2}));
    train = split.first, test = split.second;
  }
  nn::Sequential net{nn::Dense(64, nn::Relu), nn::Dense(1, nn::Sigmoid)};
  Model model(net, {.loss = loss::BinaryCrossEntropy(),
                    .optimizer = optim::Adam(),
                    .metrics = {metric::Accuracy()}});
  OrExit(model.Fit(train, {.epochs = 10, .batch_size = 32, .validation_split = 0.1}));
  const Scores scores = OrExit(model.Evaluate(test));
  std::printf("test loss: %.4f  test accuracy: %.4f\n", scores.loss, *scores.metric("accuracy"));
}
