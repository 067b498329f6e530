#include "tenon/frontend/callback/save_checkpoint.h"

#include <utility>

#include "tenon/ir/check.h"

namespace tenon::callback {

namespace {

class SaveCheckpointObserver final : public Observer {
 public:
  SaveCheckpointObserver(std::string path, SaveCheckpointOptions options)
      : path_(std::move(path)), options_(std::move(options)) {}

  int64_t BatchesToNext(const FitContext& /*context*/) const override { return kWhenever; }
  absl::Status OnEpochEnd(FitContext& context, const EpochRecord& record) override {
    if (options_.best_only) {
      TENON_ASSIGN_OR_RETURN(double value, options_.monitor.ValueIn(record));
      if (best_.has_value() && !options_.monitor.Improves(value, *best_, 0)) {
        return absl::OkStatus();
      }
      best_ = value;
    }
    return context.save(path_);
  }

 private:
  std::string path_;
  SaveCheckpointOptions options_;
  std::optional<double> best_;
};

}  // namespace

std::unique_ptr<Observer> SaveCheckpoint::NewObserver() const {
  return std::make_unique<SaveCheckpointObserver>(path_, options_);
}

}  // namespace tenon::callback
