// tenon reduce: shrinks a model that shows a failure to a small one that still does
// (tools/reducer.h).
//
// What a failure is says a command, or `tenon diff` in this process. OUT is written, whole, each
// time a smaller model is found: who interrupts the search keeps what it has found so far.
#include <algorithm>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tenon/ir/check.h"
#include "tools/command.h"
#include "tools/compare.h"
#include "tools/inputs.h"
#include "tools/progress.h"
#include "tools/reducer.h"
#include "tools/shell_test.h"

namespace tenon::tools {
namespace {

using ir::Model;

struct ReduceOptions {
  std::string path;
  std::string test;
  bool diff = false;
  int timeout = 300;
  std::string output;
  InputOptions inputs;
  CompareFlags compare;
};

using Question = std::function<absl::StatusOr<bool>(const Model&)>;

// Candidates are text, or binary where they have stored values.
absl::StatusOr<Question> AskCommand(const ReduceOptions& options, const TemporaryFolder& folder) {
  if (folder.path().empty()) {
    return absl::UnavailableError("cannot make a temporary folder for candidates");
  }
  return Question([&](const Model& model) -> absl::StatusOr<bool> {
    const std::string file =
        absl::StrCat(folder.path(), "/candidate.", model.weights.empty() ? "tn" : "tnb");
    TENON_RETURN_IF_ERROR(ir::SaveModel(model, file));
    return Succeeds(CommandFor(options.test, file), options.timeout);
  });
}

// The values given for inputs and symbols that a candidate still has.
InputOptions InputsFor(const Model& model, InputOptions inputs) {
  std::erase_if(inputs.files, [&](const std::string& file) {
    return model.graph.FindInput(file.substr(0, file.find('='))) < 0;
  });
  const auto symbols = model.graph.Symbols();
  std::erase_if(inputs.extents, [&](const std::string& extent) {
    const std::string name = extent.substr(0, extent.find('='));
    return std::none_of(symbols.begin(), symbols.end(),
                        [&](const auto& symbol) { return symbol.first == name; });
  });
  return inputs;
}

// Interesting is what goes wrong first in the same stage as `model` does.
absl::StatusOr<Question> AskDiff(const ReduceOptions& options, const Model& model,
                                 Progress& progress) {
  TENON_ASSIGN_OR_RETURN(Comparison comparison, MakeComparison(options.compare));
  comparison.each_stage = true;
  comparison.stop_at_first = true;
  TENON_ASSIGN_OR_RETURN(const RunInputs inputs,
                         GatherInputs(model, options.inputs, /*make_up=*/true));
  comparison.progress = &progress;
  TENON_ASSIGN_OR_RETURN(const std::string guilty,
                         FirstWrongStage(model.graph, inputs, comparison));
  comparison.progress = nullptr;
  if (guilty.empty()) {
    return absl::FailedPreconditionError("nothing to reduce: 'tenon diff' finds no difference");
  }
  progress.Clear();
  absl::FPrintF(stderr, "tenon reduce: keeping what goes wrong first after stage '%s'\n", guilty);
  return Question([&options, comparison, guilty](const Model& candidate) -> absl::StatusOr<bool> {
    const absl::StatusOr<RunInputs> values =
        GatherInputs(candidate, InputsFor(candidate, options.inputs), /*make_up=*/true);
    if (!values.ok()) return false;
    const absl::StatusOr<std::string> stage = FirstWrongStage(candidate.graph, *values, comparison);
    return stage.ok() && *stage == guilty;
  });
}

std::string Describe(const Model& model) {
  const ir::Graph& graph = model.graph;
  return absl::StrCat(graph.CountNodes(), " ops, ", graph.inputs().size(), " inputs, ",
                      graph.outputs().size(), " outputs");
}

absl::Status CheckOptions(const ReduceOptions& options) {
  if (options.test.empty() == !options.diff) {
    return absl::InvalidArgumentError(
        "give one of --test=COMMAND and --diff: what tells a failing model");
  }
  if (options.output != "-" && !absl::EndsWith(options.output, ".tn") &&
      !absl::EndsWith(options.output, ".tnb")) {
    return absl::InvalidArgumentError(
        absl::StrCat("--output: '", options.output, "' ends neither in .tn nor in .tnb"));
  }
  return absl::OkStatus();
}

absl::Status ReduceCommand(const ReduceOptions& options) {
  TENON_RETURN_IF_ERROR(CheckOptions(options));
  Progress progress("tenon reduce");
  progress.Set("reading the model");
  TENON_ASSIGN_OR_RETURN(Model model, Load(options.path));
  const TemporaryFolder folder;
  Reduction reduction;
  if (options.diff) {
    TENON_ASSIGN_OR_RETURN(reduction.is_interesting, AskDiff(options, model, progress));
  } else {
    TENON_ASSIGN_OR_RETURN(reduction.is_interesting, AskCommand(options, folder));
  }
  // Text holds no stored values: they must not matter.
  const bool to_file = options.output != "-";
  if (!absl::EndsWith(options.output, ".tnb")) model.weights.clear();
  progress.Set("testing the model as it is");
  TENON_ASSIGN_OR_RETURN(const bool fails, reduction.is_interesting(model));
  if (!fails) {
    return absl::FailedPreconditionError(
        options.diff ? "the failure needs the model's stored values: name the output *.tnb"
                     : "nothing to reduce: the test does not succeed on the model as it is "
                       "(exit code 0 says that a model shows the failure; where stored values "
                       "matter, name the output *.tnb)");
  }
  int64_t tests = 0;
  reduction.on_test = [&](const Model& now, const Move& move, int64_t number) {
    tests = number;
    progress.Set(absl::StrCat(Describe(now), "; test ", number, ", ", move.name));
  };
  reduction.on_smaller = [&](const Model& smaller, const Move& move) -> absl::Status {
    progress.Clear();
    absl::FPrintF(stderr, "%-10s %s\n", move.name, Describe(smaller));
    return to_file ? ir::SaveModel(smaller, options.output) : absl::OkStatus();
  };
  TENON_ASSIGN_OR_RETURN(const Model reduced, Reduce(std::move(model), reduction));
  progress.Clear();
  absl::FPrintF(stderr, "tenon reduce: %s, after %d tests\n", Describe(reduced), tests);
  return ir::SaveModel(reduced, options.output);
}

}  // namespace

Action AddReduce(CLI::App& app) {
  auto options = std::make_shared<ReduceOptions>();
  AddModelArgument(app, options->path);
  app.add_option(
         "--test", options->test,
         "Shell command that ends with 0 on a model that shows the failure; {} is its file, "
         "else the file follows")
      ->type_name("COMMAND");
  app.add_flag("--diff", options->diff,
               "The failure is that 'tenon diff --bisect' finds the same stage guilty");
  app.add_option("--timeout", options->timeout, "Seconds after which a test has failed")
      ->type_name("SECONDS")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  AddFile(app, "-o,--output", options->output,
          "File to write, as often as a smaller model is found; '-' is standard output")
      ->required();
  AddInputOptions(app, options->inputs);
  AddCompareOptions(app, options->compare);
  return [options] { return ReduceCommand(*options); };
}

}  // namespace tenon::tools
