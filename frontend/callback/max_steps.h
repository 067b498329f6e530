// MaxSteps: ends training after a number of steps, wherever in an epoch that is.
#ifndef TENON_FRONTEND_CALLBACK_MAX_STEPS_H_
#define TENON_FRONTEND_CALLBACK_MAX_STEPS_H_

#include "tenon/frontend/callback/callback.h"

namespace tenon::callback {

class MaxSteps final : public Callback {
 public:
  explicit MaxSteps(int64_t steps) : steps_(steps) {}
  std::unique_ptr<Observer> NewObserver() const override;

 private:
  int64_t steps_;
};

}  // namespace tenon::callback

#endif  // TENON_FRONTEND_CALLBACK_MAX_STEPS_H_
