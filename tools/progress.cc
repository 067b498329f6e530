#include "tools/progress.h"

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace tenon::tools {
namespace {

using Clock = std::chrono::steady_clock;

void WriteToStandardError(absl::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

}  // namespace

double ProgressLine::Show(double seconds) {
  Clear();
  write_(absl::StrFormat("%s: %s (%.0f s)%s", what_, step_.empty() ? "working" : step_, seconds,
                         terminal_ ? "" : "\n"));
  shown_ = terminal_;
  return seconds + (terminal_ ? 0.5 : 10);
}

void ProgressLine::Clear() {
  if (shown_) write_("\r\x1b[K");
  shown_ = false;
}

Progress::Progress(absl::string_view what)
    : Progress(ProgressLine(what, isatty(STDERR_FILENO) != 0, WriteToStandardError)) {}

Progress::Progress(ProgressLine line) : line_(std::move(line)), thread_([this] { Loop(); }) {}

Progress::~Progress() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    ended_ = true;
    line_.Clear();
  }
  ends_.notify_all();
  thread_.join();
}

void Progress::Set(absl::string_view step) {
  const std::lock_guard<std::mutex> lock(mutex_);
  line_.Set(step);
}

void Progress::Clear() {
  const std::lock_guard<std::mutex> lock(mutex_);
  line_.Clear();
}

void Progress::Follow(passes::PipelineOptions* options) {
  options->after_pass = [this, then = std::move(options->after_pass)](
                            const passes::PassReport& report, const ir::Graph& graph) {
    Set(absl::StrCat("after pass ", report.pass));
    if (then) then(report, graph);
  };
  options->after_stage = [this, then = std::move(options->after_stage)](
                             absl::string_view stage, const kernel::Program& program) {
    Set(absl::StrCat("after stage ", stage));
    if (then) then(stage, program);
  };
}

void Progress::Loop() {
  const auto start = Clock::now();
  double next = ProgressLine::kPatience;
  std::unique_lock<std::mutex> lock(mutex_);
  while (!ends_.wait_until(
      lock,
      start + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(next)),
      [this] { return ended_; })) {
    next = line_.Show(std::chrono::duration<double>(Clock::now() - start).count());
  }
}

}  // namespace tenon::tools
