// What a long command is at, on standard error: nothing in the first two seconds, then one line
// that keeps itself up to date on a terminal, or a line every ten seconds elsewhere.
#ifndef TENON_TOOLS_PROGRESS_H_
#define TENON_TOOLS_PROGRESS_H_

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "absl/strings/string_view.h"

namespace tenon::tools {

// Shows itself from a thread of its own, so that a step that takes minutes is seen too.
class Progress {
 public:
  // `what`: the command, "tenon bench".
  explicit Progress(absl::string_view what);
  // Clears the line.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // What is being done from now on: "compiling", "pass cse".
  void Set(absl::string_view step);
  // Clears the line for other output, until the next time it is shown.
  void Clear();

 private:
  void Loop();
  void Show();       // under `mutex_`
  void ClearLine();  // likewise

  const std::string what_;
  const bool terminal_;
  std::mutex mutex_;
  std::condition_variable ends_;
  bool ended_ = false;
  bool shown_ = false;  // a line stands on the terminal
  double seconds_ = 0;  // since the beginning
  std::string step_;
  std::thread thread_;
};

}  // namespace tenon::tools

#endif  // TENON_TOOLS_PROGRESS_H_
