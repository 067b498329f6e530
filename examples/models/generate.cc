// Writes the models of this folder as text: an MLP and a CNN, each as the graph that predicts and
// as the whole training step (forward, loss, gradients, optimizer, metrics).
//
//   generate_models FOLDER
#include <cstdio>
#include <string>

#include "absl/status/status.h"
#include "tenon/frontend/loss/sparse_categorical_cross_entropy.h"
#include "tenon/frontend/metric/accuracy.h"
#include "tenon/frontend/model_graph.h"
#include "tenon/frontend/nn/activation.h"
#include "tenon/frontend/nn/conv2d.h"
#include "tenon/frontend/nn/dense.h"
#include "tenon/frontend/nn/dropout.h"
#include "tenon/frontend/nn/flatten.h"
#include "tenon/frontend/nn/max_pool2d.h"
#include "tenon/frontend/nn/sequential.h"
#include "tenon/frontend/optim/adam.h"
#include "tenon/ir/check.h"
#include "tenon/ir/file.h"
#include "tenon/ir/text.h"

namespace tenon {
namespace {

constexpr int64_t kMaxBatch = 64;

// Without source locations: they would tell where this program was built.
absl::Status Write(Graph graph, const std::string& name, const std::string& folder) {
  graph.set_name(name);
  return ir::WriteFileAtomically(folder + "/" + name + ".tn",
                                 ir::Print(graph, {.locations = false}));
}

absl::Status WriteModel(const nn::Layer& net, const RowType& x, const std::string& name,
                        const std::string& folder) {
  const loss::SparseCategoricalCrossEntropy loss({.from_logits = true});
  const optim::Adam optimizer;
  const std::vector<Poly<metric::Metric>> metrics = {metric::Accuracy()};
  const RowType label{DType::kI32, {}};
  TENON_ASSIGN_OR_RETURN(PredictGraph predict, BuildPredictGraph(net, x, kMaxBatch));
  TENON_RETURN_IF_ERROR(Write(std::move(predict.graph), name, folder));
  const ModelParts parts{net, loss, optimizer, metrics, SourceLocation::current()};
  TENON_ASSIGN_OR_RETURN(Graph train, BuildTrainGraph(parts, x, label, kMaxBatch));
  return Write(std::move(train), name + "_train", folder);
}

absl::Status Generate(const std::string& folder) {
  const nn::Sequential mlp{nn::Dense(512, nn::Relu), nn::Dense(256, nn::Relu), nn::Dense(10)};
  TENON_RETURN_IF_ERROR(WriteModel(mlp, {DType::kF32, {784}}, "mlp", folder));
  const nn::Sequential cnn{nn::Conv2D(16, {3, 3}, {.activation = nn::Relu}),
                           nn::MaxPool2D({.window = {2, 2}}),
                           nn::Conv2D(32, {3, 3}, {.activation = nn::Relu}),
                           nn::MaxPool2D({.window = {2, 2}}),
                           nn::Flatten(),
                           nn::Dropout(0.25),
                           nn::Dense(10)};
  return WriteModel(cnn, {DType::kF32, {28, 28, 1}}, "cnn", folder);
}

}  // namespace
}  // namespace tenon

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
    return 1;
  }
  const absl::Status status = tenon::Generate(argv[1]);
  if (!status.ok()) std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
  return status.ok() ? 0 : 1;
}
