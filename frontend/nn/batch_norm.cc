#include "tenon/frontend/nn/batch_norm.h"

#include "absl/strings/str_cat.h"
#include "tenon/frontend/compose.h"

namespace tenon::nn {

Value BatchNorm::Build(LayerContext& context, Value x) const {
  if (x.rank() < 2 || !x.shape().back().is_constant()) {
    return context.Fail(absl::StrCat("the input must be [batch, ..., features] with constant ",
                                     "features, not ", x.type().ToString(true)));
  }
  const Shape features = {x.shape().back()};
  Value moving_mean = context.State("moving_mean", x.dtype(), features, init::Zeros());
  Value moving_variance = context.State("moving_variance", x.dtype(), features, init::Constant(1));
  Value mean = moving_mean, variance = moving_variance;
  if (context.training()) {
    std::vector<int64_t> axes;
    for (int i = 0; i + 1 < x.rank(); ++i) axes.push_back(i);
    mean = Mean(x, axes);
    variance = Variance(x, axes);
    auto move = [&](Value moving, Value batch) {
      return moving * options_.momentum + StopGradient(batch) * (1 - options_.momentum);
    };
    context.SetState("moving_mean", move(moving_mean, mean));
    context.SetState("moving_variance", move(moving_variance, variance));
  }
  Value factor = Rsqrt(variance + options_.epsilon);
  if (options_.scale) {
    factor = factor * context.Parameter("gamma", x.dtype(), features, init::Constant(1));
  }
  Value y = (x - mean) * factor;
  if (options_.center) y = y + context.Parameter("beta", x.dtype(), features, init::Zeros());
  return y;
}

}  // namespace tenon::nn
