// Compositions: functions of graph values that are no ops of their own but are written in ops.
//
// They cost no op, their gradients come for free, and fusion makes kernels of them. Each is written
// so that it neither overflows nor cancels where the mathematics does not. What they build belongs
// to the line of the caller (or to the layer that calls them).
//
// Images are [batch, height, width, channels], filters [height, width, in / groups, out].
#ifndef TENON_FRONTEND_COMPOSE_H_
#define TENON_FRONTEND_COMPOSE_H_

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "tenon/frontend/core.h"

namespace tenon {

// Makes the ops built while it lives belong to the line of `operand`, unless a line is set already.
class CallerScope {
 public:
  explicit CallerScope(const Operand& operand);
  CallerScope(GraphBuilder* builder, const SourceLocation& location);

 private:
  std::optional<GraphBuilder::ScopedLocation> scope_;
};

// --- Activations

// max(x, 0); the gradient at 0 is that of `max`.
Value Relu(Operand x);
Value LeakyRelu(Operand x, double negative_slope = 0.01);
// log(1 + exp(x)) without overflow.
Value Softplus(Operand x);
// x * sigmoid(x).
Value Silu(Operand x);
// x * Phi(x), by erf.
Value Gelu(Operand x);
// The same by a tanh (Hendrycks & Gimpel, 2016).
Value GeluTanh(Operand x);
// exp(x - max) / sum, along `axis`.
Value Softmax(Operand x, int64_t axis = -1);
// x - LogSumExp(x), along `axis`: finite where Softmax underflows.
Value LogSoftmax(Operand x, int64_t axis = -1);
// log(sum(exp(x))) along `axes`, by way of the maximum.
Value LogSumExp(Operand x, std::vector<int64_t> axes, bool keep_dims = false);

// --- Statistics and normalisation

// The arithmetic mean over `axes` (none: all).
Value Mean(Operand x, std::vector<int64_t> axes = {}, bool keep_dims = false);
// The mean squared deviation from the mean (not the unbiased estimate), in two passes.
Value Variance(Operand x, std::vector<int64_t> axes = {}, bool keep_dims = false);
// (x - mean) / sqrt(variance + epsilon) * scale + offset over the last axis.
Value LayerNorm(Operand x, Operand scale, Operand offset, double epsilon = 1e-5);

// --- Indices and noise

// A new last axis of extent `depth`: 1 at the index, 0 elsewhere (all zeros for an index outside).
Value OneHot(Operand indices, int64_t depth, DType dtype = F32);
// Zero with probability `rate`, else x / (1 - rate). `key` is an i64 scalar, new for every step;
// `stream` tells apart the draws that share a key.
Value Dropout(Operand x, double rate, Operand key, int64_t stream = 0);

// --- Losses by example: what frontend/loss/ takes the mean of

// -y log(sigmoid(x)) - (1 - y) log(1 - sigmoid(x)), element by element, from logits x.
Value SigmoidCrossEntropy(Operand logits, Operand targets);
// -sum(y log_softmax(x)) over the last axis.
Value SoftmaxCrossEntropy(Operand logits, Operand targets);
// The same for integer labels, which have one dimension fewer than the logits; 0 for a label that
// is no class.
Value SparseSoftmaxCrossEntropy(Operand logits, Operand labels);

// --- Convolution and pooling in two dimensions

// How windows meet the border, with Keras' and TensorFlow's meaning: kValid stays inside; kSame
// pads so that the output extent is ceil(extent / stride), the odd element of padding going last.
enum class Padding : uint8_t { kValid, kSame };

struct Conv2DOptions {
  std::array<int64_t, 2> stride = {1, 1};
  std::array<int64_t, 2> dilation = {1, 1};
  Padding padding = Padding::kValid;
  int64_t groups = 1;
};
Value Conv2D(Operand images, Operand filter, const Conv2DOptions& options = {});

struct Pool2DOptions {
  std::array<int64_t, 2> window = {2, 2};
  std::optional<std::array<int64_t, 2>> stride = {};  // absent: the window
  Padding padding = Padding::kValid;
};
Value MaxPool2D(Operand images, const Pool2DOptions& options = {});
// Elements of the padding do not count.
Value AveragePool2D(Operand images, const Pool2DOptions& options = {});

}  // namespace tenon

#endif  // TENON_FRONTEND_COMPOSE_H_
