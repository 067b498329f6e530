// tenon grad: differentiates a model.
#include "tenon/passes/grad/grad.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tenon/ir/check.h"
#include "tenon/ir/suggest.h"
#include "tools/command.h"
#include "tools/progress.h"

namespace tenon::tools {
namespace {

struct GradCommandOptions {
  std::string path;
  std::string loss;
  std::vector<std::string> wrt;
  std::string prefix = "grad/";
  std::string output = "-";
};

// The output to differentiate: the one named, or the only scalar of a float type.
absl::StatusOr<std::string> ChooseLoss(const ir::Graph& graph, const std::string& name) {
  std::vector<std::string> names;
  std::vector<std::string> scalars;
  for (const ir::Output& output : graph.outputs()) {
    names.push_back(output.name);
    const ir::TensorType& type = graph.type(output.value);
    if (type.rank() == 0 && ir::IsFloat(type.dtype)) scalars.push_back(output.name);
  }
  if (name.empty()) {
    if (scalars.size() == 1) return scalars[0];
    return absl::InvalidArgumentError(
        absl::StrCat("--loss is needed: the model has ", scalars.size(), " scalar outputs"));
  }
  if (graph.FindOutput(name) >= 0) return name;
  return UnknownValue("--loss", name, names);
}

absl::StatusOr<std::vector<std::string>> ChooseInputs(const ir::Graph& graph,
                                                      std::vector<std::string> names) {
  std::vector<std::string> inputs, parameters;
  for (const ir::Input& input : graph.inputs()) {
    inputs.push_back(input.name);
    if (input.kind == ir::InputKind::kParameter) parameters.push_back(input.name);
  }
  for (const std::string& name : names) {
    if (graph.FindInput(name) < 0) return UnknownValue("--wrt", name, inputs);
  }
  if (!names.empty()) return names;
  if (parameters.empty()) {
    return absl::InvalidArgumentError("--wrt is needed: the model has no parameters");
  }
  return parameters;
}

absl::Status Grad(const GradCommandOptions& options) {
  Progress progress("tenon grad");
  progress.Set("reading the model");
  TENON_ASSIGN_OR_RETURN(ir::Model model, Load(options.path));
  passes::GradOptions grad;
  TENON_ASSIGN_OR_RETURN(grad.loss, ChooseLoss(model.graph, options.loss));
  TENON_ASSIGN_OR_RETURN(grad.wrt, ChooseInputs(model.graph, SplitList(options.wrt)));
  grad.prefix = options.prefix;
  progress.Set("differentiating");
  absl::StatusOr<ir::Graph> result = passes::Differentiate(model.graph, grad);
  progress.Clear();
  if (!result.ok()) return WithReproduction(result.status(), model.graph);
  model.graph = *std::move(result);
  return ir::SaveModel(model, options.output);
}

}  // namespace

Action AddGrad(CLI::App& app) {
  auto options = std::make_shared<GradCommandOptions>();
  AddModelArgument(app, options->path);
  app.add_option("--loss", options->loss,
                 "Output to differentiate; not needed where only one is a scalar");
  app.add_option("--wrt", options->wrt,
                 "Inputs, separated by commas, whose gradients are wanted; else all parameters");
  app.add_option("--prefix", options->prefix, "What the gradients' names start with")
      ->capture_default_str();
  AddFile(app, "-o,--output", options->output, "File to write; '-' is standard output");
  return [options] { return Grad(*options); };
}

}  // namespace tenon::tools
