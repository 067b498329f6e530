#include "tenon/frontend/compose.h"

#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"

namespace tenon {

CallerScope::CallerScope(const Operand& operand)
    : CallerScope(operand.value.builder(), operand.location) {}

CallerScope::CallerScope(GraphBuilder* builder, const SourceLocation& location) {
  if (builder != nullptr && !builder->location_override().has_value()) {
    scope_.emplace(*builder, ir::Location(location));
  }
}

namespace {

// Whether a composition can go on: errors so far are recorded already, a number is an error now.
bool IsUsable(const Operand& x) { return !x.is_number() && x.value.ok(); }

Value Fail(Value x, const SourceLocation& location, absl::string_view message) {
  x.builder()->AddError(ir::Location(location), std::string(message));
  return Value(x.builder(), ir::ValueId());
}

}  // namespace

Value Relu(Operand x) {
  CallerScope scope(x);
  return Max(x, 0);
}

Value LeakyRelu(Operand x, double negative_slope) {
  CallerScope scope(x);
  return Select(Ge(x, 0), x, x * negative_slope);
}

Value Softplus(Operand x) {
  CallerScope scope(x);
  return Max(x, 0) + Log1p(Exp(-Abs(x)));
}

Value Silu(Operand x) {
  CallerScope scope(x);
  return x * Sigmoid(x);
}

Value Gelu(Operand x) {
  CallerScope scope(x);
  return x * 0.5 * (Erf(x * std::sqrt(0.5)) + 1);
}

Value GeluTanh(Operand x) {
  CallerScope scope(x);
  const double sqrt_two_over_pi = 0.79788456080286535588;
  return x * 0.5 * (Tanh((x + x * x * x * 0.044715) * sqrt_two_over_pi) + 1);
}

Value Softmax(Operand x, int64_t axis) {
  CallerScope scope(x);
  // The maximum only shifts: no gradient flows through it.
  Value shifted = x - StopGradient(ReduceMax(x, {axis}, /*keep_dims=*/true));
  Value exponentials = Exp(shifted);
  // A division a row, not one an element.
  return exponentials * (1 / ReduceSum(exponentials, {axis}, /*keep_dims=*/true));
}

Value LogSoftmax(Operand x, int64_t axis) {
  CallerScope scope(x);
  Value shifted = x - StopGradient(ReduceMax(x, {axis}, /*keep_dims=*/true));
  return shifted - Log(ReduceSum(Exp(shifted), {axis}, /*keep_dims=*/true));
}

Value LogSumExp(Operand x, std::vector<int64_t> axes, bool keep_dims) {
  CallerScope scope(x);
  Value kept = StopGradient(ReduceMax(x, axes, /*keep_dims=*/true));
  // Where the maximum is infinite, x - max would be NaN for what should stay infinite.
  kept = Select(IsFinite(kept), kept, 0);
  Value sum = Log(ReduceSum(Exp(x - kept), axes, /*keep_dims=*/true)) + kept;
  return keep_dims ? sum : ReduceSum(sum, axes);
}

Value Mean(Operand x, std::vector<int64_t> axes, bool keep_dims) {
  CallerScope scope(x);
  return ReduceMean(x, std::move(axes), keep_dims);
}

Value Variance(Operand x, std::vector<int64_t> axes, bool keep_dims) {
  CallerScope scope(x);
  Value deviation = x - ReduceMean(x, axes, /*keep_dims=*/true);
  return ReduceMean(deviation * deviation, std::move(axes), keep_dims);
}

Value LayerNorm(Operand x, Operand scale, Operand offset, double epsilon) {
  CallerScope scope(x);
  Value deviation = x - ReduceMean(x, {-1}, /*keep_dims=*/true);
  Value variance = ReduceMean(deviation * deviation, {-1}, /*keep_dims=*/true);
  return deviation * Rsqrt(variance + epsilon) * scale + offset;
}

namespace {

// Whether each index is at least 0 and below `depth`.
Value IsBelow(Value indices, int64_t depth) {
  const Value i = Cast(indices, I64);
  const Value below = Lt(i, static_cast<double>(depth));
  return And(Ge(i, 0), below);
}

}  // namespace

Value OneHot(Operand indices, int64_t depth, DType dtype) {
  CallerScope scope(indices);
  if (!IsUsable(indices)) return indices.value;
  Value i = indices.value;
  if (!ir::IsInteger(i.dtype())) {
    return Fail(i, indices.location,
                absl::StrCat("OneHot: indices must be integers, not ", i.type().ToString()));
  }
  Shape unsqueezed = i.shape();
  unsqueezed.push_back(1);
  // An element for every class is compared: in 32 bits that is twice as many at a time.
  const bool narrow = depth <= std::numeric_limits<int32_t>::max();
  if (narrow && i.dtype() == I64) i = Select(IsBelow(i, depth), i, -1);
  const DType compared = narrow ? I32 : I64;
  Value classes = i.builder()->Iota({compared, {depth}}, 0);
  return Cast(Eq(Reshape(Cast(i, compared), unsqueezed), classes), dtype);
}

Value Dropout(Operand x, double rate, Operand key, int64_t stream) {
  CallerScope scope(x);
  if (!IsUsable(x)) return x.value;
  if (!(rate >= 0 && rate < 1)) {
    return Fail(x.value, x.location,
                absl::StrCat("Dropout: rate must be at least 0 and below 1, not ", rate));
  }
  if (rate == 0) return x.value;
  Value uniform = RandomUniform(key, x.value.shape(), stream);
  return Select(Ge(uniform, rate), x * (1 / (1 - rate)), 0);
}

Value SigmoidCrossEntropy(Operand logits, Operand targets) {
  CallerScope scope(logits);
  return Max(logits, 0) - logits * targets + Log1p(Exp(-Abs(logits)));
}

Value SoftmaxCrossEntropy(Operand logits, Operand targets) {
  CallerScope scope(logits);
  return -ReduceSum(LogSoftmax(logits) * targets, {-1});
}

Value SparseSoftmaxCrossEntropy(Operand logits, Operand labels) {
  CallerScope scope(logits);
  if (!IsUsable(logits) || !IsUsable(labels)) return logits.value;
  if (logits.value.rank() < 1 || !logits.value.shape().back().is_constant()) {
    return Fail(logits.value, logits.location,
                absl::StrCat("SparseSoftmaxCrossEntropy: the last dimension of ",
                             logits.value.type().ToString(), " must be a constant"));
  }
  const int64_t depth = logits.value.shape().back().constant();
  Value chosen = OneHot(labels, depth, Bool);
  // What log_softmax takes from every class is taken from the sum once: neither the loss nor its
  // gradient then has more sums than that of the exponentials and the choice.
  Value shifted = logits - StopGradient(ReduceMax(logits, {-1}, /*keep_dims=*/true));
  Value total = Log(ReduceSum(Exp(shifted), {-1}));
  // A choice, not a product: a class of probability zero (a logit of -inf) must not make NaN.
  Value picked = ReduceSum(Select(chosen, shifted, 0), {-1});
  return Select(IsBelow(labels.value, depth), total - picked, 0);
}

namespace {

struct Pads {
  std::vector<int64_t> low, high;
};

// Padding of the spatial dimensions (1 and 2) of `images`, or an error in words.
absl::StatusOr<Pads> SpatialPads(Value images, const std::array<int64_t, 2>& window,
                                 const std::array<int64_t, 2>& stride,
                                 const std::array<int64_t, 2>& dilation, Padding padding) {
  Pads pads{{0, 0}, {0, 0}};
  if (padding == Padding::kValid) return pads;
  for (int i = 0; i < 2; ++i) {
    const int64_t reach = (window[i] - 1) * dilation[i] + 1;
    int64_t total;
    const Dim& extent = images.shape()[i + 1];
    if (stride[i] == 1) {
      total = reach - 1;
    } else if (extent.is_constant()) {
      const int64_t outputs = (extent.constant() + stride[i] - 1) / stride[i];
      total = std::max<int64_t>((outputs - 1) * stride[i] + reach - extent.constant(), 0);
    } else {
      return absl::InvalidArgumentError(absl::StrCat("padding 'same' with a stride of ", stride[i],
                                                     " needs a constant extent, not ",
                                                     extent.ToString()));
    }
    pads.low[i] = total / 2;
    pads.high[i] = total - total / 2;
  }
  return pads;
}

bool AllPositive(const std::array<int64_t, 2>& a) { return a[0] > 0 && a[1] > 0; }

// What is wrong with windows over `images`, if anything.
absl::Status CheckWindows(Value images, const std::array<int64_t, 2>& window,
                          const std::array<int64_t, 2>& stride,
                          const std::array<int64_t, 2>& dilation) {
  if (images.rank() != 4) {
    return absl::InvalidArgumentError(absl::StrCat(
        "images must be [batch, height, width, channels], not ", images.type().ToString()));
  }
  if (!AllPositive(window) || !AllPositive(stride) || !AllPositive(dilation)) {
    return absl::InvalidArgumentError("window, stride and dilation must be positive");
  }
  return absl::OkStatus();
}

}  // namespace

Value Conv2D(Operand images, Operand filter, const Conv2DOptions& options) {
  CallerScope scope(images);
  if (!IsUsable(images) || !IsUsable(filter)) return images.value;
  Value x = images.value, f = filter.value;
  if (f.rank() != 4 || !f.shape()[0].is_constant() || !f.shape()[1].is_constant()) {
    return Fail(x, images.location,
                absl::StrCat("Conv2D: the filter must be [height, width, in, out] with constant "
                             "height and width, not ",
                             f.type().ToString()));
  }
  const std::array<int64_t, 2> window = {f.shape()[0].constant(), f.shape()[1].constant()};
  absl::Status checked = CheckWindows(x, window, options.stride, options.dilation);
  if (!checked.ok()) {
    return Fail(x, images.location, absl::StrCat("Conv2D: ", checked.message()));
  }
  auto pads = SpatialPads(x, window, options.stride, options.dilation, options.padding);
  if (!pads.ok()) {
    return Fail(x, images.location, absl::StrCat("Conv2D: ", pads.status().message()));
  }
  ir::ConvAttrs attrs;
  attrs.stride = {options.stride[0], options.stride[1]};
  attrs.dilation = {options.dilation[0], options.dilation[1]};
  attrs.pad_low = pads->low;
  attrs.pad_high = pads->high;
  attrs.groups = options.groups;
  return Conv(images, filter, attrs);
}

namespace {

// Attributes for pooling of `images`; an error is recorded and gives nullopt.
std::optional<ir::WindowAttrs> PoolAttrs(const Operand& images, const Pool2DOptions& options,
                                         absl::string_view what, ir::Combiner combiner) {
  Value x = images.value;
  const std::array<int64_t, 2> stride = options.stride.value_or(options.window);
  absl::Status checked = CheckWindows(x, options.window, stride, {1, 1});
  absl::StatusOr<Pads> pads = checked.ok()
                                  ? SpatialPads(x, options.window, stride, {1, 1}, options.padding)
                                  : absl::StatusOr<Pads>(checked);
  if (!pads.ok()) {
    Fail(x, images.location, absl::StrCat(what, ": ", pads.status().message()));
    return std::nullopt;
  }
  ir::WindowAttrs attrs;
  attrs.kind = combiner;
  attrs.window = {1, options.window[0], options.window[1], 1};
  attrs.stride = {1, stride[0], stride[1], 1};
  attrs.dilation = {1, 1, 1, 1};
  attrs.base_dilation = {1, 1, 1, 1};
  attrs.pad_low = {0, pads->low[0], pads->low[1], 0};
  attrs.pad_high = {0, pads->high[0], pads->high[1], 0};
  return attrs;
}

}  // namespace

Value MaxPool2D(Operand images, const Pool2DOptions& options) {
  CallerScope scope(images);
  if (!IsUsable(images)) return images.value;
  auto attrs = PoolAttrs(images, options, "MaxPool2D", ir::Combiner::kMax);
  if (!attrs.has_value()) return Value(images.value.builder(), ir::ValueId());
  return WindowReduce(images, *attrs);
}

Value AveragePool2D(Operand images, const Pool2DOptions& options) {
  CallerScope scope(images);
  if (!IsUsable(images)) return images.value;
  auto attrs = PoolAttrs(images, options, "AveragePool2D", ir::Combiner::kSum);
  if (!attrs.has_value()) return Value(images.value.builder(), ir::ValueId());
  Value sums = WindowReduce(images, *attrs);
  if (options.padding == Padding::kValid) {
    return sums * (1.0 / static_cast<double>(options.window[0] * options.window[1]));
  }
  // How many elements each window covers: the same for every image and channel.
  Value x = images.value;
  Value ones = x.builder()->Full({x.dtype(), {1, x.shape()[1], x.shape()[2], 1}}, 1);
  return sums / WindowReduce(ones, *attrs);
}

}  // namespace tenon
