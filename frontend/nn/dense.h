// Dense: activation(x W + b) over the last dimension.
#ifndef TENON_FRONTEND_NN_DENSE_H_
#define TENON_FRONTEND_NN_DENSE_H_

#include <cstdint>
#include <string>

#include "tenon/frontend/nn/activation.h"
#include "tenon/frontend/nn/layer.h"

namespace tenon::nn {

struct DenseOptions {
  bool use_bias = true;
  Initializer kernel_init = init::GlorotUniform();
  Initializer bias_init = init::Zeros();
  double kernel_l2 = 0;   // adds kernel_l2 * sum(W^2) to the loss
  std::string name = {};  // empty: "dense"
};

// [batch, ..., in] -> [batch, ..., units]. Parameters: kernel [in, units], bias [units].
class Dense final : public Layer {
 public:
  explicit Dense(int64_t units, Activation activation = Linear, DenseOptions options = {},
                 SourceLocation location = SourceLocation::current())
      : Layer(location), units_(units), activation_(activation), options_(std::move(options)) {}

  absl::string_view kind() const override { return "dense"; }

 protected:
  Value Build(LayerContext& context, Value x) const override;
  absl::string_view name() const override { return options_.name; }

 private:
  int64_t units_;
  Activation activation_;
  DenseOptions options_;
};

}  // namespace tenon::nn

#endif  // TENON_FRONTEND_NN_DENSE_H_
