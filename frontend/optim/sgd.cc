#include "tenon/frontend/optim/sgd.h"

namespace tenon::optim {

std::vector<std::string> Sgd::slots() const {
  if (options_.momentum == 0) return {};
  return {"velocity"};
}

Value Sgd::Update(UpdateContext& context) const {
  Value step = AddL2(context, options_.l2) * context.AsParameterType(context.learning_rate);
  if (options_.momentum == 0) return context.parameter - step;
  Value velocity = FadeToZero(context.slot("velocity") * options_.momentum - step);
  context.set_slot("velocity", velocity);
  if (!options_.nesterov) return context.parameter + velocity;
  return context.parameter + velocity * options_.momentum - step;
}

Sgd Momentum(MomentumOptions options) {
  return Sgd({.learning_rate = options.learning_rate,
              .momentum = options.momentum,
              .nesterov = options.nesterov,
              .l2 = options.l2});
}

}  // namespace tenon::optim
