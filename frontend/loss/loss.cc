#include "tenon/frontend/loss/loss.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace tenon::loss {

Value Fail(Value prediction, absl::string_view message) {
  GraphBuilder* builder = prediction.builder();
  builder->AddError(builder->location_override().value_or(ir::Location()), std::string(message));
  return Value(prediction.builder(), ir::ValueId());
}

Value Loss::PerExample(Value prediction, Value target) const {
  if (!prediction.ok() || !target.ok()) return prediction.ok() ? target : prediction;
  if (!ir::IsFloat(prediction.dtype()) || prediction.rank() < 1) {
    return Fail(prediction, absl::StrCat(name(), ": predictions must be floats with a batch ",
                                         "dimension, not ", prediction.type().ToString(true)));
  }
  if (target.rank() < 1 || !(target.shape()[0] == prediction.shape()[0])) {
    return Fail(prediction,
                absl::StrCat(name(), ": targets ", target.type().ToString(true),
                             " are not for the batch of ", prediction.type().ToString(true)));
  }
  return Build(prediction, target);
}

Value MatchTarget(Value prediction, Value target, absl::string_view who) {
  if (target.shape() != prediction.shape()) {
    if (!(target.type().NumElements() == prediction.type().NumElements())) {
      return Fail(prediction,
                  absl::StrCat(who, ": targets ", target.type().ToString(true),
                               " do not match predictions ", prediction.type().ToString(true)));
    }
    target = Reshape(target, prediction.shape());
  }
  return target.dtype() == prediction.dtype() ? target : Cast(target, prediction.dtype());
}

Value MeanPerExample(Value x) {
  if (x.rank() == 1) return x;
  std::vector<int64_t> axes;
  for (int i = 1; i < x.rank(); ++i) axes.push_back(i);
  return ReduceMean(x, axes);
}

}  // namespace tenon::loss
