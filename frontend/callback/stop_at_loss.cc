#include "tenon/frontend/callback/stop_at_loss.h"

#include "absl/strings/str_cat.h"

namespace tenon::callback {

namespace {

class StopAtLossObserver final : public Observer {
 public:
  StopAtLossObserver(double threshold, LossOf loss_of) : threshold_(threshold), loss_of_(loss_of) {}

  absl::Status OnBatchEnd(FitContext& context) override {
    if (loss_of_ == LossOf::kBatch) Check(context, context.batch_loss);
    return absl::OkStatus();
  }
  int64_t BatchesToNext(const FitContext& /*context*/) const override {
    return loss_of_ == LossOf::kBatch ? 1 : kWhenever;
  }
  absl::Status OnEpochEnd(FitContext& context, const EpochRecord& record) override {
    if (loss_of_ == LossOf::kEpoch) Check(context, record.training.loss);
    return absl::OkStatus();
  }

 private:
  void Check(FitContext& context, double loss) const {
    if (loss <= threshold_) context.Stop(absl::StrCat("the loss is at or under ", threshold_));
  }

  double threshold_;
  LossOf loss_of_;
};

}  // namespace

std::unique_ptr<Observer> StopAtLoss::NewObserver() const {
  return std::make_unique<StopAtLossObserver>(threshold_, loss_of_);
}

}  // namespace tenon::callback
