#include "tenon/frontend/nn/max_pool2d.h"

namespace tenon::nn {

Value MaxPool2D::Build(LayerContext&, Value x) const { return tenon::MaxPool2D(x, options_); }

}  // namespace tenon::nn
