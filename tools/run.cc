// tenon run: runs a model once and writes its outputs as .npy files.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tenon/codegen/artifact.h"
#include "tenon/ir/check.h"
#include "tenon/ir/file.h"
#include "tenon/ir/text.h"
#include "tenon/passes/compile.h"
#include "tools/command.h"
#include "tools/engines.h"
#include "tools/inputs.h"
#include "tools/npy.h"
#include "tools/progress.h"
#include "tools/ticks.h"
#include "tools/trace.h"

namespace tenon::tools {
namespace {

// Elements of an output that are shown where no directory is given.
constexpr int64_t kShownElements = 8;

struct RunOptions {
  std::string path;
  std::string output_dir;
  std::string interpret;
  int threads = 0;
  std::string cache;
  std::string profile;
  bool debug_jit = false;
  InputOptions inputs;
  TargetOptions target;
};

// Runs native code, and writes a trace of it where that is asked for.
absl::StatusOr<Outputs> ExecuteNative(const kernel::Program& program, const ir::TargetDesc& target,
                                      const RunInputs& inputs, int threads,
                                      const std::vector<KernelSource>& sources,
                                      const RunOptions& options) {
  NativeOptions native{.cache = options.cache, .visible_to_debuggers = options.debug_jit};
  if (options.profile.empty()) return RunNative(program, target, inputs, threads, native);
  std::vector<int64_t> table(
      static_cast<size_t>(threads) *
      static_cast<size_t>(codegen::ClockSlots(program) + 1 + 2 * kTraceEvents));
  native.clocks = table.data();
  native.events = kTraceEvents;
  TENON_ASSIGN_OR_RETURN(Outputs outputs, RunNative(program, target, inputs, threads, native));
  TENON_RETURN_IF_ERROR(ir::WriteFileAtomically(
      options.profile, TraceJson(program, sources, table, threads, SecondsPerTick())));
  return outputs;
}

absl::StatusOr<Outputs> Execute(const ir::Graph& graph, const RunInputs& inputs,
                                const RunOptions& options, Progress& progress) {
  progress.Set("interpreting the graph");
  if (options.interpret == "graph") return RunGraph(graph, inputs);
  TENON_ASSIGN_OR_RETURN(passes::PipelineOptions pipeline, ToPipelineOptions(options.target));
  TENON_ASSIGN_OR_RETURN(const ir::TargetDesc target, ToTarget(options.target));
  std::vector<KernelSource> sources;
  CollectSources(&pipeline, &sources);
  progress.Set("compiling");
  TENON_ASSIGN_OR_RETURN(const kernel::Program program,
                         passes::CompileToProgram(graph, target, pipeline));
  const int cores = static_cast<int>(std::thread::hardware_concurrency());
  const int threads = options.threads > 0 ? options.threads : std::max(1, cores);
  if (options.interpret == "kernel") {
    progress.Set("interpreting the kernels");
    return RunKernels(program, inputs, threads);
  }
  progress.Set("compiling and running native code");
  return ExecuteNative(program, target, inputs, threads, sources, options);
}

// DIR/<name>.npy; slashes in a name are folders below DIR, and never lead out of it.
absl::StatusOr<std::string> OutputPath(const std::string& directory, const std::string& name) {
  for (absl::string_view part : absl::StrSplit(name, '/')) {
    if (part.empty() || part == "." || part == "..") {
      return absl::InvalidArgumentError(absl::StrCat("output '", name, "' cannot name a file"));
    }
  }
  return absl::StrCat(directory, "/", name, ".npy");
}

absl::Status WriteOutputs(const ir::Graph& graph, const Outputs& outputs,
                          const std::string& directory) {
  std::vector<std::string> paths;  // all known to be good before anything is written
  for (const ir::Output& output : graph.outputs()) {
    TENON_ASSIGN_OR_RETURN(std::string path, OutputPath(directory, output.name));
    paths.push_back(std::move(path));
  }
  for (size_t i = 0; i < outputs.size(); ++i) {
    std::error_code error;
    const std::filesystem::path folder = std::filesystem::path(paths[i]).parent_path();
    std::filesystem::create_directories(folder, error);
    if (error) {
      return absl::UnavailableError(
          absl::StrCat("cannot make the folder '", folder.string(), "': ", error.message()));
    }
    TENON_RETURN_IF_ERROR(ir::WriteFileAtomically(paths[i], ToNpy(outputs[i])));
  }
  return absl::OkStatus();
}

absl::Status Run(const RunOptions& options) {
  if (!options.interpret.empty() && options.interpret != "graph" && options.interpret != "kernel") {
    return UnknownValue("--interpret", options.interpret, {"graph", "kernel"});
  }
  if (!options.interpret.empty() && (!options.profile.empty() || options.debug_jit)) {
    return absl::InvalidArgumentError("--profile and --debug-jit are of native code");
  }
  Progress progress("tenon run");
  progress.Set("reading the model");
  TENON_ASSIGN_OR_RETURN(const ir::Model model, Load(options.path));
  TENON_ASSIGN_OR_RETURN(const RunInputs inputs,
                         GatherInputs(model, options.inputs, /*make_up=*/false));
  absl::StatusOr<Outputs> outputs = Execute(model.graph, inputs, options, progress);
  progress.Clear();
  if (!outputs.ok()) return WithReproduction(outputs.status(), model.graph);
  if (!options.output_dir.empty()) return WriteOutputs(model.graph, *outputs, options.output_dir);
  for (size_t i = 0; i < outputs->size(); ++i) {
    const ir::Literal& value = (*outputs)[i];
    std::printf("%s: %s{%s}\n", model.graph.outputs()[i].name.c_str(),
                value.type().ToString().c_str(), ir::PrintElements(value, kShownElements).c_str());
  }
  return absl::OkStatus();
}

}  // namespace

Action AddRun(CLI::App& app) {
  auto options = std::make_shared<RunOptions>();
  AddModelArgument(app, options->path);
  AddInputOptions(app, options->inputs);
  app.add_option("--output-dir", options->output_dir,
                 "Folder for OUTPUT.npy; without it the first elements are printed")
      ->type_name("FOLDER");
  AddChoice(app, "--interpret", options->interpret, {"graph", "kernel"},
            "Interpret instead of compiling");
  AddFile(app, "--profile", options->profile,
          "Write when each thread ran which kernel, as a trace for Chrome and Perfetto");
  app.add_flag("--debug-jit", options->debug_jit, "Let perf and gdb see the kernels by name");
  app.add_option("--cache", options->cache,
                 "Folder in which compiled kernels are kept from run to run; off by default")
      ->type_name("FOLDER");
  app.add_option("--threads", options->threads, "Threads to run on; 0: one a core")
      ->check(CLI::Range(0, 1024));
  AddTargetOptions(app, options->target);
  return [options] { return Run(*options); };
}

}  // namespace tenon::tools
