// SaveCheckpoint: saves the model at the end of epochs, each time or when it is the best so far.
#ifndef TENON_FRONTEND_CALLBACK_SAVE_CHECKPOINT_H_
#define TENON_FRONTEND_CALLBACK_SAVE_CHECKPOINT_H_

#include <string>

#include "tenon/frontend/callback/callback.h"

namespace tenon::callback {

struct SaveCheckpointOptions {
  bool best_only = true;
  Monitor monitor = {};  // with best_only; the validation loss
};

// Files are written atomically: a run that fails leaves the last one whole.
class SaveCheckpoint final : public Callback {
 public:
  explicit SaveCheckpoint(std::string path, SaveCheckpointOptions options = {})
      : path_(std::move(path)), options_(std::move(options)) {}
  std::unique_ptr<Observer> NewObserver() const override;

 private:
  std::string path_;
  SaveCheckpointOptions options_;
};

}  // namespace tenon::callback

#endif  // TENON_FRONTEND_CALLBACK_SAVE_CHECKPOINT_H_
