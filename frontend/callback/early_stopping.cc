#include "tenon/frontend/callback/early_stopping.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tenon/ir/check.h"

namespace tenon::callback {

namespace {

class EarlyStoppingObserver final : public Observer {
 public:
  explicit EarlyStoppingObserver(EarlyStoppingOptions options) : options_(std::move(options)) {}

  int64_t BatchesToNext(const FitContext& /*context*/) const override { return kWhenever; }
  absl::Status OnEpochEnd(FitContext& context, const EpochRecord& record) override {
    TENON_ASSIGN_OR_RETURN(double value, options_.monitor.ValueIn(record));
    if (!best_.has_value() || options_.monitor.Improves(value, *best_, options_.min_delta)) {
      best_ = value;
      best_epoch_ = record.epoch;
      if (options_.restore_best) snapshot_ = context.variables->Snapshot();
      return absl::OkStatus();
    }
    // As Keras counts: with patience p, the p-th epoch in a row without improvement ends it.
    if (record.epoch - best_epoch_ >= std::max<int64_t>(options_.patience, 1)) {
      context.Stop(absl::StrCat(options_.monitor.ToString(), " has not improved since epoch ",
                                best_epoch_ + 1));
    }
    return absl::OkStatus();
  }

  absl::Status OnFitEnd(FitContext& context) override {
    if (!snapshot_.empty()) context.variables->Restore(snapshot_);
    return absl::OkStatus();
  }

 private:
  EarlyStoppingOptions options_;
  std::optional<double> best_;
  int64_t best_epoch_ = 0;
  std::vector<Tensor> snapshot_;
};

}  // namespace

std::unique_ptr<Observer> EarlyStopping::NewObserver() const {
  return std::make_unique<EarlyStoppingObserver>(options_);
}

}  // namespace tenon::callback
