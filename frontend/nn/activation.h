// Activations: element-wise functions, as layers of their own and as the last step of others.
//
//   nn::Sequential{nn::Dense(64, nn::Relu), nn::BatchNorm(), nn::Tanh}
#ifndef TENON_FRONTEND_NN_ACTIVATION_H_
#define TENON_FRONTEND_NN_ACTIVATION_H_

#include "tenon/frontend/compose.h"
#include "tenon/frontend/nn/layer.h"

namespace tenon::nn {

class Activation final : public Layer {
 public:
  using Function = Value (*)(Value);

  constexpr Activation(absl::string_view kind, Function function,
                       SourceLocation location = SourceLocation::current())
      : Layer(location), kind_(kind), function_(function) {}

  // The same, of the user's line: errors name it. Poly asks for it; nn::Relu() does it by hand.
  Activation At(SourceLocation location) const { return Activation(kind_, function_, location); }
  Activation operator()(SourceLocation location = SourceLocation::current()) const {
    return At(location);
  }

  constexpr absl::string_view kind() const override { return kind_; }
  // The function alone, for layers that end in an activation.
  Value operator()(Value x) const { return function_(x); }

 protected:
  Value Build(LayerContext& context, Value x) const override;

 private:
  absl::string_view kind_;
  Function function_;
};

inline constexpr Activation Linear("linear", [](Value x) { return x; });
inline constexpr Activation Relu("relu", [](Value x) { return tenon::Relu(x); });
inline constexpr Activation Sigmoid("sigmoid", [](Value x) { return ir::Sigmoid(x); });
inline constexpr Activation Tanh("tanh", [](Value x) { return ir::Tanh(x); });
inline constexpr Activation Gelu("gelu", [](Value x) { return tenon::Gelu(x); });
inline constexpr Activation Silu("silu", [](Value x) { return tenon::Silu(x); });
inline constexpr Activation Softplus("softplus", [](Value x) { return tenon::Softplus(x); });
// Over the last dimension.
inline constexpr Activation Softmax("softmax", [](Value x) { return tenon::Softmax(x); });

}  // namespace tenon::nn

#endif  // TENON_FRONTEND_NN_ACTIVATION_H_
