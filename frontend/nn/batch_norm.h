// BatchNorm: normalises each feature over the batch (Ioffe & Szegedy, 2015).
#ifndef TENON_FRONTEND_NN_BATCH_NORM_H_
#define TENON_FRONTEND_NN_BATCH_NORM_H_

#include <string>

#include "tenon/frontend/nn/layer.h"

namespace tenon::nn {

// Keras' defaults.
struct BatchNormOptions {
  double momentum = 0.99;  // moving' = momentum * moving + (1 - momentum) * batch
  double epsilon = 1e-3;
  bool scale = true;
  bool center = true;
  std::string name = {};  // empty: "batch_norm"
};

// Over all dimensions but the last. Training normalises by the batch's mean and (biased) variance
// and moves the moving ones towards them; inference normalises by the moving ones. Parameters:
// gamma and beta; state: moving_mean and moving_variance.
class BatchNorm final : public Layer {
 public:
  explicit BatchNorm(BatchNormOptions options = {},
                     SourceLocation location = SourceLocation::current())
      : Layer(location), options_(std::move(options)) {}

  absl::string_view kind() const override { return "batch_norm"; }

 protected:
  Value Build(LayerContext& context, Value x) const override;
  absl::string_view name() const override { return options_.name; }

 private:
  BatchNormOptions options_;
};

}  // namespace tenon::nn

#endif  // TENON_FRONTEND_NN_BATCH_NORM_H_
