// EarlyStopping: ends training when a number has not improved for some epochs.
#ifndef TENON_FRONTEND_CALLBACK_EARLY_STOPPING_H_
#define TENON_FRONTEND_CALLBACK_EARLY_STOPPING_H_

#include "tenon/frontend/callback/callback.h"

namespace tenon::callback {

struct EarlyStoppingOptions {
  Monitor monitor = {};  // the validation loss
  int64_t patience = 0;  // epochs in a row without improvement that end training; 0 acts as 1
  double min_delta = 0;  // what counts as improvement
  // Puts back the values of the best epoch when training ends, however it ends.
  bool restore_best = true;
};

class EarlyStopping final : public Callback {
 public:
  explicit EarlyStopping(EarlyStoppingOptions options = {}) : options_(std::move(options)) {}
  std::unique_ptr<Observer> NewObserver() const override;

 private:
  EarlyStoppingOptions options_;
};

}  // namespace tenon::callback

#endif  // TENON_FRONTEND_CALLBACK_EARLY_STOPPING_H_
