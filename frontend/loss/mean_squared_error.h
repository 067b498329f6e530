// MeanSquaredError: the mean of (prediction - target)^2.
#ifndef TENON_FRONTEND_LOSS_MEAN_SQUARED_ERROR_H_
#define TENON_FRONTEND_LOSS_MEAN_SQUARED_ERROR_H_

#include "tenon/frontend/loss/loss.h"

namespace tenon::loss {

// Targets of the predictions' shape.
class MeanSquaredError final : public Loss {
 public:
  absl::string_view name() const override { return "mean_squared_error"; }

 protected:
  Value Build(Value prediction, Value target) const override;
};

}  // namespace tenon::loss

#endif  // TENON_FRONTEND_LOSS_MEAN_SQUARED_ERROR_H_
