#include "tenon/frontend/model_graph.h"

#include <map>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tenon/frontend/compile.h"
#include "tenon/frontend/model_impl.h"
#include "tenon/ir/check.h"

namespace tenon {

namespace {

using Outputs = std::vector<std::pair<std::string, Value>>;

constexpr char kSeed[] = "train/seed";
constexpr char kLearningRate[] = "train/learning_rate";

Value BatchInput(GraphBuilder& b, const std::string& name, const RowType& row, int64_t max_batch,
                 const SourceLocation& location) {
  Shape shape = {Dim("n").AtMost(max_batch)};
  for (int64_t d : row.dims) shape.push_back(d);
  return b.Input(name, row.dtype, std::move(shape), location);
}

// Integers are features as well: they enter the network as f32.
Value AsFeatures(Value x) { return ir::IsFloat(x.dtype()) ? x : Cast(x, F32); }

// The loss of a batch, and the metrics' counts after it; the latter are appended to `outputs`.
Value AddLossAndMetrics(GraphBuilder& b, const ModelParts& parts, const nn::LayerContext& context,
                        Value prediction, Value y, Outputs& outputs) {
  GraphBuilder::ScopedLocation scope(b, ir::Location(parts.location));
  Value loss = ReduceMean(parts.loss.PerExample(prediction, y));
  for (Value penalty : context.penalties()) loss = loss + penalty;
  if (loss.ok() && loss.dtype() != F32) loss = Cast(loss, F32);
  const std::vector<std::string> names = MetricStateNames(parts.metrics);
  for (size_t i = 0; i < names.size(); ++i) {
    Value count = parts.metrics[i]->Count(prediction, y);
    if (!count.ok()) continue;
    Value before = b.State(names[i], I64, count.shape(), {}, parts.location);
    outputs.emplace_back(names[i], before + count);
    b.Donate(names[i], names[i]);
  }
  return loss;
}

// Gradients are taken of the forward graph; then its builder continues with the optimizer.
struct ForwardGraph {
  Graph graph;
  std::vector<std::string> parameters;
};

absl::StatusOr<ForwardGraph> BuildForward(const ModelParts& parts, const RowType& x,
                                          const RowType& y, int64_t max_batch) {
  GraphBuilder b("train");
  Value features = AsFeatures(BatchInput(b, "x", x, max_batch, parts.location));
  Value target = BatchInput(b, "y", y, max_batch, parts.location);
  Value step = b.State(kStep, I64, {}, {}, parts.location);
  Value seed = b.State(kSeed, I64, {}, {}, parts.location);
  nn::LayerContext context(b, /*training=*/true, seed + step);
  Value prediction = parts.net.Apply(context, features);
  Outputs outputs;
  Value loss = AddLossAndMetrics(b, parts, context, prediction, target, outputs);
  outputs.insert(outputs.begin(), {"loss", loss});
  for (const auto& [name, next] : context.state_updates()) {
    outputs.emplace_back(name, next);
    b.Donate(name, name);
  }
  TENON_ASSIGN_OR_RETURN(Graph graph, b.Build(std::move(outputs)));
  return ForwardGraph{std::move(graph), context.parameters()};
}

}  // namespace

std::vector<std::string> MetricStateNames(const std::vector<Poly<metric::Metric>>& metrics) {
  std::vector<std::string> names;
  std::map<std::string, int> counts;
  for (const Poly<metric::Metric>& metric : metrics) {
    const int count = counts[metric->name()]++;
    names.push_back(absl::StrCat("metric/", metric->name()));
    if (count > 0) absl::StrAppend(&names.back(), "_", count);
  }
  return names;
}

absl::StatusOr<PredictGraph> BuildPredictGraph(const nn::Layer& net, const RowType& x,
                                               int64_t max_batch) {
  GraphBuilder b("predict");
  Value features = AsFeatures(BatchInput(b, "x", x, max_batch, SourceLocation::current()));
  nn::LayerContext context(b, /*training=*/false);
  Value prediction = net.Apply(context, features);
  const ir::TensorType type = prediction.type();
  TENON_ASSIGN_OR_RETURN(Graph graph, b.Build({{"prediction", prediction}}));
  return PredictGraph{std::move(graph), type, context.layers(), context.parameters(),
                      context.states()};
}

absl::StatusOr<Graph> BuildEvaluateGraph(const ModelParts& parts, const RowType& x,
                                         const RowType& y, int64_t max_batch) {
  GraphBuilder b("evaluate");
  Value features = AsFeatures(BatchInput(b, "x", x, max_batch, parts.location));
  Value target = BatchInput(b, "y", y, max_batch, parts.location);
  nn::LayerContext context(b, /*training=*/false);
  Value prediction = parts.net.Apply(context, features);
  Outputs outputs;
  Value loss = AddLossAndMetrics(b, parts, context, prediction, target, outputs);
  outputs.insert(outputs.begin(), {"loss", loss});
  return b.Build(std::move(outputs));
}

absl::StatusOr<Graph> BuildTrainGraph(const ModelParts& parts, const RowType& x, const RowType& y,
                                      int64_t max_batch) {
  TENON_ASSIGN_OR_RETURN(ForwardGraph forward, BuildForward(parts, x, y, max_batch));
  const std::vector<std::string>& parameters = forward.parameters;
  if (parameters.empty()) return absl::InvalidArgumentError("the model has nothing to train");
  TENON_ASSIGN_OR_RETURN(Graph graph,
                         Differentiate(forward.graph, {.loss = "loss", .wrt = parameters}));
  const std::vector<ir::Output> had = graph.outputs();
  const std::vector<ir::Input> inputs = graph.inputs();
  std::unique_ptr<GraphBuilder> b = GraphBuilder::Continue(std::move(graph));
  GraphBuilder::ScopedLocation scope(*b, ir::Location(parts.location));

  std::map<std::string, Value> before, outputs_by_name;
  for (const ir::Input& input : inputs) before[input.name] = b->ValueOf(input.value);
  Outputs outputs;
  for (const ir::Output& output : had) {
    outputs_by_name[output.name] = b->ValueOf(output.value);
    if (output.name.rfind("grad/", 0) == 0) continue;
    outputs.emplace_back(output.name, b->ValueOf(output.value));
    if (output.donated_input >= 0) b->Donate(output.name, inputs[output.donated_input].name);
  }
  auto update = [&](const std::string& name, Value next) {
    outputs.emplace_back(name, next);
    b->Donate(name, name);
  };
  Value next_step = before[kStep] + 1;
  update(kStep, next_step);
  Value learning_rate = b->State(kLearningRate, F32, {},
                                 init::Constant(parts.optimizer.learning_rate()), parts.location);
  Value step = Cast(next_step, F32);
  for (const std::string& name : parameters) {
    optim::UpdateContext context{
        *b, before[name], outputs_by_name["grad/" + name], learning_rate, step, {}, {}};
    for (const std::string& slot : parts.optimizer.slots()) {
      const ir::TensorType& type = context.parameter.type();
      context.slots[slot] =
          b->State(absl::StrCat(name, "/", slot), type.dtype, type.dims, {}, parts.location);
    }
    Value next = parts.optimizer.Update(context);
    update(name, next);
    for (const auto& [slot, value] : context.next_slots) {
      update(absl::StrCat(name, "/", slot), value);
    }
  }
  return b->Build(std::move(outputs));
}

}  // namespace tenon
