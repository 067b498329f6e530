#include "tenon/passes/grad/grad.h"

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tenon/ir/builder.h"
#include "tenon/ir/check.h"
#include "tenon/ir/suggest.h"
#include "tenon/passes/grad/activity.h"
#include "tenon/passes/grad/level.h"
#include "tenon/passes/graph_copy.h"
#include "tenon/passes/simplify/inline.h"

namespace tenon::passes {

using ir::Graph;
using ir::GraphBuilder;
using ir::TensorType;
using ir::Value;
using ir::ValueId;

namespace {

template <typename Ports>
std::string Names(const Ports& ports) {
  return absl::StrJoin(ports, ", ", [](std::string* out, const auto& p) { *out += p.name; });
}

void CheckLoss(const Graph& graph, const GradOptions& options, std::vector<std::string>& errors) {
  const int index = graph.FindOutput(options.loss);
  if (index < 0) {
    errors.push_back(absl::StrCat("no output is named \"", options.loss,
                                  "\"; there are: ", Names(graph.outputs())));
    return;
  }
  const TensorType& type = graph.type(graph.outputs()[index].value);
  if (!ir::IsFloat(type.dtype) || type.rank() != 0) {
    errors.push_back(absl::StrCat("the loss \"", options.loss,
                                  "\" must be a scalar of a float type, ", "but it is ",
                                  type.ToString()));
  }
}

void CheckInputs(const Graph& graph, const GradOptions& options, std::vector<std::string>& errors) {
  std::set<std::string> seen;
  for (const std::string& name : options.wrt) {
    const int index = graph.FindInput(name);
    if (index < 0) {
      errors.push_back(
          absl::StrCat("no input is named \"", name, "\"; there are: ", Names(graph.inputs())));
      continue;
    }
    const ir::Input& input = graph.inputs()[index];
    const TensorType& type = graph.type(input.value);
    if (!ir::IsFloat(type.dtype)) {
      errors.push_back(absl::StrCat(input.location.ToString(), ": input \"", name, "\" is ",
                                    type.ToString(), ": only floats have gradients"));
    }
    if (!seen.insert(name).second) {
      errors.push_back(absl::StrCat("input \"", name, "\" is listed twice"));
    }
    const std::string output = absl::StrCat(options.prefix, name);
    if (graph.FindOutput(output) >= 0) {
      errors.push_back(absl::StrCat("an output \"", output, "\" exists already: choose another ",
                                    "prefix for the gradients"));
    }
  }
}

absl::Status ErrorOf(const std::vector<std::string>& errors) {
  if (errors.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("cannot differentiate:\n  ", absl::StrJoin(errors, "\n  ")));
}

// `graph` with its outputs, all dead nodes dropped.
Graph Finish(const Graph& source, const grad::Level& level, Graph joint, const GradOptions& options,
             const std::vector<ValueId>& gradients) {
  for (const ir::Output& output : source.outputs()) {
    joint.AddOutput(output.name, level(output.value), output.donated_input);
  }
  for (size_t i = 0; i < gradients.size(); ++i) {
    joint.AddOutput(absl::StrCat(options.prefix, options.wrt[i]), gradients[i]);
  }
  return Prune(joint);
}

}  // namespace

absl::StatusOr<Graph> Differentiate(const Graph& original, const GradOptions& options) {
  std::vector<std::string> errors;
  CheckLoss(original, options, errors);
  CheckInputs(original, options, errors);
  TENON_RETURN_IF_ERROR(ErrorOf(errors));

  const Graph source = InlineCalls(original);
  std::vector<bool> inputs(source.inputs().size());
  std::vector<bool> outputs(source.outputs().size());
  std::vector<ValueId> wrt;
  for (const std::string& name : options.wrt) {
    inputs[source.FindInput(name)] = true;
    wrt.push_back(source.inputs()[source.FindInput(name)].value);
  }
  outputs[source.FindOutput(options.loss)] = true;
  grad::Level level(source, inputs, outputs);
  grad::Preflight(source, level.active(), errors);
  TENON_RETURN_IF_ERROR(ErrorOf(errors));

  TENON_ASSIGN_OR_RETURN(Graph forward, level.Forward({}));
  const std::unique_ptr<GraphBuilder> builder = GraphBuilder::Continue(std::move(forward));
  const ValueId loss = source.outputs()[source.FindOutput(options.loss)].value;
  {
    const ir::NodeId producer = source.producer(loss);
    GraphBuilder::ScopedLocation location(
        *builder, producer.valid() ? source.node(producer).location : ir::Location());
    level.Accumulate(loss, builder->Scalar(source.type(loss).dtype, 1));
  }
  TENON_RETURN_IF_ERROR(level.Reverse(*builder));
  std::vector<ValueId> gradients;
  for (size_t i = 0; i < wrt.size(); ++i) {
    GraphBuilder::ScopedLocation location(*builder,
                                          source.inputs()[source.result_index(wrt[i])].location);
    const std::optional<Value> cotangent = level.CotangentOf(wrt[i]);
    gradients.push_back(cotangent.has_value() ? cotangent->id()
                                              : builder->Full(source.type(wrt[i]), 0).id());
  }
  // Gradient rules record what they cannot do, as the builder does.
  if (!builder->ok()) return ErrorOf({std::string(builder->Build({}).status().message())});
  return Finish(source, level, builder->graph(), options, gradients);
}

}  // namespace tenon::passes
