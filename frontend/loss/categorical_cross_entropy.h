// CategoricalCrossEntropy: -sum(y log(p)) over the last dimension, for targets that are
// probabilities or one-hot.
#ifndef TENON_FRONTEND_LOSS_CATEGORICAL_CROSS_ENTROPY_H_
#define TENON_FRONTEND_LOSS_CATEGORICAL_CROSS_ENTROPY_H_

#include "tenon/frontend/loss/loss.h"

namespace tenon::loss {

struct CategoricalCrossEntropyOptions {
  // Predictions are logits x with p = softmax(x). Otherwise they are probabilities, which are
  // divided by their sum and clipped to [1e-7, 1 - 1e-7], as Keras does.
  bool from_logits = false;
};

// Targets of the predictions' shape.
class CategoricalCrossEntropy final : public Loss {
 public:
  explicit CategoricalCrossEntropy(CategoricalCrossEntropyOptions options = {})
      : options_(options) {}

  absl::string_view name() const override { return "categorical_cross_entropy"; }

 protected:
  Value Build(Value prediction, Value target) const override;

 private:
  CategoricalCrossEntropyOptions options_;
};

}  // namespace tenon::loss

#endif  // TENON_FRONTEND_LOSS_CATEGORICAL_CROSS_ENTROPY_H_
