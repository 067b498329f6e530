// Sgd: gradient descent, plain or with momentum.
#ifndef TENON_FRONTEND_OPTIM_SGD_H_
#define TENON_FRONTEND_OPTIM_SGD_H_

#include "tenon/frontend/optim/optimizer.h"

namespace tenon::optim {

struct SgdOptions {
  double learning_rate = 0.01;
  double momentum = 0;    // 0: plain
  bool nesterov = false;  // with momentum only
  double l2 = 0;          // adds l2 * parameter to the gradient
};

// As Keras: velocity' = momentum * velocity - rate * g; parameter' = parameter + velocity', or with
// Nesterov's look-ahead parameter + momentum * velocity' - rate * g. The slot is "velocity"; it
// fades to zero (FadeToZero).
class Sgd final : public Optimizer {
 public:
  explicit Sgd(SgdOptions options = {}) : options_(options) {}

  absl::string_view name() const override { return "sgd"; }
  double learning_rate() const override { return options_.learning_rate; }
  std::vector<std::string> slots() const override;
  Value Update(UpdateContext& context) const override;

 private:
  SgdOptions options_;
};

// Sgd with momentum under the name that many look for.
struct MomentumOptions {
  double learning_rate = 0.01;
  double momentum = 0.9;
  bool nesterov = false;
  double l2 = 0;
};
Sgd Momentum(MomentumOptions options = {});

}  // namespace tenon::optim

#endif  // TENON_FRONTEND_OPTIM_SGD_H_
