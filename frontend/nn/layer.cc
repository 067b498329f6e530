#include "tenon/frontend/nn/layer.h"

#include "absl/strings/str_cat.h"

namespace tenon::nn {

std::string LayerContext::UniqueName(absl::string_view wanted) {
  const int count = name_counts_[std::string(wanted)]++;
  return count == 0 ? std::string(wanted) : absl::StrCat(wanted, "_", count);
}

std::string LayerContext::Path(absl::string_view name) const {
  return absl::StrCat(layer_name_, "/", name);
}

Value LayerContext::Parameter(absl::string_view name, DType dtype, Shape shape, Initializer init,
                              double l2) {
  parameters_.push_back(Path(name));
  Value value = builder_.Parameter(Path(name), dtype, std::move(shape), init, location_);
  if (l2 > 0) penalties_.push_back(ReduceSum(value * value) * l2);
  return value;
}

Value LayerContext::State(absl::string_view name, DType dtype, Shape shape, Initializer init) {
  states_.push_back(Path(name));
  return builder_.State(Path(name), dtype, std::move(shape), init, location_);
}

void LayerContext::SetState(absl::string_view name, Value next) {
  state_updates_.emplace_back(Path(name), next);
}

Value LayerContext::Fail(absl::string_view message) {
  builder_.AddError(ir::Location(location_), absl::StrCat(layer_name_, ": ", message));
  return Value(&builder_, ir::ValueId());
}

Value Layer::Apply(LayerContext& context, Value x) const {
  if (!x.ok()) return x;
  if (!is_leaf()) return Build(context, x);
  // Layers within this one come and go before its own parts continue.
  const std::string outer_name = context.layer_name_;
  const SourceLocation outer_location = context.location_;
  context.layer_name_ = context.UniqueName(name().empty() ? kind() : name());
  if (!outer_name.empty()) context.layer_name_ = absl::StrCat(outer_name, "/", context.layer_name_);
  context.location_ = location_;
  const size_t first_parameter = context.parameters_.size();
  Value y;
  {
    GraphBuilder::ScopedLocation scope(context.builder(), ir::Location(location_));
    y = Build(context, x);
  }
  context.layers_.push_back(
      {context.layer_name_, kind(), y.type(), first_parameter, context.parameters_.size()});
  context.layer_name_ = outer_name;
  context.location_ = outer_location;
  return y;
}

}  // namespace tenon::nn
