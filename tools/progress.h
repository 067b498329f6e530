// What a long command is at, on standard error: nothing in the first two seconds, then one line
// that keeps itself up to date on a terminal, or a line every ten seconds elsewhere.
#ifndef TENON_TOOLS_PROGRESS_H_
#define TENON_TOOLS_PROGRESS_H_

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "absl/strings/string_view.h"
#include "tenon/passes/options.h"

namespace tenon::tools {

// The line itself, which knows no clock: what is written when.
class ProgressLine {
 public:
  using Write = std::function<void(absl::string_view)>;
  // `what`: the command, "tenon bench". `terminal`: whether a line can be written over.
  ProgressLine(absl::string_view what, bool terminal, Write write)
      : what_(what), terminal_(terminal), write_(std::move(write)) {}

  void Set(absl::string_view step) { step_ = std::string(step); }
  // To be called at the time that the call before has given, in seconds since the beginning (first
  // at kPatience): shows the step, and gives the time of the next call.
  double Show(double seconds);
  // Takes the line away, where one stands on a terminal.
  void Clear();

  static constexpr double kPatience = 2;

 private:
  const std::string what_;
  const bool terminal_;
  const Write write_;
  bool shown_ = false;  // a line stands on the terminal
  std::string step_;
};

// Shows itself from a thread of its own, so that a step that takes minutes is seen too.
class Progress {
 public:
  explicit Progress(absl::string_view what);  // on standard error
  explicit Progress(ProgressLine line);
  // Clears the line.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // What is being done from now on: "compiling", "pass cse".
  void Set(absl::string_view step);
  // Clears the line for other output, until the next time it is shown.
  void Clear();
  // Sets what each pass and stage is when it is done with; what `options` call then is called too.
  void Follow(passes::PipelineOptions* options);

 private:
  void Loop();

  std::mutex mutex_;
  ProgressLine line_;  // under `mutex_`
  std::condition_variable ends_;
  bool ended_ = false;
  std::thread thread_;
};

}  // namespace tenon::tools

#endif  // TENON_TOOLS_PROGRESS_H_
