// Model: building, compiling and binding; evaluation and prediction. Fit is in model_fit.cc, files
// and summaries are in model_file.cc.
#include "tenon/frontend/model.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tenon/frontend/init.h"
#include "tenon/frontend/model_impl.h"
#include "tenon/frontend/random.h"
#include "tenon/ir/check.h"

namespace tenon {

namespace {

constexpr int64_t kPlanBatch = 1;  // of the graph that only tells what a model consists of

// A program of fewer operations than these takes one thread some tens of microseconds: what several
// threads save of that, they spend on waiting for each other.
constexpr int64_t kFlopsWorthThreads = 2'000'000;

VariableKind KindOf(const ir::Input& input) {
  if (input.kind == ir::InputKind::kParameter) return VariableKind::kParameter;
  if (absl::StartsWith(input.name, "metric/")) return VariableKind::kMetric;
  if (input.name == "train/seed" || input.name == "train/learning_rate") {
    return VariableKind::kTraining;
  }
  return VariableKind::kOptimizer;
}

// The upper half of the random keys: steps count in the lower one.
int64_t KeyOf(uint64_t seed) {
  return static_cast<int64_t>(PhiloxBlock(seed, 0, ~uint64_t{0})[0] >> 1) << 32;
}

}  // namespace

RowType RowTypeOf(const TensorView& rows) {
  RowType type{rows.dtype, {}};
  if (!rows.dims.empty()) type.dims.assign(rows.dims.begin() + 1, rows.dims.end());
  return type;
}

std::string ToString(const RowType& row) { return TypeToString(row.dtype, row.dims); }

absl::Status Model::Impl::Build(const RowType& x) {
  TENON_ASSIGN_OR_RETURN(PredictGraph built, BuildPredictGraph(*net_, x, kPlanBatch));
  const Graph& graph = built.graph;
  std::vector<Variable> made;
  for (const ir::Input& input : graph.inputs()) {
    if (input.kind == ir::InputKind::kInput) continue;
    std::vector<int64_t> dims;
    for (const Dim& d : graph.type(input.value).dims) dims.push_back(d.constant());
    TENON_ASSIGN_OR_RETURN(Tensor value, Initialize(input.init, graph.type(input.value).dtype, dims,
                                                    options_.seed, input.name));
    const VariableKind kind =
        input.kind == ir::InputKind::kParameter ? VariableKind::kParameter : VariableKind::kLayer;
    made.push_back({input.name, kind, std::move(value)});
  }
  for (Variable& v : made) variables_.Add(v.name, v.kind, std::move(v.value));
  built_ = std::move(built);
  x_row_ = x;
  return absl::OkStatus();
}

absl::Status Model::Impl::EnsureBuilt(const TensorView& x) {
  if (x.rank() == 0) return absl::InvalidArgumentError("the data have no rows");
  const RowType row = RowTypeOf(x);
  if (!is_built()) return Build(row);
  if (row == *x_row_) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("the model takes rows of ", ToString(*x_row_), ", not of ", ToString(row)));
}

absl::Status Model::Impl::CheckData(const data::DatasetView& data) {
  TENON_RETURN_IF_ERROR(data::Validate(data));
  TENON_RETURN_IF_ERROR(EnsureBuilt(data.x));
  const std::optional<int64_t> classes = options_.loss->LabelClasses(built_->prediction);
  return classes.has_value() ? data::ValidateLabels(data.y, *classes) : absl::OkStatus();
}

// Variables for inputs that came with this graph: optimizer, metrics and training.
absl::Status Model::Impl::AddVariables(const Graph& graph) {
  for (const ir::Input& input : graph.inputs()) {
    if (input.kind == ir::InputKind::kInput) continue;
    const ir::TensorType& type = graph.type(input.value);
    std::vector<int64_t> dims;
    for (const Dim& d : type.dims) dims.push_back(d.constant());
    if (const Variable* v = variables_.Find(input.name); v != nullptr) {
      if (v->value.dtype() == type.dtype && v->value.dims() == absl::MakeConstSpan(dims)) continue;
      return absl::InvalidArgumentError(absl::StrCat("'", input.name, "' is ",
                                                     v->value.TypeString(), ", but ",
                                                     type.ToString(), " is needed"));
    }
    TENON_ASSIGN_OR_RETURN(Tensor value,
                           Initialize(input.init, type.dtype, dims, options_.seed, input.name));
    Variable& added = variables_.Add(input.name, KindOf(input), std::move(value));
    if (input.name == "train/seed") added.value.mutable_data<int64_t>()[0] = KeyOf(options_.seed);
    if (input.name == "train/learning_rate" && learning_rate_.has_value()) {
      added.value.SetFromDouble(0, *learning_rate_);
    }
  }
  return absl::OkStatus();
}

absl::Status Model::Impl::BindVariables(Bound& bound) {
  const std::vector<kernel::Binding>& bindings = bound.program.bindings();
  std::vector<bool> donated(bindings.size());
  for (const kernel::Binding& b : bindings) {
    if (b.is_output && b.donated_input >= 0) donated[b.donated_input] = true;
  }
  for (int i = 0; i < static_cast<int>(bindings.size()); ++i) {
    Variable* v = bindings[i].is_output ? nullptr : variables_.Find(bindings[i].name);
    if (v == nullptr) continue;
    TENON_RETURN_IF_ERROR(donated[i] ? bound.instance.BindMutable(i, v->value.mutable_view())
                                     : bound.instance.BindInput(i, v->value));
  }
  return absl::OkStatus();
}

// The threads for a program; null for the caller's alone. The bits are the same either way.
runtime::Team* Model::Impl::TeamFor(const Program& program, int64_t max_batch) {
  if (options_.threads == 1 || options_.compile.backend == Backend::kInterpreter) return nullptr;
  const auto flops = program.costs().flops.Evaluate({{"n", max_batch}});
  if (options_.threads == 0 && flops.ok() && *flops < kFlopsWorthThreads) return nullptr;
  if (team_ == nullptr) team_ = std::make_unique<runtime::Team>(options_.threads);
  return team_.get();
}

absl::StatusOr<Model::Impl::Bound> Model::Impl::Compile(const Graph& graph, int64_t max_batch) {
  CompileOptions compile = options_.compile;
  if (options_.precision != Precision::kAsWritten) compile.precision = options_.precision;
  TENON_ASSIGN_OR_RETURN(Program program, Program::Compile(graph, compile));
  TENON_RETURN_IF_ERROR(AddVariables(graph));
  Instance instance = program.NewInstance(TeamFor(program, max_batch));
  Bound bound{std::move(program), std::move(instance)};
  bound.x = bound.instance.FindInput("x");
  bound.y = bound.instance.FindInput("y");
  bound.loss = bound.instance.FindOutput("loss");
  bound.prediction = bound.instance.FindOutput("prediction");
  bound.max_batch = max_batch;
  TENON_RETURN_IF_ERROR(BindVariables(bound));
  return bound;
}

absl::StatusOr<Model::Impl::Bound*> Model::Impl::TrainProgram(const RowType& y, int64_t batch) {
  if (train_ == nullptr || !(train_->y_row == y) || train_->max_batch < batch) {
    TENON_ASSIGN_OR_RETURN(Graph graph, BuildTrainGraph(parts(), *x_row_, y, batch));
    TENON_ASSIGN_OR_RETURN(Bound bound, Compile(graph, batch));
    train_ = std::make_unique<Bound>(std::move(bound));
    train_->y_row = y;
    train_->losses.resize(Bound::kMostRuns);
    TENON_RETURN_IF_ERROR(train_->instance.BindMutable(
        train_->loss, {DType::kF32, {}, train_->losses.data()}, {Bound::kMostRuns, sizeof(float)}));
  }
  return train_.get();
}

absl::StatusOr<Model::Impl::Bound*> Model::Impl::EvaluateProgram(const RowType& y, int64_t batch) {
  if (evaluate_ == nullptr || !(evaluate_->y_row == y) || evaluate_->max_batch < batch) {
    TENON_ASSIGN_OR_RETURN(Graph graph, BuildEvaluateGraph(parts(), *x_row_, y, batch));
    TENON_ASSIGN_OR_RETURN(Bound bound, Compile(graph, batch));
    evaluate_ = std::make_unique<Bound>(std::move(bound));
    evaluate_->y_row = y;
  }
  // Parameters may have changed in place since the last run packed them.
  evaluate_->instance.ParametersChanged();
  return evaluate_.get();
}

absl::StatusOr<Model::Impl::Bound*> Model::Impl::PredictProgram(int64_t batch) {
  if (predict_ == nullptr || predict_->max_batch < batch) {
    TENON_ASSIGN_OR_RETURN(PredictGraph built, BuildPredictGraph(*net_, *x_row_, batch));
    TENON_ASSIGN_OR_RETURN(Bound bound, Compile(built.graph, batch));
    predict_ = std::make_unique<Bound>(std::move(bound));
  }
  predict_->instance.ParametersChanged();
  return predict_.get();
}

std::vector<std::pair<std::string, double>> Model::Impl::MetricResults() const {
  const std::vector<std::string> names = MetricStateNames(options_.metrics);
  std::vector<std::pair<std::string, double>> results;
  for (size_t i = 0; i < names.size(); ++i) {
    const Variable* counts = variables_.Find(names[i]);
    results.emplace_back(
        names[i].substr(sizeof("metric/") - 1),
        counts == nullptr ? 0 : options_.metrics[i]->Result(counts->value.data<int64_t>()));
  }
  return results;
}

namespace {

absl::Status CheckBatchSize(int64_t batch_size) {
  if (batch_size >= 1) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("the batch size must be positive, not ", batch_size));
}

}  // namespace

absl::StatusOr<Scores> Model::Impl::Evaluate(const data::DatasetView& data, int64_t batch_size) {
  TENON_RETURN_IF_ERROR(CheckBatchSize(batch_size));
  TENON_RETURN_IF_ERROR(CheckData(data));
  const data::Batches batches(data.size(), batch_size, /*shuffle=*/false, 0);
  TENON_ASSIGN_OR_RETURN(Bound * bound,
                         EvaluateProgram(RowTypeOf(data.y), std::min(batch_size, data.size())));
  variables_.ZeroMetrics();
  double loss_sum = 0;
  for (int64_t i = 0; i < batches.count(); ++i) {
    const data::Batches::Range range = batches.range(i);
    const data::DatasetView rows = data.Rows(range.begin, range.end);
    TENON_RETURN_IF_ERROR(bound->instance.BindInput(bound->x, rows.x));
    TENON_RETURN_IF_ERROR(bound->instance.BindInput(bound->y, rows.y));
    TENON_RETURN_IF_ERROR(bound->instance.Run());
    loss_sum +=
        bound->instance.Output(bound->loss).GetAsDouble(0) * static_cast<double>(range.size());
  }
  return Scores{loss_sum / static_cast<double>(data.size()), MetricResults()};
}

absl::StatusOr<Tensor> Model::Impl::Predict(const TensorView& x, int64_t batch_size) {
  TENON_RETURN_IF_ERROR(CheckBatchSize(batch_size));
  TENON_RETURN_IF_ERROR(EnsureBuilt(x));
  const int64_t n = x.dims[0];
  Dims dims = {n};
  for (size_t i = 1; i < built_->prediction.dims.size(); ++i) {
    if (!built_->prediction.dims[i].is_constant()) {
      return absl::InvalidArgumentError("only the batch of a prediction may vary in extent");
    }
    dims.push_back(built_->prediction.dims[i].constant());
  }
  TENON_ASSIGN_OR_RETURN(Tensor result, Tensor::Create(built_->prediction.dtype, dims));
  if (n == 0) return result;
  TENON_ASSIGN_OR_RETURN(Bound * bound, PredictProgram(std::min(batch_size, n)));
  const data::Batches batches(n, batch_size, /*shuffle=*/false, 0);
  for (int64_t i = 0; i < batches.count(); ++i) {
    const data::Batches::Range range = batches.range(i);
    TENON_RETURN_IF_ERROR(bound->instance.BindInput(bound->x, x.Rows(range.begin, range.end)));
    // The batch's rows of the result are where the program writes to.
    const TensorView rows = result.Rows(range.begin, range.end);
    TENON_RETURN_IF_ERROR(bound->instance.BindMutable(
        bound->prediction, {rows.dtype, rows.dims, const_cast<void*>(rows.data)}));
    TENON_RETURN_IF_ERROR(bound->instance.Run());
  }
  return result;
}

void Model::Impl::set_learning_rate(double rate) {
  learning_rate_ = rate;
  Variable* v = variables_.Find("train/learning_rate");
  if (v != nullptr) v->value.SetFromDouble(0, rate);
}

Model::Model(Poly<nn::Layer> net, ModelOptions options, SourceLocation location)
    : impl_(std::make_unique<Impl>(std::move(net), std::move(options), location)) {}
Model::Model(Model&&) noexcept = default;
Model& Model::operator=(Model&&) noexcept = default;
Model::~Model() = default;

absl::StatusOr<Scores> Model::Evaluate(const data::DatasetView& data,
                                       const EvaluateOptions& options) {
  return impl_->Evaluate(data, options.batch_size);
}

absl::StatusOr<Tensor> Model::Predict(const TensorView& x, const EvaluateOptions& options) {
  return impl_->Predict(x, options.batch_size);
}

absl::Status Model::Build(DType dtype, absl::Span<const int64_t> row_dims) {
  if (impl_->is_built()) return absl::FailedPreconditionError("the model is built already");
  return impl_->Build({dtype, Dims(row_dims.begin(), row_dims.end())});
}

bool Model::is_built() const { return impl_->is_built(); }
absl::Status Model::Save(const std::string& path) const { return impl_->Save(path); }
absl::Status Model::Load(const std::string& path) { return impl_->Load(path); }
absl::StatusOr<std::string> Model::Summary() const { return impl_->Summary(); }
Variables& Model::variables() { return impl_->variables(); }
const Variables& Model::variables() const { return impl_->variables(); }
void Model::set_learning_rate(double rate) { impl_->set_learning_rate(rate); }

absl::StatusOr<Graph> Model::TrainingGraph(const RowType& y, int64_t batch_size) {
  if (!impl_->is_built()) return absl::FailedPreconditionError("the model is not built yet");
  return BuildTrainGraph(impl_->parts(), impl_->x_row(), y, batch_size);
}

}  // namespace tenon
