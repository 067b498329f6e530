// AveragePool2D: the mean of each window of an image, channel by channel.
#ifndef TENON_FRONTEND_NN_AVERAGE_POOL2D_H_
#define TENON_FRONTEND_NN_AVERAGE_POOL2D_H_

#include "tenon/frontend/compose.h"
#include "tenon/frontend/nn/layer.h"

namespace tenon::nn {

// [batch, height, width, channels] -> [batch, height', width', channels].
class AveragePool2D final : public Layer {
 public:
  explicit AveragePool2D(Pool2DOptions options = {},
                         SourceLocation location = SourceLocation::current())
      : Layer(location), options_(options) {}

  absl::string_view kind() const override { return "average_pool2d"; }

 protected:
  Value Build(LayerContext& context, Value x) const override;

 private:
  Pool2DOptions options_;
};

}  // namespace tenon::nn

#endif  // TENON_FRONTEND_NN_AVERAGE_POOL2D_H_
