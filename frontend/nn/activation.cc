#include "tenon/frontend/nn/activation.h"

namespace tenon::nn {

Value Activation::Build(LayerContext&, Value x) const { return function_(x); }

}  // namespace tenon::nn
