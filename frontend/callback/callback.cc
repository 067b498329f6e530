#include "tenon/frontend/callback/callback.h"

#include "absl/strings/str_cat.h"

namespace tenon::callback {

std::string Monitor::ToString() const {
  return absl::StrCat(validation ? "validation " : "training ", metric.empty() ? "loss" : metric);
}

absl::StatusOr<double> Monitor::ValueIn(const EpochRecord& record) const {
  if (validation && !record.validation.has_value()) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot watch the ", ToString(), ": Fit was given no validation data"));
  }
  const Scores& scores = validation ? *record.validation : record.training;
  if (metric.empty()) return scores.loss;
  const std::optional<double> value = scores.metric(metric);
  if (value.has_value()) return *value;
  return absl::InvalidArgumentError(
      absl::StrCat("cannot watch the ", ToString(), ": the model has no such metric"));
}

}  // namespace tenon::callback
