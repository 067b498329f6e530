// Trains a small network on Fashion-MNIST and writes what the other programs of this folder are
// made of: the graph that predicts and the whole training step, as text; the weights; and a few
// test images as plain IDX files, so that a program without a decompressor can read them.
//
//   train_small FOLDER [EPOCHS]
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "examples/support.h"
#include "tenon/frontend/model_graph.h"
#include "tenon/frontend/tenon.h"
#include "tenon/ir/file.h"
#include "tenon/ir/text.h"

using namespace tenon;

namespace {

const char kData[] = "/usr/share/datasets/fashion-mnist/";
constexpr int64_t kBatch = 32, kTestImages = 2000;

data::Dataset Read(const std::string& part) {
  return OrExit(data::ReadImages(kData + part + "-images-idx3-ubyte.gz",
                                 kData + part + "-labels-idx1-ubyte.gz"));
}

// Without source lines: these files go with others to other machines.
void Write(Graph graph, const std::string& name, const std::string& folder) {
  graph.set_name(name);
  OrExit(
      ir::WriteFileAtomically(folder + "/" + name + ".tn", ir::Print(graph, {.locations = false})));
}

std::string BigEndian(uint32_t n) {
  return {static_cast<char>(n >> 24), static_cast<char>(n >> 16), static_cast<char>(n >> 8),
          static_cast<char>(n)};
}

// Images and labels as the IDX files that they came from, uncompressed.
void WriteImages(const data::Dataset& set, const std::string& folder) {
  std::string images = BigEndian(0x803) + BigEndian(kTestImages) + BigEndian(28) + BigEndian(28);
  std::string labels = BigEndian(0x801) + BigEndian(kTestImages);
  const auto x = set.x.data<float>();
  const auto y = set.y.data<uint8_t>();
  for (int64_t i = 0; i < kTestImages * 28 * 28; ++i) {
    images.push_back(static_cast<char>(static_cast<int>(x[i] * 255 + 0.5f)));
  }
  for (int64_t i = 0; i < kTestImages; ++i) labels.push_back(static_cast<char>(y[i]));
  OrExit(ir::WriteFileAtomically(folder + "/images.idx", images));
  OrExit(ir::WriteFileAtomically(folder + "/labels.idx", labels));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s FOLDER [EPOCHS]\n", argv[0]);
    return 1;
  }
  const std::string folder = argv[1];
  const data::Dataset train = Read("train"), test = Read("t10k");
  const nn::Sequential net{nn::Conv2D(8, {3, 3}, {.activation = nn::Relu, .stride = {2, 2}}),
                           nn::Conv2D(16, {3, 3}, {.activation = nn::Relu, .stride = {2, 2}}),
                           nn::Flatten(), nn::Dense(10)};
  const loss::SparseCategoricalCrossEntropy loss({.from_logits = true});
  Model model(
      net, {.loss = loss, .optimizer = optim::Adam(), .metrics = {metric::Accuracy()}, .seed = 1});
  OrExit(model.Fit(
      train,
      {.epochs = argc > 2 ? std::atoi(argv[2]) : 2, .batch_size = kBatch, .progress = false}));
  const Scores scores = OrExit(model.Evaluate(test));
  std::printf("trained: accuracy %.1f%% on the test images\n", 100 * *scores.metric("accuracy"));

  const RowType x{train.x.dtype(), {28, 28, 1}}, y{train.y.dtype(), {}};
  Write(OrExit(BuildPredictGraph(net, x, 1)).graph, "classifier", folder);
  // On a device: plain gradient descent, which keeps nothing beside the parameters.
  const optim::Sgd optimizer({.learning_rate = 0.03});
  const std::vector<Poly<metric::Metric>> metrics = {metric::Accuracy()};
  const ModelParts parts{net, loss, optimizer, metrics, SourceLocation::current()};
  Write(OrExit(BuildTrainGraph(parts, x, y, kBatch)), "learner", folder);
  OrExit(model.Save(folder + "/weights.safetensors"));
  WriteImages(test, folder);
}
