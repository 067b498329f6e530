#include "tenon/frontend/optim/adam.h"

#include <cmath>

namespace tenon::optim {

Value Adam::Update(UpdateContext& context) const {
  Value rate = context.AsParameterType(context.learning_rate);
  Value parameter = context.parameter;
  if (options_.weight_decay != 0) {
    parameter = parameter - parameter * (rate * options_.weight_decay);
  }
  Value g = AddL2(context, options_.l2);
  Value m = context.slot("m"), v = context.slot("v");
  m = FadeToZero(m + (g - m) * (1 - options_.beta1));
  v = FadeToZero(v + (g * g - v) * (1 - options_.beta2));
  context.set_slot("m", m);
  context.set_slot("v", v);
  // 1 - beta^t as -expm1(t log beta): no digits are lost while beta^t is near 1.
  Value t = context.step;
  Value correction =
      Sqrt(-Expm1(t * std::log(options_.beta2))) / -Expm1(t * std::log(options_.beta1));
  Value scale = context.AsParameterType(context.learning_rate * correction);
  return parameter - m * scale / (Sqrt(v) + options_.epsilon);
}

}  // namespace tenon::optim
