#include "tests/frontend/nn/support.h"

#include "gtest/gtest.h"

namespace tenon::testing {

std::map<std::string, Tensor> RunLayer(const nn::Layer& layer, const std::string& name,
                                       const std::vector<std::string>& weight_names,
                                       bool training) {
  const Tensor x = Reference(name + "/x");
  GraphBuilder b("layer");
  Value key = b.Input("key", I64, {});
  nn::LayerContext context(b, training, key);
  Value y = layer.Apply(context, b.Input("x", F32, Shape(x.dims().begin(), x.dims().end())));
  std::vector<std::pair<std::string, Value>> outputs = {{"y", y}};
  for (const auto& update : context.state_updates()) outputs.push_back(update);
  absl::StatusOr<Graph> graph = b.Build(outputs);
  EXPECT_TRUE(graph.ok()) << graph.status();
  auto program = Program::Compile(*graph, {.backend = Backend::kInterpreter});
  EXPECT_TRUE(program.ok()) << program.status();
  std::vector<Tensor> tensors = {x, Tensor(DType::kI64, {})};
  std::map<std::string, TensorView> inputs = {{"x", tensors[0]}, {"key", tensors[1]}};
  tensors.reserve(2 + weight_names.size());
  for (size_t i = 0; i < weight_names.size(); ++i) {
    tensors.push_back(Reference(name + "/w" + std::to_string(i)));
    inputs.emplace(weight_names[i], tensors.back());
  }
  auto result = program->Run(inputs);
  EXPECT_TRUE(result.ok()) << result.status();
  return result.ok() ? *result : std::map<std::string, Tensor>{};
}

void ExpectKeras(const nn::Layer& layer, const std::string& name,
                 const std::vector<std::string>& weight_names) {
  SCOPED_TRACE(name);
  const auto outputs = RunLayer(layer, name, weight_names);
  ASSERT_EQ(outputs.count("y"), 1u);
  ExpectNear(outputs.at("y"), Reference(name + "/y"), kLayerRelative, kLayerAbsolute);
}

std::string ErrorOf(const nn::Layer& layer, const Shape& shape) {
  GraphBuilder b("bad");
  nn::LayerContext context(b, false);
  Value y = layer.Apply(context, b.Input("x", F32, shape));
  return std::string(b.Build({{"y", y}}).status().message());
}

}  // namespace tenon::testing
