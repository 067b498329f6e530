// Contractions, rows, element-wise functions and optimizers, each a graph of its own.
#include <string>
#include <vector>

#include "benchmarks/workloads.h"
#include "tenon/frontend/compose.h"
#include "tenon/frontend/optim/adam.h"

namespace tenon::bench {

Tensor RandomValue(const ir::Input& input, const ir::TensorType& type, int number) {
  Dims dims;
  for (const Dim& d : type.dims) dims.push_back(d.constant());
  Tensor t(type.dtype, dims);
  const bool is_moment = input.name.size() > 2 && input.name.substr(input.name.size() - 2) == "/v";
  if (type.dtype == F32 && !is_moment) {
    FillRandom(t.mutable_data<float>().data(), t.num_elements(), static_cast<uint32_t>(number + 1));
  } else if (ir::IsFloat(type.dtype) && !is_moment) {
    std::vector<float> values(t.num_elements());
    FillRandom(values.data(), t.num_elements(), static_cast<uint32_t>(number + 1));
    for (int64_t i = 0; i < t.num_elements(); ++i) t.SetFromDouble(i, values[i]);
  }
  return t;
}

void ServeGraph(const Graph& graph, int threads, Served* served, int compilations,
                const InitialValue& initial) {
  ir::GraphBuilder b("warm_up");
  OrDie(Program::Compile(OrDie(b.Build({{"y", b.Input("x", F32, {16}) + 1}}))));
  auto bound = std::make_shared<Bound>();
  for (int i = 0; i < compilations; ++i) {
    const double start = Now();
    bound->program = std::make_unique<Program>(OrDie(Program::Compile(graph)));
    served->compile_s.push_back(Now() - start);
  }
  bound->team = std::make_unique<runtime::Team>(threads);
  bound->instance = std::make_unique<Instance>(bound->program->NewInstance(bound->team.get()));
  std::vector<bool> donated(graph.inputs().size());
  for (const ir::Output& output : graph.outputs()) {
    if (output.donated_input >= 0) donated[output.donated_input] = true;
  }
  bound->tensors.reserve(graph.inputs().size());
  int number = 0;
  for (size_t i = 0; i < graph.inputs().size(); ++i) {
    const ir::Input& input = graph.inputs()[i];
    bound->tensors.push_back(initial(input, graph.type(input.value), number));
    if (input.kind != ir::InputKind::kInput) ++number;
    OrDie(donated[i]
              ? bound->instance->BindMutable(input.name, bound->tensors.back().mutable_view())
              : bound->instance->BindInput(input.name, bound->tensors.back()));
  }
  OrDie(bound->instance->Run());
  served->run = [bound](int64_t steps) {
    for (int64_t i = 0; i < steps; ++i) OrDie(bound->instance->Run());
  };
}

namespace {

Served Gemm(const WorkloadName& name, int threads, DType dtype) {
  GraphBuilder b("gemm");
  Value x = b.Input("a", dtype, {name.sizes[0], name.sizes[2]});
  Value w = b.Input("b", dtype, {name.sizes[2], name.sizes[1]});
  Served served = TenonServed();
  ServeGraph(OrDie(b.Build({{"c", MatMul(x, w)}})), threads, &served);
  return served;
}

// bf16 operands, B a parameter (so packed once, in `prepare`), f32 sums and bias, C in bf16.
Served GemmGelu(const WorkloadName& name, int threads) {
  const int64_t m = name.sizes[0], n = name.sizes[1], k = name.sizes[2];
  GraphBuilder b("gemm_gelu");
  Value x = b.Input("a", BF16, {m, k});
  Value w = b.Parameter("b", BF16, {k, n});
  Value bias = b.Parameter("bias", F32, {n});
  Value c = Cast(Gelu(Contract("mk,kn->mn", x, w, /*wide=*/true) + bias), BF16);
  Served served = TenonServed();
  ServeGraph(OrDie(b.Build({{"c", c}})), threads, &served);
  return served;
}

Graph LayerNormGraph(const WorkloadName& name) {
  GraphBuilder b("layer_norm");
  const int64_t rows = name.sizes[0], width = name.sizes[1];
  Value x = b.Input("x", F32, {rows, width});
  Value scale = b.Parameter("scale", F32, {width});
  Value offset = b.Parameter("offset", F32, {width});
  return OrDie(b.Build({{"y", LayerNorm(x, scale, offset)}}));
}

Served LayerNormForward(const WorkloadName& name, int threads) {
  Served served = TenonServed();
  ServeGraph(LayerNormGraph(name), threads, &served);
  return served;
}

// dx, dscale and doffset from x, scale and dy.
Served LayerNormBackward(const WorkloadName& name, int threads) {
  const Graph forward = LayerNormGraph(name);
  const std::unique_ptr<GraphBuilder> b = GraphBuilder::Continue(forward);
  Value dy = b->Input("dy", F32, {name.sizes[0], name.sizes[1]});
  Value y = b->ValueOf(forward.outputs()[0].value);
  const Graph loss = OrDie(b->Build({{"loss", ReduceSum(y * dy)}}));
  Graph graph = OrDie(Differentiate(loss, {.loss = "loss", .wrt = {"x", "scale", "offset"}}));
  // The loss itself is not asked for.
  std::vector<ir::Output> outputs = graph.outputs();
  graph.ClearOutputs();
  for (const ir::Output& output : outputs) {
    if (output.name != "loss") graph.AddOutput(output.name, output.value);
  }
  Served served = TenonServed();
  ServeGraph(graph, threads, &served);
  return served;
}

Served Unary(const WorkloadName& name, int threads, Value (*function)(Value)) {
  GraphBuilder b("unary");
  Shape shape;
  for (int64_t d : name.sizes) shape.push_back(d);
  Value x = b.Input("x", F32, shape);
  Served served = TenonServed();
  ServeGraph(OrDie(b.Build({{"y", function(x)}})), threads, &served);
  return served;
}

// One AdamW step of a tensor, all four arrays of it in memory.
Served AdamW(const WorkloadName& name, int threads) {
  GraphBuilder b("adamw");
  const Shape shape = {name.sizes[0]};
  const optim::Adam adam({.epsilon = 1e-8, .weight_decay = 0.01});
  Value p = b.Parameter("p", F32, shape), g = b.Input("g", F32, shape);
  Value step = b.Input("step", F32, {});
  optim::UpdateContext context{b, p, g, b.Scalar(F32, 1e-3), step, {}, {}};
  for (const std::string& slot : adam.slots()) {
    context.slots[slot] = b.State("p/" + slot, F32, shape);
  }
  std::vector<std::pair<std::string, Value>> outputs = {{"p", adam.Update(context)}};
  for (const auto& [slot, next] : context.next_slots) outputs.emplace_back("p/" + slot, next);
  for (const auto& [output, value] : outputs) b.Donate(output, output);
  Served served = TenonServed();
  ServeGraph(OrDie(b.Build(std::move(outputs))), threads, &served, 3,
             [](const ir::Input& input, const ir::TensorType& type, int number) {
               Tensor t = RandomValue(input, type, number);
               if (input.name == "step") t.SetFromDouble(0, 1000);
               return t;
             });
  return served;
}

}  // namespace

WorkloadList KernelWorkloads() {
  return {
      {"gemm", [](const WorkloadName& n, int t) { return Gemm(n, t, F32); }},
      {"gemm_f64", [](const WorkloadName& n, int t) { return Gemm(n, t, F64); }},
      {"gemm_bf16_gelu", GemmGelu},
      {"layer_norm", LayerNormForward},
      {"layer_norm_grad", LayerNormBackward},
      {"softmax", [](const WorkloadName& n,
                     int t) { return Unary(n, t, [](Value x) { return Softmax(x); }); }},
      {"gelu",
       [](const WorkloadName& n, int t) { return Unary(n, t, [](Value x) { return Gelu(x); }); }},
      {"adamw", AdamW},
  };
}

}  // namespace tenon::bench
