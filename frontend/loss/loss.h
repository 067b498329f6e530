// Loss: what training makes small.
//
// A loss gives one value an example; training takes their mean over the batch. Targets come in the
// types that data sets have; a loss casts and reshapes them to what it needs, or reports what does
// not fit as an error of the graph.
//
// A new loss is a header, a source file and a test: a class derived from Loss with an options
// struct.
#ifndef TENON_FRONTEND_LOSS_LOSS_H_
#define TENON_FRONTEND_LOSS_LOSS_H_

#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"
#include "tenon/frontend/core.h"
#include "tenon/frontend/poly.h"

namespace tenon::loss {

class Loss {
 public:
  virtual absl::string_view name() const = 0;

  // [batch]: the loss of each example. Both values have the batch as their first dimension.
  Value PerExample(Value prediction, Value target) const;

  // With integer labels as targets: how many classes there are, so that data can be checked against
  // it. nullopt where any target is sound.
  virtual std::optional<int64_t> LabelClasses(const ir::TensorType& prediction) const {
    (void)prediction;
    return std::nullopt;
  }

 protected:
  Loss() = default;
  Loss(const Loss&) = default;
  Loss& operator=(const Loss&) = default;
  ~Loss() = default;

  // `prediction` is a sound float of rank 1 or more, `target` is sound with the same batch.
  virtual Value Build(Value prediction, Value target) const = 0;
};

// The target as a value of the prediction's type: cast, and reshaped where both have as many
// elements ([n] against [n, 1], say). Anything else is recorded as an error.
Value MatchTarget(Value prediction, Value target, absl::string_view who);

// The mean over all dimensions but the first: [batch, ...] -> [batch].
Value MeanPerExample(Value x);

// Records an error at the line that is being built.
Value Fail(Value prediction, absl::string_view message);

}  // namespace tenon::loss

#endif  // TENON_FRONTEND_LOSS_LOSS_H_
