#include "tenon/frontend/metric/confusion.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tenon/frontend/compose.h"
#include "tenon/frontend/metric/binary_counts.h"

namespace tenon::metric {

namespace {

// The class that row `i` of predictions names.
int64_t ChosenClass(const TensorView& predictions, int64_t i, int64_t scores, double threshold) {
  if (scores == 1) return predictions.GetAsDouble(i) > threshold ? 1 : 0;
  int64_t best = 0;
  for (int64_t c = 1; c < scores; ++c) {
    if (predictions.GetAsDouble(i * scores + c) > predictions.GetAsDouble(i * scores + best)) {
      best = c;
    }
  }
  return best;
}

}  // namespace

absl::StatusOr<ConfusionTable> ConfusionTable::Of(const TensorView& predictions,
                                                  const TensorView& labels, double threshold) {
  auto bad = [&](absl::string_view what) {
    return absl::InvalidArgumentError(absl::StrCat("confusion table of predictions ",
                                                   predictions.TypeString(), " and labels ",
                                                   labels.TypeString(), ": ", what));
  };
  if (predictions.rank() < 1 || predictions.rank() > 2) return bad("predictions have no rows");
  const int64_t n = predictions.dims[0];
  if (labels.num_elements() != n) return bad("there must be one label a row");
  const int64_t scores = predictions.rank() == 2 ? predictions.dims[1] : 1;
  if (scores < 1) return bad("there are no classes");
  ConfusionTable table(std::max<int64_t>(scores, 2));
  for (int64_t i = 0; i < n; ++i) {
    const double label = labels.GetAsDouble(i);
    if (!(label >= 0 && label < static_cast<double>(table.classes_)) ||
        label != std::floor(label)) {
      return bad(
          absl::StrCat("label ", label, " in row ", i, " is none of ", table.classes_, " classes"));
    }
    table.Add(static_cast<int64_t>(label), ChosenClass(predictions, i, scores, threshold));
  }
  return table;
}

int64_t ConfusionTable::total() const {
  int64_t sum = 0;
  for (int64_t c : counts_) sum += c;
  return sum;
}

int64_t ConfusionTable::ActualCount(int64_t actual) const {
  int64_t sum = 0;
  for (int64_t p = 0; p < classes_; ++p) sum += count(actual, p);
  return sum;
}

int64_t ConfusionTable::PredictedCount(int64_t predicted) const {
  int64_t sum = 0;
  for (int64_t a = 0; a < classes_; ++a) sum += count(a, predicted);
  return sum;
}

double ConfusionTable::Accuracy() const {
  int64_t right = 0;
  for (int64_t c = 0; c < classes_; ++c) right += count(c, c);
  return Ratio(right, total());
}

double ConfusionTable::Precision(int64_t positive) const {
  return Ratio(count(positive, positive), PredictedCount(positive));
}

double ConfusionTable::Recall(int64_t positive) const {
  return Ratio(count(positive, positive), ActualCount(positive));
}

double ConfusionTable::F1(int64_t positive) const {
  return Ratio(2 * count(positive, positive), PredictedCount(positive) + ActualCount(positive));
}

std::string ConfusionTable::ToString(absl::Span<const std::string> names) const {
  auto name = [&](int64_t c) {
    return c < static_cast<int64_t>(names.size()) ? names[c] : absl::StrCat(c);
  };
  size_t name_width = 6, width = 5;
  for (int64_t c = 0; c < classes_; ++c) name_width = std::max(name_width, name(c).size());
  for (int64_t c : counts_) width = std::max(width, absl::StrCat(c).size());
  std::string text = absl::StrFormat("%*s", static_cast<int>(name_width), "actual");
  for (int64_t c = 0; c < classes_; ++c) {
    absl::StrAppendFormat(&text, "  %*s", static_cast<int>(width), name(c).substr(0, width));
  }
  for (int64_t a = 0; a < classes_; ++a) {
    absl::StrAppendFormat(&text, "\n%*s", static_cast<int>(name_width), name(a));
    for (int64_t p = 0; p < classes_; ++p) {
      absl::StrAppendFormat(&text, "  %*d", static_cast<int>(width), count(a, p));
    }
  }
  return text + "\n";
}

Value Confusion::Build(Value prediction, Value target) const {
  GraphBuilder* builder = prediction.builder();
  if (prediction.rank() != 2 || !prediction.shape()[1].is_constant()) {
    builder->AddError(builder->location_override().value_or(ir::Location()),
                      absl::StrCat("confusion: predictions must be [batch, classes], not ",
                                   prediction.type().ToString(true)));
    return Value(builder, ir::ValueId());
  }
  const int64_t classes = prediction.shape()[1].constant();
  Value actual = OneHot(TargetClass(prediction, target), classes);
  Value predicted = OneHot(PredictedClass(prediction), classes);
  // Sums of ones in f32 are exact for batches of up to 2^24.
  return Cast(Contract("na,np->ap", actual, predicted), I64);
}

double Confusion::Result(absl::Span<const int64_t> counts) const {
  const auto classes = static_cast<size_t>(std::lround(std::sqrt(counts.size())));
  int64_t right = 0, total = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    total += counts[i];
    if (i % (classes + 1) == 0) right += counts[i];
  }
  return Ratio(right, total);
}

}  // namespace tenon::metric
