#include "tenon/frontend/nn/flatten.h"

namespace tenon::nn {

Value Flatten::Build(LayerContext& context, Value x) const {
  if (x.rank() < 1) return context.Fail("the input must have a batch dimension");
  return Reshape(x, {x.shape()[0], ir::Product(Shape(x.shape().begin() + 1, x.shape().end()))});
}

}  // namespace tenon::nn
