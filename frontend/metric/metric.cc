#include "tenon/frontend/metric/metric.h"

#include "absl/strings/str_cat.h"

namespace tenon::metric {

namespace {

Value Fail(Value x, std::string message) {
  GraphBuilder* builder = x.builder();
  builder->AddError(builder->location_override().value_or(ir::Location()), std::move(message));
  return Value(builder, ir::ValueId());
}

Value ReshapeTo(Value x, const Shape& shape) { return x.shape() == shape ? x : Reshape(x, shape); }

}  // namespace

Value Metric::Count(Value prediction, Value target) const {
  if (!prediction.ok() || !target.ok()) return prediction.ok() ? target : prediction;
  if (!ir::IsFloat(prediction.dtype()) || prediction.rank() < 1 || target.rank() < 1 ||
      !(target.shape()[0] == prediction.shape()[0])) {
    return Fail(prediction,
                absl::StrCat(name(), ": targets ", target.type().ToString(true),
                             " do not fit predictions ", prediction.type().ToString(true)));
  }
  return Build(prediction, target);
}

Value PredictedClass(Value prediction) { return ArgMax(prediction, -1); }

Value TargetClass(Value prediction, Value target) {
  if (!prediction.ok() || !target.ok()) return target;
  if (target.shape() == prediction.shape()) return ArgMax(target, -1);
  const Shape classes(prediction.shape().begin(), prediction.shape().end() - 1);
  if (!(target.type().NumElements() == ir::Product(classes))) {
    return Fail(prediction,
                absl::StrCat("labels ", target.type().ToString(true), " do not match predictions ",
                             prediction.type().ToString(true)));
  }
  return Cast(ReshapeTo(target, classes), I64);
}

Value PredictedPositive(Value prediction, double threshold) { return Gt(prediction, threshold); }

Value TargetPositive(Value prediction, Value target) {
  if (!prediction.ok() || !target.ok()) return target;
  if (!(target.type().NumElements() == prediction.type().NumElements())) {
    return Fail(prediction,
                absl::StrCat("targets ", target.type().ToString(true), " do not match predictions ",
                             prediction.type().ToString(true)));
  }
  return Gt(Cast(ReshapeTo(target, prediction.shape()), F32), 0.5);
}

Value CountTrue(Value condition) { return Reshape(ReduceSum(Cast(condition, I64)), {1}); }

Value CountAll(Value x) {
  if (!x.ok()) return x;
  return Reshape(x.builder()->Extent(ir::Product(x.shape()), I64), {1});
}

}  // namespace tenon::metric
