#include "benchmarks/gpt2.h"

#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tenon/frontend/compile.h"
#include "tenon/frontend/compose.h"
#include "tenon/ir/check.h"

namespace tenon::bench {
namespace {

class Gpt2 {
 public:
  Gpt2(GraphBuilder& b, const Gpt2Config& config) : b_(b), c_(config) {}

  Value Loss() {
    const Shape ids = {c_.batch, c_.tokens};
    Value tokens = b_.Input("tokens", I64, ids), targets = b_.Input("targets", I64, ids);
    Value embedding = b_.Parameter("wte", F32, {c_.vocabulary, c_.width}, init::Normal(0, 0.02));
    Value positions = b_.Parameter("wpe", F32, {c_.context, c_.width}, init::Normal(0, 0.01));
    Value h = Gather(embedding, tokens, 0) + Gather(positions, b_.Iota({I64, {c_.tokens}}, 0), 0);
    for (int64_t layer = 0; layer < c_.layers; ++layer) {
      const std::string at = absl::StrCat("h", layer, "/");
      h = h + Attention(at + "attention/", Norm(at + "norm1/", h));
      h = h + Mlp(at + "mlp/", Norm(at + "norm2/", h));
    }
    h = Norm("norm/", h);
    return ReduceMean(SparseSoftmaxCrossEntropy(Contract("btc,vc->btv", h, embedding), targets));
  }

 private:
  // Parameters are declared in statements of their own: arguments have no order.
  Value Norm(const std::string& at, Value x) {
    Value scale = b_.Parameter(at + "scale", F32, {c_.width}, init::Constant(1));
    Value offset = b_.Parameter(at + "offset", F32, {c_.width});
    return LayerNorm(x, scale, offset);
  }
  Value Dense(const std::string& at, Value x, int64_t in, int64_t out) {
    Value w = b_.Parameter(at + "w", F32, {in, out}, init::Normal(0, 0.02));
    Value bias = b_.Parameter(at + "b", F32, {out});
    return Contract("bti,io->bto", x, w) + bias;
  }
  Value Mlp(const std::string& at, Value x) {
    return Dense(at + "out/", GeluTanh(Dense(at + "in/", x, c_.width, 4 * c_.width)), 4 * c_.width,
                 c_.width);
  }
  Value Attention(const std::string& at, Value x) {
    const int64_t size = c_.width / c_.heads;
    Value qkv = Dense(at + "qkv/", x, c_.width, 3 * c_.width);
    const auto part = [&](int64_t i) {
      Value p = Slice(qkv, {0, 0, i * c_.width}, {c_.batch, c_.tokens, (i + 1) * c_.width});
      return Reshape(p, {c_.batch, c_.tokens, c_.heads, size});
    };
    Value scores =
        Contract("bqhd,bkhd->bhqk", part(0), part(1)) * (1 / std::sqrt(static_cast<double>(size)));
    const ir::TensorType square = {I64, {c_.tokens, c_.tokens}};
    Value visible = Le(b_.Iota(square, 1), b_.Iota(square, 0));
    Value weights =
        Softmax(Select(BroadcastTo(visible, scores.shape()), scores,
                       b_.Full(scores.type(), -std::numeric_limits<double>::infinity())));
    Value mixed = Contract("bhqk,bkhd->bqhd", weights, part(2));
    return Dense(at + "out/", Reshape(mixed, {c_.batch, c_.tokens, c_.width}), c_.width, c_.width);
  }

  GraphBuilder& b_;
  const Gpt2Config& c_;
};

}  // namespace

Gpt2Config TinyGpt2() {
  return {.layers = 2,
          .heads = 2,
          .width = 16,
          .vocabulary = 31,
          .context = 12,
          .batch = 2,
          .tokens = 8};
}

absl::StatusOr<Graph> BuildGpt2Loss(const Gpt2Config& config) {
  GraphBuilder b("gpt2");
  return b.Build({{"loss", Gpt2(b, config).Loss()}});
}

absl::StatusOr<Graph> BuildGpt2Step(const Gpt2Config& config, const optim::AdamOptions& options) {
  TENON_ASSIGN_OR_RETURN(const Graph forward, BuildGpt2Loss(config));
  std::vector<std::string> parameters;
  for (const ir::Input& input : forward.inputs()) {
    if (input.kind == ir::InputKind::kParameter) parameters.push_back(input.name);
  }
  TENON_ASSIGN_OR_RETURN(Graph graph, Differentiate(forward, {.loss = "loss", .wrt = parameters}));
  std::map<std::string, Value> values;
  const std::vector<ir::Output> had = graph.outputs();
  const std::vector<ir::Input> inputs = graph.inputs();
  const std::unique_ptr<GraphBuilder> b = GraphBuilder::Continue(std::move(graph));
  for (const ir::Input& input : inputs) values[input.name] = b->ValueOf(input.value);
  for (const ir::Output& output : had) values[output.name] = b->ValueOf(output.value);

  std::vector<std::pair<std::string, Value>> outputs = {{"loss", values["loss"]}};
  const auto update = [&](const std::string& name, Value next) {
    outputs.emplace_back(name, next);
    b->Donate(name, name);
  };
  const optim::Adam adam(options);
  Value next_step = b->State("train/step", I64, {}) + 1;
  update("train/step", next_step);
  Value step = Cast(next_step, F32), rate = b->Scalar(F32, options.learning_rate);
  for (const std::string& name : parameters) {
    optim::UpdateContext context{*b, values[name], values["grad/" + name], rate, step, {}, {}};
    for (const std::string& slot : adam.slots()) {
      context.slots[slot] = b->State(absl::StrCat(name, "/", slot), F32, context.parameter.shape());
    }
    update(name, adam.Update(context));
    for (const auto& [slot, next] : context.next_slots) update(absl::StrCat(name, "/", slot), next);
  }
  return b->Build(std::move(outputs));
}

Tensor Gpt2InitialValue(const ir::Input& input, const ir::TensorType& type, int parameter,
                        const Gpt2Config& config) {
  Dims dims;
  for (const Dim& d : type.dims) dims.push_back(d.constant());
  Tensor t(type.dtype, dims);
  if (input.kind == ir::InputKind::kParameter) {
    const double one = absl::EndsWith(input.name, "scale") ? 1 : 0;
    for (int64_t i = 0; i < t.num_elements(); ++i) {
      const double x = 0.7548776662 * static_cast<double>(i + 1) + 0.5698402910 * parameter;
      t.SetFromDouble(i, one + 0.08 * (x - std::floor(x) - 0.5));
    }
  } else if (input.kind == ir::InputKind::kInput) {
    const int64_t first = input.name == "targets" ? 1 : 0;
    for (int64_t i = 0; i < t.num_elements(); ++i) {
      const int64_t at = i + first;
      t.SetFromDouble(i, static_cast<double>((at * at * 31 + 7 * at) % config.vocabulary));
    }
  }
  return t;
}

}  // namespace tenon::bench
