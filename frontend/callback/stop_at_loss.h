// StopAtLoss: ends training once the training loss is at or under a threshold.
#ifndef TENON_FRONTEND_CALLBACK_STOP_AT_LOSS_H_
#define TENON_FRONTEND_CALLBACK_STOP_AT_LOSS_H_

#include "tenon/frontend/callback/callback.h"

namespace tenon::callback {

enum class LossOf : uint8_t {
  kEpoch,  // the mean over an epoch
  kBatch,  // that of any one batch
};

class StopAtLoss final : public Callback {
 public:
  explicit StopAtLoss(double threshold, LossOf loss_of = LossOf::kEpoch)
      : threshold_(threshold), loss_of_(loss_of) {}
  std::unique_ptr<Observer> NewObserver() const override;

 private:
  double threshold_;
  LossOf loss_of_;
};

}  // namespace tenon::callback

#endif  // TENON_FRONTEND_CALLBACK_STOP_AT_LOSS_H_
