#include "tenon/frontend/optim/optimizer.h"

namespace tenon::optim {

Value UpdateContext::AsParameterType(Value scalar) const {
  return scalar.dtype() == parameter.dtype() ? scalar : Cast(scalar, parameter.dtype());
}

Value AddL2(const UpdateContext& context, double l2) {
  return l2 == 0 ? context.gradient : context.gradient + context.parameter * l2;
}

}  // namespace tenon::optim
