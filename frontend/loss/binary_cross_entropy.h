// BinaryCrossEntropy: -y log(p) - (1 - y) log(1 - p), for targets from 0 to 1.
#ifndef TENON_FRONTEND_LOSS_BINARY_CROSS_ENTROPY_H_
#define TENON_FRONTEND_LOSS_BINARY_CROSS_ENTROPY_H_

#include "tenon/frontend/loss/loss.h"

namespace tenon::loss {

struct BinaryCrossEntropyOptions {
  // Predictions are logits x with p = sigmoid(x). Otherwise they are probabilities, which are
  // clipped to [1e-7, 1 - 1e-7], as Keras does: no gradient flows from beyond.
  bool from_logits = false;
};

// Targets of the predictions' shape (or [n] for [n, 1]), of any type.
class BinaryCrossEntropy final : public Loss {
 public:
  explicit BinaryCrossEntropy(BinaryCrossEntropyOptions options = {}) : options_(options) {}

  absl::string_view name() const override { return "binary_cross_entropy"; }

 protected:
  Value Build(Value prediction, Value target) const override;

 private:
  BinaryCrossEntropyOptions options_;
};

}  // namespace tenon::loss

#endif  // TENON_FRONTEND_LOSS_BINARY_CROSS_ENTROPY_H_
