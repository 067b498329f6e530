// GPT-2 (Radford et al., 2019) and its training step, built of primitives: what the benchmarks use
// as a large model, and nothing that a user could not write.
//
// Token and learned position embeddings by gather; pre-norm blocks of causal self-attention
// (written out: two contractions and a softmax) and an MLP with GELU by tanh; a last layer norm;
// the output head is the token embedding; mean cross-entropy; AdamW (optim::Adam with weight decay)
// over all parameters. f32, no dropout.
#ifndef TENON_BENCHMARKS_GPT2_H_
#define TENON_BENCHMARKS_GPT2_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "tenon/frontend/core.h"
#include "tenon/frontend/optim/adam.h"
#include "tenon/frontend/tensor.h"

namespace tenon::bench {

// The defaults: GPT-2 "small", 124,439,808 parameters, on 4 sequences of 256 tokens.
struct Gpt2Config {
  int64_t layers = 12;
  int64_t heads = 12;
  int64_t width = 768;
  int64_t vocabulary = 50257;
  int64_t context = 1024;  // rows of the position embedding
  int64_t batch = 4;
  int64_t tokens = 256;  // a sequence
};

// 2 layers of width 16: runs in an instant, for checks.
Gpt2Config TinyGpt2();

// Inputs "tokens" and "targets" (i64[batch, tokens]); output "loss" (f32[]).
absl::StatusOr<Graph> BuildGpt2Loss(const Gpt2Config& config);

// The same with gradients and the optimizer. Further inputs "<parameter>/m", "<parameter>/v",
// "train/step" (i64, steps done so far); all of them, and the parameters, are donated to outputs
// of the same names.
absl::StatusOr<Graph> BuildGpt2Step(const Gpt2Config& config,
                                    const optim::AdamOptions& options = {.learning_rate = 3e-4,
                                                                         .epsilon = 1e-8,
                                                                         .weight_decay = 0.1});

// Values that do not depend on any generator of random numbers, so that other programs can make the
// same: element i of the parameter that is number p (from 0, in the graph's order) is
// frac(0.7548776662 (i + 1) + 0.5698402910 p) - 0.5, times 0.08; 1 more in a layer norm's scale.
// Moments and the step are 0. Token i of a batch is (i * i * 31 + 7 * i) mod vocabulary, its target
// token i + 1 of the same row of numbers.
Tensor Gpt2InitialValue(const ir::Input& input, const ir::TensorType& type, int parameter,
                        const Gpt2Config& config);

}  // namespace tenon::bench

#endif  // TENON_BENCHMARKS_GPT2_H_
