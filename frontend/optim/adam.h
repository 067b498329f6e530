// Adam (Kingma & Ba, 2015), with Keras' placing of epsilon.
#ifndef TENON_FRONTEND_OPTIM_ADAM_H_
#define TENON_FRONTEND_OPTIM_ADAM_H_

#include "tenon/frontend/optim/optimizer.h"

namespace tenon::optim {

struct AdamOptions {
  double learning_rate = 0.001;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-7;
  double l2 = 0;            // adds l2 * parameter to the gradient
  double weight_decay = 0;  // takes rate * weight_decay * parameter off as well (AdamW)
};

// m' = m + (g - m)(1 - beta1), v' = v + (g^2 - v)(1 - beta2), and parameter' = parameter -
// rate * sqrt(1 - beta2^t) / (1 - beta1^t) * m' / (sqrt(v') + epsilon). The slots are "m" and "v";
// both fade to zero (FadeToZero).
class Adam final : public Optimizer {
 public:
  explicit Adam(AdamOptions options = {}) : options_(options) {}

  absl::string_view name() const override { return "adam"; }
  double learning_rate() const override { return options_.learning_rate; }
  std::vector<std::string> slots() const override { return {"m", "v"}; }
  Value Update(UpdateContext& context) const override;

 private:
  AdamOptions options_;
};

}  // namespace tenon::optim

#endif  // TENON_FRONTEND_OPTIM_ADAM_H_
