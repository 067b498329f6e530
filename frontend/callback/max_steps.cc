#include "tenon/frontend/callback/max_steps.h"

#include "absl/strings/str_cat.h"

namespace tenon::callback {

namespace {

class MaxStepsObserver final : public Observer {
 public:
  explicit MaxStepsObserver(int64_t steps) : steps_(steps) {}
  absl::Status OnBatchEnd(FitContext& context) override {
    if (context.step >= steps_) context.Stop(absl::StrCat(steps_, " steps are done"));
    return absl::OkStatus();
  }
  int64_t BatchesToNext(const FitContext& context) const override { return steps_ - context.step; }

 private:
  int64_t steps_;
};

}  // namespace

std::unique_ptr<Observer> MaxSteps::NewObserver() const {
  return std::make_unique<MaxStepsObserver>(steps_);
}

}  // namespace tenon::callback
