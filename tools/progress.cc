#include "tools/progress.h"

#include <unistd.h>

#include <chrono>
#include <cstdio>

#include "absl/strings/str_format.h"

namespace tenon::tools {

Progress::Progress(absl::string_view what)
    : what_(what), terminal_(isatty(STDERR_FILENO) != 0), thread_([this] { Loop(); }) {}

Progress::~Progress() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    ended_ = true;
    ClearLine();
  }
  ends_.notify_all();
  thread_.join();
}

void Progress::Set(absl::string_view step) {
  const std::lock_guard<std::mutex> lock(mutex_);
  step_ = std::string(step);
}

void Progress::Clear() {
  const std::lock_guard<std::mutex> lock(mutex_);
  ClearLine();
}

void Progress::Loop() {
  const auto start = std::chrono::steady_clock::now();
  auto next = start + std::chrono::seconds(2);
  const auto pause = terminal_ ? std::chrono::milliseconds(500) : std::chrono::milliseconds(10000);
  std::unique_lock<std::mutex> lock(mutex_);
  while (!ends_.wait_until(lock, next, [this] { return ended_; })) {
    const auto now = std::chrono::steady_clock::now();
    seconds_ = std::chrono::duration<double>(now - start).count();
    Show();
    next = now + pause;
  }
}

void Progress::Show() {
  ClearLine();
  absl::FPrintF(stderr, "%s: %s (%.0f s)%s", what_, step_.empty() ? "working" : step_, seconds_,
                terminal_ ? "" : "\n");
  std::fflush(stderr);
  shown_ = terminal_;
}

void Progress::ClearLine() {
  if (!shown_) return;
  std::fputs("\r\x1b[K", stderr);
  std::fflush(stderr);
  shown_ = false;
}

}  // namespace tenon::tools
