#include "tenon/frontend/nn/conv2d.h"

#include "absl/strings/str_cat.h"

namespace tenon::nn {

Value Conv2D::Build(LayerContext& context, Value x) const {
  if (filters_ < 1 || window_[0] < 1 || window_[1] < 1 || options_.groups < 1) {
    return context.Fail("filters, window and groups must be positive");
  }
  if (x.rank() != 4 || !x.shape()[3].is_constant()) {
    return context.Fail(absl::StrCat("the input must be [batch, height, width, channels] with ",
                                     "constant channels, not ", x.type().ToString(true)));
  }
  const int64_t channels = x.shape()[3].constant();
  if (channels % options_.groups != 0 || filters_ % options_.groups != 0) {
    return context.Fail(absl::StrCat(channels, " channels and ", filters_,
                                     " filters do not divide into ", options_.groups, " groups"));
  }
  Value kernel = context.Parameter("kernel", x.dtype(),
                                   {window_[0], window_[1], channels / options_.groups, filters_},
                                   options_.kernel_init, options_.kernel_l2);
  Value y = tenon::Conv2D(x, kernel,
                          {.stride = options_.stride,
                           .dilation = options_.dilation,
                           .padding = options_.padding,
                           .groups = options_.groups});
  if (options_.use_bias) {
    y = y + context.Parameter("bias", x.dtype(), {filters_}, options_.bias_init);
  }
  return options_.activation(y);
}

}  // namespace tenon::nn
