// Model: a network with what is needed to train it, as Keras users know it.
//
//   nn::Sequential net{nn::Dense(64, nn::Relu), nn::Dense(1)};
//   Model model(net, {.loss = loss::BinaryCrossEntropy({.from_logits = true}),
//                     .optimizer = optim::Adam(),
//                     .metrics = {metric::Accuracy({.threshold = 0})}});
//   absl::StatusOr<History> history = model.Fit(train, {.epochs = 10, .validation_split = 0.1});
//   absl::StatusOr<Scores> scores = model.Evaluate(test);
//
// The first data that a model sees fix the type of its rows; parameters are made then. Programs are
// compiled when first needed, and kept. A training step is one run of one program.
#ifndef TENON_FRONTEND_MODEL_H_
#define TENON_FRONTEND_MODEL_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tenon/frontend/callback/callback.h"
#include "tenon/frontend/compile.h"
#include "tenon/frontend/data/dataset.h"
#include "tenon/frontend/data/loader.h"
#include "tenon/frontend/history.h"
#include "tenon/frontend/loss/loss.h"
#include "tenon/frontend/metric/metric.h"
#include "tenon/frontend/model_graph.h"
#include "tenon/frontend/nn/layer.h"
#include "tenon/frontend/optim/adam.h"
#include "tenon/frontend/optim/optimizer.h"
#include "tenon/frontend/variables.h"
#include "tenon/runtime/team.h"

namespace tenon {

struct ModelOptions {
  Poly<loss::Loss> loss;
  Poly<optim::Optimizer> optimizer = optim::Adam();
  std::vector<Poly<metric::Metric>> metrics = {};
  uint64_t seed = 0;  // of initial values, dropout and the order of batches
  int threads = 0;    // 0: all cores, or one where a step is too small to gain by more
  // Precision::kMixedBf16: bf16 contractions with f32 weights, state and losses. Checkpoints hold
  // f32 either way.
  Precision precision = Precision::kAsWritten;
  CompileOptions compile = {};
};

struct FitOptions {
  int64_t epochs = 1;
  int64_t batch_size = 32;
  bool shuffle = true;
  // Changes batches before they are trained on, ahead of the steps on another thread.
  data::Augment augment = {};
  // The last part of the data is kept back and evaluated after each epoch; or other data are.
  double validation_split = 0;
  std::optional<data::DatasetView> validation_data = {};
  std::vector<Poly<callback::Callback>> callbacks = {};
  bool progress = true;  // a progress bar on standard output
};

struct EvaluateOptions {
  int64_t batch_size = 256;
};

class Model {
 public:
  Model(Poly<nn::Layer> net, ModelOptions options,
        SourceLocation location = SourceLocation::current());
  Model(Model&&) noexcept;
  Model& operator=(Model&&) noexcept;
  ~Model();

  // Trains. A run that fails (a loss that is not finite is reported with its step) leaves all
  // variables as they were before. A second call goes on from where the first ended.
  absl::StatusOr<History> Fit(const data::DatasetView& data, const FitOptions& options = {});

  absl::StatusOr<Scores> Evaluate(const data::DatasetView& data,
                                  const EvaluateOptions& options = {});

  // A row of predictions for each row of `x`.
  absl::StatusOr<Tensor> Predict(const TensorView& x, const EvaluateOptions& options = {});

  // Makes the parameters for rows of this type (before any data are seen).
  absl::Status Build(DType dtype, absl::Span<const int64_t> row_dims);
  bool is_built() const;

  // Parameters, state of layers and of the optimizer in safetensors form, written atomically.
  absl::Status Save(const std::string& path) const;
  // The way back, in this or another process, into a model of the same layers; builds it if need
  // be. Errors name the tensors that are missing, unknown or of another type, and change nothing.
  absl::Status Load(const std::string& path);

  // Layers, their output types and parameter counts, as text.
  absl::StatusOr<std::string> Summary() const;

  // Parameters and other state by name; addresses stay as long as the model.
  Variables& variables();
  const Variables& variables() const;

  void set_learning_rate(double rate);

  // The program of the training step for batches of up to `batch_size` rows of these types: for
  // looking at, and for measuring it alone.
  absl::StatusOr<Graph> TrainingGraph(const RowType& y, int64_t batch_size);

  class Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace tenon

#endif  // TENON_FRONTEND_MODEL_H_
