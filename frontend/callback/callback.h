// Callback: what happens beside training: stopping it, showing it, saving from it.
//
// A Callback is a description, as a layer is; for each call of Fit it makes an Observer, which
// holds what changes. Observers are asked after batches (and must then not dawdle: steps may take
// microseconds) and after every epoch. Steps that no observer asks to see between run as one.
//
// A new callback is a header, a source file and a test.
#ifndef TENON_FRONTEND_CALLBACK_CALLBACK_H_
#define TENON_FRONTEND_CALLBACK_CALLBACK_H_

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tenon/frontend/history.h"
#include "tenon/frontend/poly.h"
#include "tenon/frontend/variables.h"

namespace tenon::callback {

// A run of Fit, as observers see it.
struct FitContext {
  // The same for the whole run.
  int64_t epochs = 0;
  int64_t batches = 0;   // an epoch
  int64_t examples = 0;  // an epoch
  Variables* variables = nullptr;
  std::function<Scores()> running_scores;                     // of the epoch so far
  std::function<absl::Status(const std::string& path)> save;  // a checkpoint of the model

  // After a batch.
  int64_t epoch = 0;          // from 0
  int64_t batch = 0;          // of the epoch, from 0
  int64_t step = 0;           // steps done in this run
  int64_t examples_done = 0;  // in this epoch
  double batch_loss = 0;

  // Ends training after this batch or epoch; the first reason is the one that is reported.
  void Stop(std::string reason) {
    if (!stop_reason.has_value()) stop_reason = std::move(reason);
  }
  std::optional<std::string> stop_reason;
};

class Observer {
 public:
  virtual ~Observer() = default;
  virtual absl::Status OnEpochBegin(FitContext& context) {
    (void)context;
    return absl::OkStatus();
  }
  // After a batch; the variables are as its step left them.
  virtual absl::Status OnBatchEnd(FitContext& context) {
    (void)context;
    return absl::OkStatus();
  }
  // After how many batches, at the latest, OnBatchEnd is to be called next: it is called after
  // every one that some observer names, and every few milliseconds. At least 1.
  static constexpr int64_t kWhenever = std::numeric_limits<int64_t>::max();
  virtual int64_t BatchesToNext(const FitContext& context) const {
    (void)context;
    return 1;
  }
  virtual absl::Status OnEpochEnd(FitContext& context, const EpochRecord& record) {
    (void)context;
    (void)record;
    return absl::OkStatus();
  }
  // Once, when training has ended without an error.
  virtual absl::Status OnFitEnd(FitContext& context) {
    (void)context;
    return absl::OkStatus();
  }
};

class Callback {
 public:
  virtual std::unique_ptr<Observer> NewObserver() const = 0;

 protected:
  Callback() = default;
  Callback(const Callback&) = default;
  Callback& operator=(const Callback&) = default;
  ~Callback() = default;
};

// A number to watch from epoch to epoch: a loss (smaller is better) or a metric (larger is).
struct Monitor {
  bool validation = true;   // on the validation data; else on the training data
  std::string metric = {};  // empty: the loss

  bool larger_is_better() const { return !metric.empty(); }
  // Whether `value` improves on `best` by more than `min_delta`.
  bool Improves(double value, double best, double min_delta) const {
    return larger_is_better() ? value > best + min_delta : value < best - min_delta;
  }
  // An error when the record does not have it.
  absl::StatusOr<double> ValueIn(const EpochRecord& record) const;
  std::string ToString() const;
};

}  // namespace tenon::callback

#endif  // TENON_FRONTEND_CALLBACK_CALLBACK_H_
