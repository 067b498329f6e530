#include "tenon/frontend/nn/average_pool2d.h"

namespace tenon::nn {

Value AveragePool2D::Build(LayerContext&, Value x) const {
  return tenon::AveragePool2D(x, options_);
}

}  // namespace tenon::nn
