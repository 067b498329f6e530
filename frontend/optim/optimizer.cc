#include "tenon/frontend/optim/optimizer.h"

#include <limits>

namespace tenon::optim {

Value UpdateContext::AsParameterType(Value scalar) const {
  return scalar.dtype() == parameter.dtype() ? scalar : Cast(scalar, parameter.dtype());
}

Value AddL2(const UpdateContext& context, double l2) {
  return l2 == 0 ? context.gradient : context.gradient + context.parameter * l2;
}

Value FadeToZero(Value x) {
  // f16 and bf16 compute in f32.
  const double normal =
      x.dtype() == F64 ? std::numeric_limits<double>::min() : std::numeric_limits<float>::min();
  return Select(Lt(Abs(x), normal * 0x1p26), 0, x);  // keeps NaN
}

}  // namespace tenon::optim
