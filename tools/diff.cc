// tenon diff: runs a model through the graph interpreter, the kernel interpreter and native code,
// and compares (tools/compare.h). With --bisect after every stage, so that the first one that goes
// wrong has a name; with --shadow beside an arithmetic of more digits (tools/shadow.h).
#include <cstdio>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "tenon/ir/check.h"
#include "tools/command.h"
#include "tools/compare.h"
#include "tools/inputs.h"
#include "tools/progress.h"
#include "tools/shadow.h"

namespace tenon::tools {
namespace {

struct DiffOptions {
  std::string path;
  bool bisect = false;
  std::string shadow;
  InputOptions inputs;
  CompareFlags compare;
};

void PrintLine(absl::string_view line) {
  std::printf("%s\n", std::string(line).c_str());
  std::fflush(stdout);
}

absl::Status Diff(const DiffOptions& options) {
  if (!options.shadow.empty() && options.shadow != "f64") {
    return UnknownValue("--shadow", options.shadow, {"f64"});
  }
  TENON_ASSIGN_OR_RETURN(Comparison comparison, MakeComparison(options.compare));
  Progress progress("tenon diff");
  progress.Set("reading the model");
  TENON_ASSIGN_OR_RETURN(const ir::Model model, Load(options.path));
  TENON_ASSIGN_OR_RETURN(const RunInputs inputs,
                         GatherInputs(model, options.inputs, /*make_up=*/true));
  if (!options.shadow.empty()) {
    progress.Set("interpreting the graph, with a shadow");
    TENON_ASSIGN_OR_RETURN(const ShadowReport report, RunWithShadow(model.graph, inputs));
    progress.Clear();
    PrintLine(ShadowText(report));
    return absl::OkStatus();
  }
  comparison.each_stage = options.bisect;
  comparison.print = PrintLine;
  comparison.progress = &progress;
  const absl::StatusOr<std::string> guilty = FirstWrongStage(model.graph, inputs, comparison);
  progress.Clear();
  if (!guilty.ok()) return WithReproduction(guilty.status(), model.graph);
  if (guilty->empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("results differ, first after stage '", *guilty, "'",
                   options.bisect ? "" : "; --bisect looks at every stage"));
}

}  // namespace

Action AddDiff(CLI::App& app) {
  auto options = std::make_shared<DiffOptions>();
  AddModelArgument(app, options->path);
  app.add_flag("--bisect", options->bisect, "Compare after every stage, to find the guilty one");
  AddChoice(app, "--shadow", options->shadow, {"f64"},
            "Compute in f64 too, and list the ops where digits are lost");
  AddInputOptions(app, options->inputs);
  AddCompareOptions(app, options->compare);
  return [options] { return Diff(*options); };
}

}  // namespace tenon::tools
