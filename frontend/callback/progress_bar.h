// ProgressBar: shows training as it goes: loss, metrics, time left, examples a second.
#ifndef TENON_FRONTEND_CALLBACK_PROGRESS_BAR_H_
#define TENON_FRONTEND_CALLBACK_PROGRESS_BAR_H_

#include <cstdio>
#include <functional>
#include <string>

#include "tenon/frontend/callback/callback.h"

namespace tenon::callback {

// Where it writes to, and what it reads the time from; the defaults are standard output and the
// steady clock.
struct ProgressBarOptions {
  // Redraws a bar within its line; otherwise there is one plain line an epoch. Absent: whether
  // `file` is a terminal.
  std::optional<bool> terminal = {};
  double redraw_seconds = 0.1;
  std::FILE* file = stdout;
  std::function<void(const std::string& text)> write = {};  // instead of `file`
  std::function<double()> seconds = {};                     // since any moment
};

class ProgressBar final : public Callback {
 public:
  explicit ProgressBar(ProgressBarOptions options = {}) : options_(std::move(options)) {}
  std::unique_ptr<Observer> NewObserver() const override;

 private:
  ProgressBarOptions options_;
};

// "1:05", "2:03:04"; "0.4s" below ten seconds.
std::string FormatDuration(double seconds);

}  // namespace tenon::callback

#endif  // TENON_FRONTEND_CALLBACK_PROGRESS_BAR_H_
