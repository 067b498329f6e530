#include "tenon/frontend/nn/sequential.h"

namespace tenon::nn {

Value Sequential::Build(LayerContext& context, Value x) const {
  for (const Poly<Layer>& layer : layers_) x = layer->Apply(context, x);
  return x;
}

}  // namespace tenon::nn
