// Training steps of the kinds of models that memory and compile time are judged by.
#ifndef TENON_TESTS_MEMORY_MODELS_H_
#define TENON_TESTS_MEMORY_MODELS_H_

#include <cstdint>

#include "tenon/ir/graph.h"

namespace tenon::tests {

// A stack of dense layers of one width with tanh between them; loss and gradients.
ir::Graph DeepChain(int layers, int64_t batch, int64_t width);

// Dense layers with Adam, and a small convolutional network with Adam: what Model builds.
ir::Graph MlpStep(int64_t batch);
ir::Graph CnnStep(int64_t batch);

// A language model of the GPT-2 kind, built of primitives, with AdamW.
struct TransformerOptions {
  int layers = 2;
  int64_t width = 32;
  int64_t heads = 4;
  int64_t vocabulary = 61;
  int64_t positions = 16;
  int64_t batch = 2;
};
ir::Graph TransformerStep(const TransformerOptions& options);

}  // namespace tenon::tests

#endif  // TENON_TESTS_MEMORY_MODELS_H_
