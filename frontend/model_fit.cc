// Model: the training loop.
//
// A step gathers its batch, runs the program and looks at the loss: nothing is allocated, and
// nothing else is copied. Metrics stay in the program's state until an epoch ends or the progress
// bar is drawn.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tenon/frontend/callback/progress_bar.h"
#include "tenon/frontend/model_impl.h"
#include "tenon/ir/check.h"

namespace tenon {

namespace {

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

using Bound = Model::Impl::Bound;
using Observers = std::vector<std::unique_ptr<callback::Observer>>;

// The memory that shuffled rows are gathered into, bound to the program once.
class BatchBuffers {
 public:
  BatchBuffers(const data::DatasetView& data, int64_t batch_size, bool used)
      : data_(data),
        x_(Allocate(data.x, used ? batch_size : 0)),
        y_(Allocate(data.y, used ? batch_size : 0)) {}

  // Brings the rows of a batch to where the program reads them.
  absl::Status Provide(const data::Batches& batches, data::Batches::Range range, Bound& bound) {
    if (!batches.shuffled()) {
      const data::DatasetView rows = data_.Rows(range.begin, range.end);
      TENON_RETURN_IF_ERROR(bound.instance.BindInput(bound.x, rows.x));
      return bound.instance.BindInput(bound.y, rows.y);
    }
    data::GatherRows(data_.x, batches.rows(range), x_.mutable_bytes());
    data::GatherRows(data_.y, batches.rows(range), y_.mutable_bytes());
    if (range.size() == bound_rows_) return absl::OkStatus();
    bound_rows_ = range.size();
    TENON_RETURN_IF_ERROR(bound.instance.BindInput(bound.x, x_.Rows(0, bound_rows_)));
    return bound.instance.BindInput(bound.y, y_.Rows(0, bound_rows_));
  }

 private:
  static Tensor Allocate(const TensorView& rows, int64_t count) {
    Dims dims = rows.dims;
    dims[0] = count;
    return Tensor(rows.dtype, dims);
  }

  data::DatasetView data_;
  Tensor x_, y_;
  int64_t bound_rows_ = -1;
};

}  // namespace

// One call of Fit.
class FitRun {
 public:
  FitRun(Model::Impl& model, const data::DatasetView& training,
         std::optional<data::DatasetView> validation, const FitOptions& options, int64_t batch_size,
         Bound& bound)
      : model_(model),
        training_(training),
        validation_(std::move(validation)),
        options_(options),
        batches_(training.size(), batch_size, options.shuffle, model.options().seed),
        buffers_(training, batch_size, options.shuffle),
        bound_(bound) {
    for (const Poly<callback::Callback>& c : options.callbacks) {
      observers_.push_back(c->NewObserver());
    }
    if (options.progress) observers_.push_back(callback::ProgressBar().NewObserver());
    context_.epochs = options.epochs;
    context_.batches = batches_.count();
    context_.examples = training.size();
    context_.variables = &model.variables();
    context_.running_scores = [this] { return RunningScores(); };
    context_.save = [this](const std::string& path) { return model_.Save(path); };
  }

  absl::StatusOr<History> Run() {
    for (context_.epoch = 0; context_.epoch < context_.epochs && !stopped(); ++context_.epoch) {
      TENON_RETURN_IF_ERROR(RunEpoch());
    }
    for (auto& o : observers_) TENON_RETURN_IF_ERROR(o->OnFitEnd(context_));
    history_.steps = context_.step;
    history_.stop_reason = context_.stop_reason.value_or("");
    return std::move(history_);
  }

 private:
  bool stopped() const { return context_.stop_reason.has_value(); }

  Scores RunningScores() const {
    return {loss_sum_ / static_cast<double>(std::max<int64_t>(context_.examples_done, 1)),
            model_.MetricResults()};
  }

  absl::Status RunEpoch() {
    for (auto& o : observers_) TENON_RETURN_IF_ERROR(o->OnEpochBegin(context_));
    const Clock::time_point start = Clock::now();
    batches_.StartEpoch(model_.epochs_begun++);
    model_.variables().ZeroMetrics();
    loss_sum_ = 0;
    context_.examples_done = 0;
    const int64_t first_step = context_.step;
    for (context_.batch = 0; context_.batch < context_.batches && !stopped(); ++context_.batch) {
      TENON_RETURN_IF_ERROR(RunStep());
    }
    EpochRecord record;
    record.epoch = context_.epoch;
    record.training = RunningScores();
    record.steps = context_.step - first_step;
    record.examples = context_.examples_done;
    record.training_seconds = SecondsSince(start);
    history_.training_seconds += record.training_seconds;
    if (validation_.has_value()) {
      const int64_t batch = std::max(options_.batch_size, EvaluateOptions().batch_size);
      TENON_ASSIGN_OR_RETURN(record.validation, model_.Evaluate(*validation_, batch));
    }
    for (auto& o : observers_) TENON_RETURN_IF_ERROR(o->OnEpochEnd(context_, record));
    history_.epochs.push_back(std::move(record));
    return absl::OkStatus();
  }

  absl::Status RunStep() {
    const data::Batches::Range range = batches_.range(context_.batch);
    TENON_RETURN_IF_ERROR(buffers_.Provide(batches_, range, bound_));
    TENON_RETURN_IF_ERROR(bound_.instance.Run());
    const float loss = *static_cast<const float*>(bound_.instance.OutputData(bound_.loss));
    ++context_.step;
    if (!std::isfinite(loss)) return NotFinite(loss);
    context_.batch_loss = loss;
    context_.examples_done += range.size();
    loss_sum_ += static_cast<double>(loss) * static_cast<double>(range.size());
    for (auto& o : observers_) TENON_RETURN_IF_ERROR(o->OnBatchEnd(context_));
    return absl::OkStatus();
  }

  absl::Status NotFinite(float loss) const {
    return absl::OutOfRangeError(
        absl::StrCat("the loss is ", std::isnan(loss) ? "nan" : "infinite", " at step ",
                     context_.step, " (epoch ", context_.epoch + 1, " of ", context_.epochs,
                     ", batch ", context_.batch + 1, " of ", context_.batches, ")"));
  }

  Model::Impl& model_;
  data::DatasetView training_;
  std::optional<data::DatasetView> validation_;
  const FitOptions& options_;
  data::Batches batches_;
  BatchBuffers buffers_;
  Bound& bound_;
  Observers observers_;
  callback::FitContext context_;
  History history_;
  double loss_sum_ = 0;
};

namespace {

absl::Status CheckOptions(const FitOptions& options) {
  if (options.epochs < 0 || options.batch_size < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("Fit: ", options.epochs, " epochs with batches of ", options.batch_size));
  }
  if (options.validation_split != 0 && options.validation_data.has_value()) {
    return absl::InvalidArgumentError("Fit: validation_split and validation_data exclude another");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<History> Model::Fit(const data::DatasetView& data, const FitOptions& options) {
  TENON_RETURN_IF_ERROR(CheckOptions(options));
  TENON_RETURN_IF_ERROR(impl_->CheckData(data));
  data::DatasetView training = data;
  std::optional<data::DatasetView> validation = options.validation_data;
  if (validation.has_value()) TENON_RETURN_IF_ERROR(impl_->CheckData(*validation));
  if (options.validation_split != 0) {
    TENON_ASSIGN_OR_RETURN(data::ViewSplit split,
                           data::SplitValidation(data, options.validation_split));
    training = split.training;
    validation = split.validation;
  }
  const int64_t batch = std::min(options.batch_size, training.size());
  TENON_ASSIGN_OR_RETURN(Impl::Bound * bound, impl_->TrainProgram(RowTypeOf(training.y), batch));
  const std::vector<Tensor> before = impl_->variables().Snapshot();
  absl::StatusOr<History> history =
      FitRun(*impl_, training, std::move(validation), options, batch, *bound).Run();
  if (!history.ok()) impl_->variables().Restore(before);
  return history;
}

}  // namespace tenon
