// Model: the training loop.
//
// Batches come from a loader, which has them ready one behind the other; as many steps as nobody
// asks to see between run in one entry of the program. Nothing is allocated and nothing else is
// copied. Metrics stay in the program's state until an epoch ends or the progress bar is drawn.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tenon/frontend/callback/progress_bar.h"
#include "tenon/frontend/data/loader.h"
#include "tenon/frontend/model_impl.h"
#include "tenon/ir/check.h"
#include "tenon/runtime/wait.h"

namespace tenon {

namespace {

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

using Bound = Model::Impl::Bound;
using Observers = std::vector<std::unique_ptr<callback::Observer>>;

// What runs in one entry takes no longer than about this, so that observers who look at the clock
// are asked often enough.
constexpr double kEntrySeconds = 0.005;

// A thread that prepares batches needs a core that the steps leave free.
data::LoaderOptions LoaderOptionsOf(const FitOptions& options, const ModelOptions& model,
                                    int64_t batch_size, int64_t first_epoch, runtime::Team* team) {
  data::LoaderOptions loader;
  loader.batch_size = batch_size;
  loader.shuffle = options.shuffle;
  loader.seed = model.seed;
  loader.first_epoch = first_epoch;
  loader.epochs = options.epochs;
  loader.augment = options.augment;
  loader.ahead = (team == nullptr ? 1 : team->threads()) < runtime::AvailableCores();
  loader.team = team;
  return loader;
}

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
        bound_(bound),
        loader_(training, LoaderOptionsOf(options, model.options(), batch_size, model.epochs_begun,
                                          bound.instance.team())) {
    for (const Poly<callback::Callback>& c : options.callbacks) {
      observers_.push_back(c->NewObserver());
    }
    if (options.progress) observers_.push_back(callback::ProgressBar().NewObserver());
    context_.epochs = options.epochs;
    context_.batches = loader_.count();
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
    ++model_.epochs_begun;
    model_.variables().ZeroMetrics();
    loss_sum_ = 0;
    context_.examples_done = 0;
    const int64_t first_step = context_.step;
    for (context_.batch = 0; context_.batch < context_.batches && !stopped(); ++context_.batch) {
      TENON_RETURN_IF_ERROR(RunSteps());
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

  // As many batches as may run before somebody looks.
  int64_t MostBatches() const {
    int64_t most = std::min(context_.batches - context_.batch, Bound::kMostRuns);
    for (const auto& o : observers_) most = std::min(most, o->BatchesToNext(context_));
    const double fitting = kEntrySeconds / std::max(seconds_a_step_, 1e-9);
    return std::max<int64_t>(std::min(most, static_cast<int64_t>(fitting)), 1);
  }

  // Runs the steps of the next batches; leaves `context_` at the last one of them.
  absl::Status RunSteps() {
    TENON_ASSIGN_OR_RETURN(const data::BatchGroup group, loader_.Next(MostBatches()));
    TENON_RETURN_IF_ERROR(
        bound_.instance.BindInput(bound_.x, group.first.x, {group.batches, group.x_stride}));
    TENON_RETURN_IF_ERROR(
        bound_.instance.BindInput(bound_.y, group.first.y, {group.batches, group.y_stride}));
    const Clock::time_point start = Clock::now();
    const absl::Status status = bound_.instance.Run(group.batches);
    const double seconds = SecondsSince(start);
    seconds_a_step_ = seconds / static_cast<double>(group.batches);
    history_.step_seconds += seconds;
    const int64_t ran = status.ok() ? group.batches : bound_.instance.last_run();
    for (int64_t i = 0; i < ran; ++i) {
      if (i > 0) ++context_.batch;
      TENON_RETURN_IF_ERROR(CountStep(bound_.losses[i], group.first.size()));
    }
    if (!status.ok()) {
      context_.batch += ran > 0 ? 1 : 0;
      ++context_.step;
      return absl::Status(status.code(), absl::StrCat(status.message(), ", at ", Place()));
    }
    for (auto& o : observers_) TENON_RETURN_IF_ERROR(o->OnBatchEnd(context_));
    return absl::OkStatus();
  }

  absl::Status CountStep(float loss, int64_t examples) {
    ++context_.step;
    if (!std::isfinite(loss)) {
      return absl::OutOfRangeError(
          absl::StrCat("the loss is ", std::isnan(loss) ? "nan" : "infinite", " at ", Place()));
    }
    context_.batch_loss = loss;
    context_.examples_done += examples;
    loss_sum_ += static_cast<double>(loss) * static_cast<double>(examples);
    return absl::OkStatus();
  }

  std::string Place() const {
    return absl::StrCat("step ", context_.step, " (epoch ", context_.epoch + 1, " of ",
                        context_.epochs, ", batch ", context_.batch + 1, " of ", context_.batches,
                        ")");
  }

  Model::Impl& model_;
  data::DatasetView training_;
  std::optional<data::DatasetView> validation_;
  const FitOptions& options_;
  Bound& bound_;
  data::Loader loader_;
  Observers observers_;
  callback::FitContext context_;
  History history_;
  double loss_sum_ = 0;
  double seconds_a_step_ = kEntrySeconds;  // of the last entry
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
