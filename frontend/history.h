// What training and evaluation report.
#ifndef TENON_FRONTEND_HISTORY_H_
#define TENON_FRONTEND_HISTORY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace tenon {

struct Scores {
  double loss = 0;
  std::vector<std::pair<std::string, double>> metrics;  // in the model's order

  // The value of a metric; nullopt when there is none of that name.
  std::optional<double> metric(absl::string_view name) const {
    for (const auto& [metric_name, value] : metrics) {
      if (metric_name == name) return value;
    }
    return std::nullopt;
  }
};

struct EpochRecord {
  int64_t epoch = 0;  // from 0
  Scores training;    // over the epoch's batches, as the parameters changed
  std::optional<Scores> validation;
  double training_seconds = 0;
  int64_t steps = 0;
  int64_t examples = 0;
};

struct History {
  std::vector<EpochRecord> epochs;
  int64_t steps = 0;
  double training_seconds = 0;  // without validation
  double step_seconds = 0;      // of these, within the program
  std::string stop_reason;      // empty: all epochs ran
};

}  // namespace tenon

#endif  // TENON_FRONTEND_HISTORY_H_
