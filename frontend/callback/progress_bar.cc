#include "tenon/frontend/callback/progress_bar.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace tenon::callback {

std::string FormatDuration(double seconds) {
  if (seconds < 10) return absl::StrFormat("%.1fs", std::max(seconds, 0.0));
  const auto total = static_cast<int64_t>(std::llround(std::min(seconds, 1e9)));
  const int64_t h = total / 3600, m = total / 60 % 60, s = total % 60;
  return h > 0 ? absl::StrFormat("%d:%02d:%02d", h, m, s) : absl::StrFormat("%d:%02d", m, s);
}

namespace {

constexpr int kBarWidth = 24;

double SteadySeconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::string FormatScores(const Scores& scores, absl::string_view prefix) {
  std::string text = absl::StrFormat("%sloss %.4f", prefix, scores.loss);
  for (const auto& [name, value] : scores.metrics) {
    absl::StrAppendFormat(&text, "  %s%s %.4f", prefix, name, value);
  }
  return text;
}

class ProgressBarObserver final : public Observer {
 public:
  explicit ProgressBarObserver(ProgressBarOptions options) : options_(std::move(options)) {
    if (!options_.seconds) options_.seconds = SteadySeconds;
    if (!options_.write) {
      options_.write = [file = options_.file](const std::string& text) {
        std::fwrite(text.data(), 1, text.size(), file);
        std::fflush(file);
      };
    }
    terminal_ = options_.terminal.value_or(isatty(fileno(options_.file)) != 0);
  }

  absl::Status OnEpochBegin(FitContext& context) override {
    const double now = options_.seconds();
    if (context.epoch == 0) fit_start_ = now;
    epoch_start_ = last_draw_ = now;
    return absl::OkStatus();
  }

  int64_t BatchesToNext(const FitContext& /*context*/) const override { return kWhenever; }
  absl::Status OnBatchEnd(FitContext& context) override {
    if (!terminal_) return absl::OkStatus();
    const double now = options_.seconds();
    if (now - last_draw_ < options_.redraw_seconds) return absl::OkStatus();
    last_draw_ = now;
    Draw(context, now);
    return absl::OkStatus();
  }

  absl::Status OnEpochEnd(FitContext& context, const EpochRecord& record) override {
    const double rate =
        static_cast<double>(record.examples) / std::max(record.training_seconds, 1e-9);
    std::string line =
        absl::StrFormat("%s  %s", EpochLabel(context), FormatScores(record.training, ""));
    if (record.validation.has_value()) {
      absl::StrAppend(&line, "  ", FormatScores(*record.validation, "val "));
    }
    absl::StrAppendFormat(&line, "  %s  %.0f examples/s", FormatDuration(record.training_seconds),
                          rate);
    options_.write(absl::StrCat(terminal_ ? "\r\033[K" : "", line, "\n"));
    return absl::OkStatus();
  }

  absl::Status OnFitEnd(FitContext& context) override {
    if (context.stop_reason.has_value()) {
      options_.write(absl::StrCat("stopped: ", *context.stop_reason, "\n"));
    }
    return absl::OkStatus();
  }

 private:
  static std::string EpochLabel(const FitContext& context) {
    const int width = static_cast<int>(absl::StrCat(context.epochs).size());
    return absl::StrFormat("epoch %*d/%d", width, context.epoch + 1, context.epochs);
  }

  void Draw(const FitContext& context, double now) {
    const double part = static_cast<double>(context.examples_done) /
                        static_cast<double>(std::max<int64_t>(context.examples, 1));
    const int full = static_cast<int>(part * kBarWidth);
    std::string bar(static_cast<size_t>(full), '=');
    if (full < kBarWidth) bar += '>';
    bar.resize(kBarWidth, ' ');
    // Time left of the whole run, at the pace so far (validation included).
    const double done = static_cast<double>(context.epoch) + part;
    const double left = (now - fit_start_) * (static_cast<double>(context.epochs) / done - 1);
    const double rate =
        static_cast<double>(context.examples_done) / std::max(now - epoch_start_, 1e-9);
    options_.write(absl::StrFormat(
        "\r\033[K%s [%s] %3.0f%%  %s  %s left  %.0f examples/s", EpochLabel(context), bar,
        100 * part, FormatScores(context.running_scores(), ""), FormatDuration(left), rate));
  }

  ProgressBarOptions options_;
  bool terminal_;
  double fit_start_ = 0, epoch_start_ = 0, last_draw_ = 0;
};

}  // namespace

std::unique_ptr<Observer> ProgressBar::NewObserver() const {
  return std::make_unique<ProgressBarObserver>(options_);
}

}  // namespace tenon::callback
