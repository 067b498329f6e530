// tenon opt: runs graph passes over a model.
#include <cstdio>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "tenon/ir/check.h"
#include "tenon/ir/text.h"
#include "tenon/passes/pass_manager.h"
#include "tenon/passes/pipeline.h"
#include "tools/command.h"
#include "tools/progress.h"

namespace tenon::tools {
namespace {

struct OptOptions {
  std::string path;
  std::vector<std::string> passes;
  std::vector<std::string> print_after;
  std::string output = "-";
  bool time = false;
  bool verify = false;
  TargetOptions target;
};

absl::StatusOr<passes::PassManager> MakeManager(const OptOptions& options) {
  std::vector<passes::PassId> list;
  for (const std::string& name : SplitList(options.passes)) {
    const std::optional<passes::PassId> pass = passes::FindPass(name);
    if (!pass) return UnknownValue("--passes", name, NamesOf(passes::AllPasses()));
    list.push_back(*pass);
  }
  return passes::PassManager(options.passes.empty() ? passes::DefaultPasses() : std::move(list));
}

// What the passes did goes to standard error, so that the model can go to standard output.
void PrintReports(const std::vector<passes::PassReport>& reports) {
  absl::FPrintF(stderr, "%-14s %10s %12s %8s %8s\n", "pass", "ms", "rule visits", "before",
                "after");
  double seconds = 0;
  for (const passes::PassReport& r : reports) {
    absl::FPrintF(stderr, "%-14s %10.3f %12d %8d %8d\n", r.pass, r.seconds * 1e3, r.rule_visits,
                  r.nodes_before, r.nodes_after);
    seconds += r.seconds;
  }
  absl::FPrintF(stderr, "%-14s %10.3f\n", "total", seconds * 1e3);
}

absl::Status Opt(const OptOptions& options) {
  TENON_ASSIGN_OR_RETURN(passes::PassManager manager, MakeManager(options));
  TENON_ASSIGN_OR_RETURN(passes::PipelineOptions pipeline, ToPipelineOptions(options.target));
  TENON_ASSIGN_OR_RETURN(const ir::TargetDesc target, ToTarget(options.target));
  std::set<std::string> print_after;
  for (const std::string& name : SplitList(options.print_after)) {
    if (name != "all" && !passes::FindPass(name)) {
      return UnknownValue("--print-after", name, PassesOrAll());
    }
    print_after.insert(name);
  }
  pipeline.verify_after_each = options.verify;
  Progress progress("tenon opt");
  pipeline.after_pass = [&](const passes::PassReport& report, const ir::Graph& graph) {
    if (print_after.count("all") + print_after.count(std::string(report.pass)) == 0) return;
    progress.Clear();
    absl::FPrintF(stderr, "// after %s\n%s\n", report.pass, ir::Print(graph));
  };
  progress.Follow(&pipeline);
  progress.Set("reading the model");
  TENON_ASSIGN_OR_RETURN(ir::Model model, Load(options.path));
  progress.Set("the first pass");
  absl::StatusOr<ir::Graph> result = manager.Run(model.graph, pipeline, target);
  progress.Clear();
  if (!result.ok()) return WithReproduction(result.status(), model.graph);
  if (options.time) PrintReports(manager.reports());
  model.graph = *std::move(result);
  return ir::SaveModel(model, options.output);
}

}  // namespace

Action AddOpt(CLI::App& app) {
  auto options = std::make_shared<OptOptions>();
  AddModelArgument(app, options->path);
  app.add_option("--passes", options->passes,
                 "Passes to run, in order, separated by commas; the compiler's own list without it")
      ->type_name(OneOf(NamesOf(passes::AllPasses())));
  AddFile(app, "-o,--output", options->output, "File to write; '-' is standard output");
  app.add_flag("--time", options->time, "Say what each pass took and did");
  app.add_option("--print-after", options->print_after,
                 "Print the graph after these passes, or after each")
      ->type_name(OneOf(PassesOrAll()));
  app.add_flag("--verify", options->verify, "Verify the graph after each pass");
  AddTargetOptions(app, options->target);
  return [options] { return Opt(*options); };
}

}  // namespace tenon::tools
