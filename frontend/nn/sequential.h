// Sequential: layers one after the other.
//
//   nn::Sequential net{nn::Dense(64, nn::Relu), nn::Dense(1)};
#ifndef TENON_FRONTEND_NN_SEQUENTIAL_H_
#define TENON_FRONTEND_NN_SEQUENTIAL_H_

#include <initializer_list>
#include <vector>

#include "tenon/frontend/nn/layer.h"

namespace tenon::nn {

// A layer itself, so that it nests; it adds nothing to names.
class Sequential final : public Layer {
 public:
  Sequential(std::initializer_list<Poly<Layer>> layers)
      : Layer(SourceLocation()), layers_(layers) {}
  explicit Sequential(std::vector<Poly<Layer>> layers)
      : Layer(SourceLocation()), layers_(std::move(layers)) {}

  absl::string_view kind() const override { return "sequential"; }
  void Add(Poly<Layer> layer) { layers_.push_back(std::move(layer)); }
  const std::vector<Poly<Layer>>& layers() const { return layers_; }

 protected:
  Value Build(LayerContext& context, Value x) const override;
  bool is_leaf() const override { return false; }

 private:
  std::vector<Poly<Layer>> layers_;
};

}  // namespace tenon::nn

#endif  // TENON_FRONTEND_NN_SEQUENTIAL_H_
