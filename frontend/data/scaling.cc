#include "tenon/frontend/data/scaling.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "tenon/ir/check.h"

namespace tenon::data {

namespace {

absl::Status CheckLearnable(const TensorView& x) {
  if (!ir::IsFloat(x.dtype) || x.rank() == 0 || x.num_elements() == 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "scaling needs float features, at least one row of them, not ", x.TypeString()));
  }
  return absl::OkStatus();
}

// 1 / width, or 1 for a feature that does not vary.
double Reciprocal(double width) { return width > 0 ? 1 / width : 1; }

}  // namespace

absl::StatusOr<Scaler> Scaler::MinMax(const TensorView& x) {
  TENON_RETURN_IF_ERROR(CheckLearnable(x));
  const int64_t features = x.dims.back();
  std::vector<double> low(features, std::numeric_limits<double>::infinity());
  std::vector<double> high(features, -std::numeric_limits<double>::infinity());
  for (int64_t i = 0; i < x.num_elements(); ++i) {
    const double value = x.GetAsDouble(i);
    low[i % features] = std::min(low[i % features], value);
    high[i % features] = std::max(high[i % features], value);
  }
  Scaler scaler;
  scaler.offset_ = low;
  for (int64_t f = 0; f < features; ++f) scaler.factor_.push_back(Reciprocal(high[f] - low[f]));
  return scaler;
}

absl::StatusOr<Scaler> Scaler::Standard(const TensorView& x) {
  TENON_RETURN_IF_ERROR(CheckLearnable(x));
  const int64_t features = x.dims.back();
  const double rows = static_cast<double>(x.num_elements() / features);
  std::vector<double> mean(features), squares(features);
  for (int64_t i = 0; i < x.num_elements(); ++i) mean[i % features] += x.GetAsDouble(i) / rows;
  for (int64_t i = 0; i < x.num_elements(); ++i) {
    const double deviation = x.GetAsDouble(i) - mean[i % features];
    squares[i % features] += deviation * deviation / rows;
  }
  Scaler scaler;
  scaler.offset_ = mean;
  for (double s : squares) scaler.factor_.push_back(Reciprocal(std::sqrt(s)));
  return scaler;
}

absl::Status Scaler::Check(const TensorView& x) const {
  if (!ir::IsFloat(x.dtype) || x.rank() == 0 ||
      x.dims.back() != static_cast<int64_t>(offset_.size())) {
    return absl::InvalidArgumentError(absl::StrCat("this scaling is of ", offset_.size(),
                                                   " float features, which ", x.TypeString(),
                                                   " does not have"));
  }
  return absl::OkStatus();
}

absl::Status Scaler::Apply(Tensor& x) const {
  TENON_RETURN_IF_ERROR(Check(x));
  const auto features = static_cast<int64_t>(offset_.size());
  for (int64_t i = 0; i < x.num_elements(); ++i) {
    const int64_t f = i % features;
    x.SetFromDouble(i, (x.GetAsDouble(i) - offset_[f]) * factor_[f]);
  }
  return absl::OkStatus();
}

absl::Status Scaler::Invert(Tensor& x) const {
  TENON_RETURN_IF_ERROR(Check(x));
  const auto features = static_cast<int64_t>(offset_.size());
  for (int64_t i = 0; i < x.num_elements(); ++i) {
    const int64_t f = i % features;
    x.SetFromDouble(i, x.GetAsDouble(i) / factor_[f] + offset_[f]);
  }
  return absl::OkStatus();
}

}  // namespace tenon::data
