// The inside of a Model: its variables, and its programs bound to them. Only model*.cc include it.
#ifndef TENON_FRONTEND_MODEL_IMPL_H_
#define TENON_FRONTEND_MODEL_IMPL_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tenon/frontend/model.h"

namespace tenon {

// The state that counts the steps done.
inline constexpr char kStep[] = "train/step";

// "the loss is nan ..." and other words of errors name a row type like this: "f32[28,28,1]".
RowType RowTypeOf(const TensorView& rows);
std::string ToString(const RowType& row);

class Model::Impl {
 public:
  // A program whose variables are bound; "x" and "y" are bound batch by batch.
  struct Bound {
    Program program;
    Instance instance;
    int x = -1, y = -1, loss = -1, prediction = -1;  // bindings
    RowType y_row;
    int64_t max_batch = 0;
    // Of the training program: the losses of the steps of one entry.
    static constexpr int64_t kMostRuns = 256;
    std::vector<float> losses = {};
  };

  Impl(Poly<nn::Layer> net, ModelOptions options, SourceLocation location)
      : net_(std::move(net)), options_(std::move(options)), location_(location) {}

  absl::Status Build(const RowType& x);
  // Builds for data of this type, or checks that they fit what is built.
  absl::Status EnsureBuilt(const TensorView& x);
  // Errors for data sets that are empty or uneven, of another type, or with labels that are none.
  absl::Status CheckData(const data::DatasetView& data);

  absl::StatusOr<Bound*> TrainProgram(const RowType& y, int64_t batch);
  absl::StatusOr<Bound*> EvaluateProgram(const RowType& y, int64_t batch);
  absl::StatusOr<Bound*> PredictProgram(int64_t batch);

  absl::StatusOr<Scores> Evaluate(const data::DatasetView& data, int64_t batch_size);
  absl::StatusOr<Tensor> Predict(const TensorView& x, int64_t batch_size);
  absl::Status Save(const std::string& path) const;
  absl::Status Load(const std::string& path);
  absl::StatusOr<std::string> Summary() const;
  // The metrics by what stands in the variables.
  std::vector<std::pair<std::string, double>> MetricResults() const;

  ModelParts parts() const {
    return {*net_, *options_.loss, *options_.optimizer, options_.metrics, location_};
  }
  const ModelOptions& options() const { return options_; }
  Variables& variables() { return variables_; }
  bool is_built() const { return x_row_.has_value(); }
  const RowType& x_row() const { return *x_row_; }
  void set_learning_rate(double rate);

  // Epochs that all calls of Fit have begun: each has an order of rows of its own.
  int64_t epochs_begun = 0;

 private:
  absl::StatusOr<Bound> Compile(const Graph& graph, int64_t max_batch);
  runtime::Team* TeamFor(const Program& program, int64_t max_batch);
  absl::Status AddVariables(const Graph& graph);
  absl::Status BindVariables(Bound& bound);
  absl::Status CheckLoaded(const std::string& path, const std::map<std::string, Tensor>& tensors);
  std::optional<std::string> SlotOf(const std::string& name) const;

  Poly<nn::Layer> net_;
  ModelOptions options_;
  SourceLocation location_;
  std::optional<RowType> x_row_;
  std::optional<PredictGraph> built_;
  std::optional<double> learning_rate_;
  Variables variables_;
  std::unique_ptr<runtime::Team> team_;
  std::unique_ptr<Bound> train_, evaluate_, predict_;
};

}  // namespace tenon

#endif  // TENON_FRONTEND_MODEL_IMPL_H_
