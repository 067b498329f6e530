// Conv2D: activation(conv(x, W) + b) over images.
#ifndef TENON_FRONTEND_NN_CONV2D_H_
#define TENON_FRONTEND_NN_CONV2D_H_

#include <array>
#include <cstdint>
#include <string>

#include "tenon/frontend/compose.h"
#include "tenon/frontend/nn/activation.h"
#include "tenon/frontend/nn/layer.h"

namespace tenon::nn {

struct Conv2DOptions {
  Activation activation = Linear;
  std::array<int64_t, 2> stride = {1, 1};
  std::array<int64_t, 2> dilation = {1, 1};
  Padding padding = Padding::kValid;
  int64_t groups = 1;
  bool use_bias = true;
  Initializer kernel_init = init::GlorotUniform();
  Initializer bias_init = init::Zeros();
  double kernel_l2 = 0;   // adds kernel_l2 * sum(W^2) to the loss
  std::string name = {};  // empty: "conv2d"
};

// [batch, height, width, in] -> [batch, height', width', filters]. Parameters: kernel
// [window..., in / groups, filters], bias [filters].
class Conv2D final : public Layer {
 public:
  Conv2D(int64_t filters, std::array<int64_t, 2> window, Conv2DOptions options = {},
         SourceLocation location = SourceLocation::current())
      : Layer(location), filters_(filters), window_(window), options_(std::move(options)) {}

  absl::string_view kind() const override { return "conv2d"; }

 protected:
  Value Build(LayerContext& context, Value x) const override;
  absl::string_view name() const override { return options_.name; }

 private:
  int64_t filters_;
  std::array<int64_t, 2> window_;
  Conv2DOptions options_;
};

}  // namespace tenon::nn

#endif  // TENON_FRONTEND_NN_CONV2D_H_
