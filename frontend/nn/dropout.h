// Dropout: while training, zeroes elements by chance and scales up the rest; otherwise the
// identity.
#ifndef TENON_FRONTEND_NN_DROPOUT_H_
#define TENON_FRONTEND_NN_DROPOUT_H_

#include "tenon/frontend/nn/layer.h"

namespace tenon::nn {

class Dropout final : public Layer {
 public:
  // An element becomes zero with probability `rate`, at least 0 and below 1.
  explicit Dropout(double rate, SourceLocation location = SourceLocation::current())
      : Layer(location), rate_(rate) {}

  absl::string_view kind() const override { return "dropout"; }

 protected:
  Value Build(LayerContext& context, Value x) const override;

 private:
  double rate_;
};

}  // namespace tenon::nn

#endif  // TENON_FRONTEND_NN_DROPOUT_H_
