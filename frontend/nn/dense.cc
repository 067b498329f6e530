#include "tenon/frontend/nn/dense.h"

#include "absl/strings/str_cat.h"

namespace tenon::nn {

Value Dense::Build(LayerContext& context, Value x) const {
  if (units_ < 1) return context.Fail(absl::StrCat("units must be positive, not ", units_));
  if (x.rank() < 2 || !x.shape().back().is_constant()) {
    return context.Fail(absl::StrCat("the input must be [batch, ..., features] with constant ",
                                     "features, not ", x.type().ToString(true)));
  }
  const Dim& features = x.shape().back();
  Value kernel = context.Parameter("kernel", x.dtype(), {features, units_}, options_.kernel_init,
                                   options_.kernel_l2);
  Value y = MatMul(x, kernel);
  if (options_.use_bias) {
    y = y + context.Parameter("bias", x.dtype(), {units_}, options_.bias_init);
  }
  return activation_(y);
}

}  // namespace tenon::nn
