// Trains a convolutional network on Fashion-MNIST and tests it; or, with --predict, loads what an
// earlier run saved and predicts again.
//
// Training shows its progress, validates each epoch, stops when validation stops improving, prints
// the accuracy on the test images and a confusion table, and saves weights and predictions. A
// prediction in a new process is compared with the saved ones, and must be the same to the bit.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>
#include <vector>

#include "examples/support.h"
#include "tenon/frontend/tenon.h"

using namespace tenon;

namespace {

const std::vector<std::string> kClasses = {"T-shirt", "Trouser", "Pullover", "Dress", "Coat",
                                           "Sandal",  "Shirt",   "Sneaker",  "Bag",   "Boot"};

struct Arguments {
  std::string data = "/usr/share/datasets/fashion-mnist";
  std::string output = "fashion_mnist.out";
  int64_t epochs = 8;
  int64_t batch_size = 64;
  int64_t limit = 0;
  uint64_t seed = 1;
  int threads = 0;
  bool predict = false;
};

Arguments Parse(int argc, char** argv) {
  Arguments a;
  CLI::App app("Trains a CNN on Fashion-MNIST, or predicts with what an earlier run saved.");
  app.add_option("--data", a.data, "folder of the four IDX files")->capture_default_str();
  app.add_option("--output", a.output, "where weights and predictions go: a prefix of file names")
      ->capture_default_str();
  app.add_option("--epochs", a.epochs, "epochs at most")->capture_default_str();
  app.add_option("--batch-size", a.batch_size, "images a step")->capture_default_str();
  app.add_option("--limit", a.limit, "use only so many training and test images; 0: all");
  app.add_option("--seed", a.seed, "of weights, order and dropout")->capture_default_str();
  app.add_option("--threads", a.threads, "threads; 0: all cores");
  app.add_flag("--predict", a.predict, "load saved weights and predict instead of training");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    std::exit(app.exit(e) == 0 ? 0 : 1);
  }
  return a;
}

Model MakeModel(const Arguments& a) {
  const nn::Sequential net{
      nn::Conv2D(32, {3, 3}, {.activation = nn::Relu, .padding = Padding::kSame}),
      nn::MaxPool2D(),
      nn::Conv2D(64, {3, 3}, {.activation = nn::Relu, .padding = Padding::kSame}),
      nn::MaxPool2D(),
      nn::Flatten(),
      nn::Dense(128, nn::Relu),
      nn::Dropout(0.4),
      nn::Dense(10)};
  return Model(net, {.loss = loss::SparseCategoricalCrossEntropy({.from_logits = true}),
                     .optimizer = optim::Adam(),
                     .metrics = {metric::Accuracy()},
                     .seed = a.seed,
                     .threads = a.threads});
}

// The files of one part of the set, "train" or "t10k".
data::Dataset Read(const Arguments& a, const std::string& part) {
  data::Dataset d = OrExit(data::ReadImages(a.data + "/" + part + "-images-idx3-ubyte.gz",
                                            a.data + "/" + part + "-labels-idx1-ubyte.gz"));
  if (a.limit <= 0 || a.limit >= d.size()) return d;
  const data::DatasetView first = data::DatasetView(d).Rows(0, a.limit);
  return {Tensor::CopyOf(first.x), Tensor::CopyOf(first.y)};
}

void Report(const Tensor& logits, const Tensor& labels) {
  const auto table = OrExit(metric::ConfusionTable::Of(logits, labels));
  std::printf("test accuracy: %.2f%%\n%s", 100 * table.Accuracy(),
              table.ToString(kClasses).c_str());
}

void Train(const Arguments& a) {
  const data::Dataset train = Read(a, "train"), test = Read(a, "t10k");
  Model model = MakeModel(a);
  OrExit(model.Build(train.x.dtype(), train.x.dims().subspan(1)));
  std::printf("%s", OrExit(model.Summary()).c_str());
  const History history =
      OrExit(model.Fit(train, {.epochs = a.epochs,
                               .batch_size = a.batch_size,
                               .validation_split = 1.0 / 12,
                               .callbacks = {callback::EarlyStopping(
                                   {.monitor = {.metric = "accuracy"}, .patience = 2})}}));
  std::printf("trained for %.1f s\n", history.training_seconds);
  const Tensor logits = OrExit(model.Predict(test.x));
  Report(logits, test.y);
  OrExit(model.Save(a.output + ".weights.safetensors"));
  OrExit(checkpoint::Save(a.output + ".predictions.safetensors", {{"logits", logits}}));
  std::printf("saved %s.{weights,predictions}.safetensors\n", a.output.c_str());
}

void Predict(const Arguments& a) {
  const data::Dataset test = Read(a, "t10k");
  Model model = MakeModel(a);
  OrExit(model.Load(a.output + ".weights.safetensors"));
  const Tensor logits = OrExit(model.Predict(test.x));
  Report(logits, test.y);
  const auto saved = OrExit(checkpoint::Load(a.output + ".predictions.safetensors"));
  const auto before = saved.tensors.find("logits");
  if (before == saved.tensors.end() || !(before->second == logits)) {
    std::fprintf(stderr, "error: the predictions differ from the saved ones\n");
    std::exit(1);
  }
  std::printf("predictions are the same to the bit as those of the training run\n");
}

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments = Parse(argc, argv);
  if (arguments.predict) {
    Predict(arguments);
  } else {
    Train(arguments);
  }
}
