// Layer: what every layer is, and the context in which layers build their part of a graph.
//
// A layer is an immutable description. Building it appends ops to a graph, and declares parameters
// and state there under the layer's name: "dense/kernel", "batch_norm_1/moving_mean". Layers are
// named after their kind and numbered in the order in which they are built, so that the graphs for
// training and for inference agree on all names.
//
// A new layer is a header, a source file and a test: a class derived from Layer with an options
// struct, its constructor taking the caller's source location last.
#ifndef TENON_FRONTEND_NN_LAYER_H_
#define TENON_FRONTEND_NN_LAYER_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "tenon/frontend/core.h"
#include "tenon/frontend/poly.h"

namespace tenon::nn {

class Layer;

// One building of a network into one graph.
class LayerContext {
 public:
  // `random_key` is an i64 scalar that is new for every step; needed for training only.
  LayerContext(GraphBuilder& builder, bool training, Value random_key = {})
      : builder_(builder), training_(training), random_key_(random_key) {}
  LayerContext(const LayerContext&) = delete;
  LayerContext& operator=(const LayerContext&) = delete;

  GraphBuilder& builder() { return builder_; }
  bool training() const { return training_; }

  // A trainable tensor of the layer being built. `l2` > 0 adds l2 * sum(w^2) to the loss.
  Value Parameter(absl::string_view name, DType dtype, Shape shape, Initializer init,
                  double l2 = 0);
  // A tensor that is carried from step to step but not trained.
  Value State(absl::string_view name, DType dtype, Shape shape, Initializer init);
  // What a state of the layer being built becomes with this step. Training only, once a state.
  void SetState(absl::string_view name, Value next);

  Value random_key() const { return random_key_; }
  // A number that no other draw of this graph has.
  int64_t NextStream() { return next_stream_++; }

  // Records a mistake in the use of the layer being built, and gives a value to go on with.
  Value Fail(absl::string_view message);

  // What building brought forth, by full name.
  const std::vector<std::string>& parameters() const { return parameters_; }
  const std::vector<std::string>& states() const { return states_; }
  const std::vector<std::pair<std::string, Value>>& state_updates() const { return state_updates_; }
  // The layers in the order in which they were finished, for summaries.
  struct Built {
    std::string name;
    absl::string_view kind;
    ir::TensorType type;                    // of what it gives
    size_t first_parameter, end_parameter;  // its own, in parameters()
  };
  const std::vector<Built>& layers() const { return layers_; }
  // Terms to add to the loss: scalars.
  const std::vector<Value>& penalties() const { return penalties_; }

 private:
  friend class Layer;
  std::string UniqueName(absl::string_view wanted);
  std::string Path(absl::string_view name) const;

  GraphBuilder& builder_;
  const bool training_;
  const Value random_key_;
  int64_t next_stream_ = 0;
  std::string layer_name_;
  SourceLocation location_;
  std::map<std::string, int, std::less<>> name_counts_;
  std::vector<std::string> parameters_, states_;
  std::vector<std::pair<std::string, Value>> state_updates_;
  std::vector<Value> penalties_;
  std::vector<Built> layers_;
};

class Layer {
 public:
  // "dense", "conv2d": what names begin with.
  constexpr virtual absl::string_view kind() const = 0;

  // Appends the layer to the context's graph: the layer applied to `x`.
  Value Apply(LayerContext& context, Value x) const;

 protected:
  constexpr explicit Layer(SourceLocation location) : location_(location) {}
  Layer(const Layer&) = default;
  Layer& operator=(const Layer&) = default;
  // Not virtual: Poly destroys an object as what it is, and activations are to be constants.
  ~Layer() = default;

  // What Apply does once name and source line are set. `x` is sound.
  virtual Value Build(LayerContext& context, Value x) const = 0;
  // The name that the user gave; empty: after the kind.
  virtual absl::string_view name() const { return ""; }
  // False for what only holds other layers and has no name or line of its own.
  virtual bool is_leaf() const { return true; }

 private:
  SourceLocation location_;
};

}  // namespace tenon::nn

#endif  // TENON_FRONTEND_NN_LAYER_H_
