// Flatten: all dimensions but the first become one.
#ifndef TENON_FRONTEND_NN_FLATTEN_H_
#define TENON_FRONTEND_NN_FLATTEN_H_

#include "tenon/frontend/nn/layer.h"

namespace tenon::nn {

// [batch, a, b, ...] -> [batch, a * b * ...]; [batch] -> [batch, 1].
class Flatten final : public Layer {
 public:
  explicit Flatten(SourceLocation location = SourceLocation::current()) : Layer(location) {}

  absl::string_view kind() const override { return "flatten"; }

 protected:
  Value Build(LayerContext& context, Value x) const override;
};

}  // namespace tenon::nn

#endif  // TENON_FRONTEND_NN_FLATTEN_H_
