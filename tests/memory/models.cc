#include "tests/memory/models.h"

#include <cmath>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tenon/frontend/tenon.h"
#include "tenon/ir/check.h"

namespace tenon::tests {

namespace {

using Outputs = std::vector<std::pair<std::string, Value>>;

// A graph that returns "loss", with its gradients and an AdamW update of all parameters.
Graph WithAdamW(const Graph& forward) {
  std::vector<std::string> parameters;
  for (const ir::Input& input : forward.inputs()) {
    if (input.kind == ir::InputKind::kParameter) parameters.push_back(input.name);
  }
  Graph graph = Differentiate(forward, {.loss = "loss", .wrt = parameters}).value();
  const std::vector<ir::Output> had = graph.outputs();
  const std::vector<ir::Input> inputs = graph.inputs();
  std::unique_ptr<GraphBuilder> b = GraphBuilder::Continue(std::move(graph));
  std::map<std::string, Value> value;
  for (const ir::Input& input : inputs) value[input.name] = b->ValueOf(input.value);
  for (const ir::Output& output : had) value[output.name] = b->ValueOf(output.value);
  Outputs outputs = {{"loss", value["loss"]}};
  for (const std::string& name : parameters) {
    Value p = value[name], g = value["grad/" + name];
    Value m = b->State(name + "/m", F32, p.shape()), v = b->State(name + "/v", F32, p.shape());
    Value next_m = m * 0.9 + g * 0.1, next_v = v * 0.999 + g * g * 0.001;
    Value next = p - (next_m / (Sqrt(next_v) + 1e-8) + p * 0.01) * 1e-3;
    for (const auto& [slot, next_value] :
         Outputs{{name, next}, {name + "/m", next_m}, {name + "/v", next_v}}) {
      outputs.emplace_back(slot, next_value);
      b->Donate(slot, slot);
    }
  }
  return b->Build(std::move(outputs)).value();
}

Value Dense(Value x, const std::string& name, int64_t outputs) {
  GraphBuilder& b = *x.builder();
  Shape shape = {x.shape().back(), outputs};
  Value w = b.Parameter(name + "/w", F32, std::move(shape), init::Normal(0, 0.02));
  return Contract("bsk,kn->bsn", x, w) + b.Parameter(name + "/b", F32, {outputs});
}

Value Norm(Value x, const std::string& name) {
  GraphBuilder& b = *x.builder();
  return LayerNorm(x, b.Parameter(name + "/scale", F32, {x.shape().back()}, init::Constant(1)),
                   b.Parameter(name + "/offset", F32, {x.shape().back()}));
}

Value Attention(Value x, const std::string& name, const TransformerOptions& o) {
  GraphBuilder& b = *x.builder();
  const int64_t depth = o.width / o.heads;
  Value qkv =
      Reshape(Dense(x, name + "/qkv", 3 * o.width), {o.batch, o.positions, 3, o.heads, depth});
  auto part = [&](int64_t i) {
    return Reshape(Slice(qkv, {0, 0, i, 0, 0}, {o.batch, o.positions, i + 1, o.heads, depth}),
                   {o.batch, o.positions, o.heads, depth});
  };
  Value scores =
      Contract("bqhd,bkhd->bhqk", part(0), part(1)) * (1 / std::sqrt(static_cast<double>(depth)));
  const ir::TensorType places{DType::kI32, {o.positions, o.positions}};
  Value visible = BroadcastTo(Ge(b.Iota(places, 0), b.Iota(places, 1)), scores.shape());
  Value weights = Softmax(Select(visible, scores, b.Full(scores.type(), -1e9)));
  Value mixed = Contract("bhqk,bkhd->bqhd", weights, part(2));
  return Dense(Reshape(mixed, x.shape()), name + "/out", o.width);
}

Graph TrainingGraph(nn::Sequential net, Dims row, int64_t batch) {
  Model model(net, {.loss = loss::SparseCategoricalCrossEntropy({.from_logits = true}),
                    .optimizer = optim::Adam()});
  const absl::Status status = model.Build(F32, row);
  TENON_CHECK(status.ok());
  return model.TrainingGraph(RowType{I64, {}}, batch).value();
}

}  // namespace

Graph DeepChain(int layers, int64_t batch, int64_t width) {
  GraphBuilder b("chain");
  Value x = b.Input("x", F32, {batch, width});
  std::vector<std::string> parameters;
  for (int i = 0; i < layers; ++i) {
    parameters.push_back(absl::StrCat("w", i));
    Value w = b.Parameter(parameters.back(), F32, {width, width}, init::GlorotUniform());
    x = Tanh(Contract("mk,kn->mn", x, w));
  }
  const Graph graph = b.Build({{"loss", ReduceMean(x * x)}}).value();
  return Differentiate(graph, {.loss = "loss", .wrt = parameters}).value();
}

Graph MlpStep(int64_t batch) {
  return TrainingGraph({nn::Dense(512, nn::Relu), nn::Dense(256, nn::Relu), nn::Dense(10)}, {784},
                       batch);
}

Graph CnnStep(int64_t batch) {
  return TrainingGraph(
      {nn::Conv2D(8, {3, 3}, {.activation = nn::Relu, .padding = Padding::kSame}), nn::MaxPool2D(),
       nn::Conv2D(16, {3, 3}, {.activation = nn::Relu, .padding = Padding::kSame}), nn::MaxPool2D(),
       nn::Flatten(), nn::Dense(32, nn::Relu), nn::Dense(10)},
      {12, 12, 1}, batch);
}

Graph TransformerStep(const TransformerOptions& o) {
  GraphBuilder b("transformer");
  Value tokens = b.Input("tokens", I64, {o.batch, o.positions});
  Value targets = b.Input("targets", I64, {o.batch, o.positions});
  Value embedding = b.Parameter("embedding", F32, {o.vocabulary, o.width}, init::Normal(0, 0.02));
  Value places = b.Parameter("places", F32, {o.positions, o.width}, init::Normal(0, 0.02));
  Value x = Gather(embedding, tokens, 0) + places;
  for (int i = 0; i < o.layers; ++i) {
    const std::string name = absl::StrCat("layer", i);
    x = x + Attention(Norm(x, name + "/norm1"), name, o);
    Value hidden = Gelu(Dense(Norm(x, name + "/norm2"), name + "/up", 4 * o.width));
    x = x + Dense(hidden, name + "/down", o.width);
  }
  Value logits = Contract("bsd,vd->bsv", Norm(x, "norm"), embedding);
  Value loss = Mean(SparseSoftmaxCrossEntropy(logits, targets));
  return WithAdamW(b.Build({{"loss", loss}}).value());
}

}  // namespace tenon::tests
