// tenon show: a model at any stage of its compilation, as text, figures or a picture.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tenon/codegen/artifact.h"
#include "tenon/ir/check.h"
#include "tenon/ir/file.h"
#include "tenon/ir/kernel/text.h"
#include "tenon/ir/text.h"
#include "tenon/passes/compile.h"
#include "tenon/passes/fuse/fuse.h"
#include "tenon/passes/memory/peak.h"
#include "tenon/passes/memory/plan.h"
#include "tenon/passes/memory/timeline.h"
#include "tenon/passes/pass_manager.h"
#include "tenon/passes/pipeline.h"
#include "tools/command.h"
#include "tools/dot.h"
#include "tools/html/html.h"
#include "tools/progress.h"
#include "tools/summary.h"

namespace tenon::tools {
namespace {

struct ShowOptions {
  std::string path;
  std::string format = "text";
  std::string after;
  std::string emit = "graph";
  std::string output = "-";
  std::string profile;
  int64_t max_elements = -1;
  bool locations = true;
  TargetOptions target;
};

using Render = absl::StatusOr<std::string> (*)(const ir::Graph&, const ShowOptions&);

absl::StatusOr<std::string> RenderText(const ir::Graph& graph, const ShowOptions& options) {
  return ir::Print(graph, {.locations = options.locations, .max_elements = options.max_elements});
}
absl::StatusOr<std::string> RenderSummary(const ir::Graph& graph, const ShowOptions&) {
  return Summarize(graph);
}
absl::StatusOr<std::string> RenderDot(const ir::Graph& graph, const ShowOptions&) {
  return ToDot(graph);
}
absl::StatusOr<std::string> RenderHtml(const ir::Graph& graph, const ShowOptions& options) {
  HtmlOptions html;
  TENON_ASSIGN_OR_RETURN(html.pipeline, ToPipelineOptions(options.target));
  TENON_ASSIGN_OR_RETURN(html.target, ToTarget(options.target));
  if (!options.profile.empty()) {
    TENON_ASSIGN_OR_RETURN(html.profile, ir::ReadFile(options.profile));
  }
  return ToHtml(graph, html);
}

// What a stage after the graph looks like; graphs themselves are rendered in the chosen format.
struct Stage {
  passes::PipelineOptions pipeline;
  ir::TargetDesc target;
};
absl::StatusOr<ir::Graph> Simplified(const ir::Graph& graph, const Stage& stage) {
  return passes::Simplify(graph, stage.pipeline, stage.target);
}
absl::StatusOr<std::string> EmitPlan(const ir::Graph& graph, const Stage& stage) {
  TENON_ASSIGN_OR_RETURN(const ir::Graph simplified, Simplified(graph, stage));
  return fuse::Fuse(simplified, stage.target, stage.pipeline).ToString(simplified);
}
absl::StatusOr<std::string> EmitKernel(const ir::Graph& graph, const Stage& stage) {
  TENON_ASSIGN_OR_RETURN(const kernel::Program program,
                         passes::CompileToProgram(graph, stage.target, stage.pipeline));
  return kernel::Print(program);
}
// The arena beside its lower bound, what is alive at the peak, and what a limit has led to.
absl::StatusOr<std::string> EmitMemory(const ir::Graph& graph, const Stage& stage) {
  TENON_ASSIGN_OR_RETURN(const ir::Graph simplified, Simplified(graph, stage));
  const fuse::FusionPlan plan = fuse::Fuse(simplified, stage.target, stage.pipeline);
  const memory::Timeline timeline(simplified, plan);
  std::string text;
  passes::PipelineOptions pipeline = stage.pipeline;
  pipeline.after_remat = [&](const passes::RematReport& r) {
    absl::StrAppend(&text, "arena ", r.arena_before, " bytes before ", r.values, " values (",
                    r.bytes, " bytes) were computed again, with ",
                    absl::StrFormat("%.2f", 100 * (r.flops_after / r.flops_before - 1)),
                    "% more operations\n");
  };
  TENON_ASSIGN_OR_RETURN(const kernel::Program program,
                         passes::ScheduleProgram(simplified, stage.target, pipeline));
  TENON_ASSIGN_OR_RETURN(const int64_t peak, memory::PeakBytes(program));
  absl::StrAppend(&text, "arena ", program.arena_bytes, " bytes, of which at most ", peak,
                  " are alive at once\nscratch ", program.scratch_bytes,
                  " bytes a thread\nprepared ", program.prepared_bytes, " bytes\n");
  absl::StrAppend(&text, "values alive at the peak, nothing computed again:\n",
                  memory::TensorsAtPeak(simplified, timeline, 40));
  return text;
}
absl::StatusOr<std::string> EmitCode(const ir::Graph& graph, const Stage& stage, bool assembly) {
  TENON_ASSIGN_OR_RETURN(const kernel::Program program,
                         passes::CompileToProgram(graph, stage.target, stage.pipeline));
  std::string text;
  const auto append = [&text](absl::string_view name, absl::string_view code) {
    absl::StrAppend(&text, "; ---- ", name, "\n", code, "\n");
  };
  codegen::CodegenOptions options;
  (assembly ? options.dump_assembly : options.dump_llvm) = append;
  TENON_RETURN_IF_ERROR(codegen::Compile(program, stage.target, options).status());
  return text;
}
absl::StatusOr<std::string> EmitLlvm(const ir::Graph& graph, const Stage& stage) {
  return EmitCode(graph, stage, /*assembly=*/false);
}
absl::StatusOr<std::string> EmitAssembly(const ir::Graph& graph, const Stage& stage) {
  return EmitCode(graph, stage, /*assembly=*/true);
}

struct FormatRow {
  const char* name;
  Render render;
  bool every_stage = false;  // shows all of them: takes the graph as given
};
constexpr FormatRow kFormats[] = {{"text", RenderText},
                                  {"summary", RenderSummary},
                                  {"dot", RenderDot},
                                  {"html", RenderHtml, true}};

struct StageRow {
  const char* name;
  absl::StatusOr<std::string> (*emit)(const ir::Graph&, const Stage&);  // null: a graph
};
constexpr StageRow kStages[] = {{"graph", nullptr},     {"simplified", nullptr}, {"plan", EmitPlan},
                                {"memory", EmitMemory}, {"kernel", EmitKernel},  {"llvm", EmitLlvm},
                                {"asm", EmitAssembly}};

// The graph after a pass: of the pipeline up to that pass, or of the pass alone where the pipeline
// does not have it. "all": every result of the pipeline, one after another.
absl::StatusOr<std::string> ShowAfter(const ir::Graph& graph, const ShowOptions& options,
                                      const FormatRow& format, Stage stage) {
  std::vector<passes::PassId> list = passes::DefaultPasses();
  std::string all;
  absl::Status status;
  if (options.after == "all") {
    stage.pipeline.after_pass = [&, follow = std::move(stage.pipeline.after_pass)](
                                    const passes::PassReport& report, const ir::Graph& result) {
      follow(report, result);
      absl::StatusOr<std::string> text = format.render(result, options);
      if (!text.ok()) status = text.status();
      if (text.ok()) absl::StrAppend(&all, "// after ", report.pass, "\n", *text, "\n");
    };
  } else {
    const std::optional<passes::PassId> pass = passes::FindPass(options.after);
    if (!pass) return UnknownValue("--after", options.after, PassesOrAll());
    size_t length = list.size();
    while (length > 0 && list[length - 1] != *pass) --length;
    list.resize(length);
    if (list.empty()) list = {*pass};
  }
  passes::PassManager manager(std::move(list));
  TENON_ASSIGN_OR_RETURN(const ir::Graph result, manager.Run(graph, stage.pipeline, stage.target));
  TENON_RETURN_IF_ERROR(status);
  if (options.after == "all") return all;
  return format.render(result, options);
}

absl::Status Show(const ShowOptions& options) {
  TENON_ASSIGN_OR_RETURN(const FormatRow* format, FindRow(kFormats, "--format", options.format));
  TENON_ASSIGN_OR_RETURN(const StageRow* row, FindRow(kStages, "--emit", options.emit));
  if (format->every_stage && (!options.after.empty() || options.emit != "graph")) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--format=", format->name, " shows every stage: leave --after and --emit out"));
  }
  if (!format->every_stage && !options.profile.empty()) {
    return absl::InvalidArgumentError("--profile is for --format=html");
  }
  Stage stage;
  TENON_ASSIGN_OR_RETURN(stage.pipeline, ToPipelineOptions(options.target));
  TENON_ASSIGN_OR_RETURN(stage.target, ToTarget(options.target));
  Progress progress("tenon show");
  progress.Set("reading the model");
  TENON_ASSIGN_OR_RETURN(const ir::Model model, Load(options.path));
  progress.Set(options.after.empty() && options.emit == "graph"
                   ? absl::StrCat("making ", format->name)
                   : "compiling");
  progress.Follow(&stage.pipeline);
  absl::StatusOr<std::string> text;
  if (!options.after.empty()) {
    if (options.emit != "graph") {
      return absl::InvalidArgumentError("--after and --emit exclude each other");
    }
    text = ShowAfter(model.graph, options, *format, std::move(stage));
  } else if (row->emit != nullptr) {
    text = row->emit(model.graph, stage);
  } else if (options.emit == "simplified") {
    absl::StatusOr<ir::Graph> simplified = Simplified(model.graph, stage);
    text = simplified.ok() ? format->render(*simplified, options) : simplified.status();
  } else {
    text = format->render(model.graph, options);
  }
  progress.Clear();
  if (!text.ok()) return WithReproduction(text.status(), model.graph);
  return ir::WriteFileAtomically(options.output, *text);
}

}  // namespace

Action AddShow(CLI::App& app) {
  auto options = std::make_shared<ShowOptions>();
  AddModelArgument(app, options->path);
  AddChoice(app, "--format", options->format, NamesOf(kFormats), "How graphs are shown")
      ->capture_default_str();
  AddChoice(app, "--after", options->after, PassesOrAll(),
            "Show the graph after this pass, or after each");
  AddChoice(app, "--emit", options->emit, NamesOf(kStages), "Stage to show")->capture_default_str();
  AddFile(app, "-o,--output", options->output, "File to write; '-' is standard output");
  AddFile(app, "--profile", options->profile,
          "What 'tenon bench --json' wrote of this model, for the roofline of html");
  app.add_option("--max-elements", options->max_elements, "Cut longer literals (for people only)");
  app.add_flag("!--no-locations", options->locations, "Leave source locations out");
  AddTargetOptions(app, options->target);
  return [options] { return Show(*options); };
}

}  // namespace tenon::tools
