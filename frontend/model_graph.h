// The graphs of a model: prediction, evaluation, and the whole training step.
//
// All three take the batch as a bounded symbol `n`, so one program serves full and ragged batches.
// Inputs: "x" and "y" (a batch's rows), the layers' parameters and state by their names, and for
// training "<parameter>/<slot>", "train/step" (i64, steps done so far), "train/seed" (i64) and
// "train/learning_rate" (f32). "metric/<name>" (i64) holds what a metric has counted so far.
// Outputs: "prediction", or "loss" (f32, the batch's mean with the layers' penalties added); and
// for every input that changes, an output of the same name that is donated to it.
#ifndef TENON_FRONTEND_MODEL_GRAPH_H_
#define TENON_FRONTEND_MODEL_GRAPH_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tenon/frontend/core.h"
#include "tenon/frontend/loss/loss.h"
#include "tenon/frontend/metric/metric.h"
#include "tenon/frontend/nn/layer.h"
#include "tenon/frontend/optim/optimizer.h"
#include "tenon/frontend/tensor.h"

namespace tenon {

// Element type and extents of one example: a row of a data set.
struct RowType {
  DType dtype = DType::kF32;
  Dims dims;

  bool operator==(const RowType&) const = default;
};

// What a model is made of; borrowed.
struct ModelParts {
  const nn::Layer& net;
  const loss::Loss& loss;
  const optim::Optimizer& optimizer;
  const std::vector<Poly<metric::Metric>>& metrics;
  SourceLocation location;  // of the model: what loss, metrics and optimizer build belongs there
};

// The names of the metrics' counts, in the order of the metrics: "metric/accuracy", ...
std::vector<std::string> MetricStateNames(const std::vector<Poly<metric::Metric>>& metrics);

struct PredictGraph {
  Graph graph;
  ir::TensorType prediction;
  std::vector<nn::LayerContext::Built> layers;
  std::vector<std::string> parameters, states;  // the layers', by name
};
absl::StatusOr<PredictGraph> BuildPredictGraph(const nn::Layer& net, const RowType& x,
                                               int64_t max_batch);

absl::StatusOr<Graph> BuildEvaluateGraph(const ModelParts& parts, const RowType& x,
                                         const RowType& y, int64_t max_batch);

// Forward, loss, gradients, optimizer and metrics: (state, batch) -> (state', loss).
absl::StatusOr<Graph> BuildTrainGraph(const ModelParts& parts, const RowType& x, const RowType& y,
                                      int64_t max_batch);

}  // namespace tenon

#endif  // TENON_FRONTEND_MODEL_GRAPH_H_
