// Scaling of features, column by column: learned on training data, applied to any.
#ifndef TENON_FRONTEND_DATA_SCALING_H_
#define TENON_FRONTEND_DATA_SCALING_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tenon/frontend/tensor.h"

namespace tenon::data {

// x -> (x - offset) * factor for each feature: the last dimension of a float tensor.
class Scaler {
 public:
  // To [0, 1]: each feature's smallest value becomes 0, its largest 1. A constant feature becomes
  // 0.
  static absl::StatusOr<Scaler> MinMax(const TensorView& x);
  // To mean 0 and standard deviation 1 (over n, not n - 1). A constant feature becomes 0.
  static absl::StatusOr<Scaler> Standard(const TensorView& x);

  // In place. The last dimension must have as many features as were learned from.
  absl::Status Apply(Tensor& x) const;
  // The way back.
  absl::Status Invert(Tensor& x) const;

  const std::vector<double>& offset() const { return offset_; }
  const std::vector<double>& factor() const { return factor_; }

 private:
  absl::Status Check(const TensorView& x) const;

  std::vector<double> offset_, factor_;
};

}  // namespace tenon::data

#endif  // TENON_FRONTEND_DATA_SCALING_H_
