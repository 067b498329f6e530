// tenon compile: a model as an object file and a header, to be linked into any program.
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tenon/frontend/aot.h"
#include "tenon/ir/check.h"
#include "tenon/ir/file.h"
#include "tools/command.h"
#include "tools/engines.h"
#include "tools/inputs.h"
#include "tools/memory_curve.h"
#include "tools/progress.h"

namespace tenon::tools {
namespace {

struct CompileCommand {
  std::string path;
  std::string output;
  std::string header;
  std::string name;
  std::string format;
  std::string place = "caller";
  std::string weights;  // a file to read them from
  uint64_t seed = 0;
  bool memory_curve = false;
  bool multi_isa = false;
  TargetOptions target;
};

struct PlaceRow {
  const char* name;
  AotWeights place;
};
constexpr PlaceRow kPlaces[] = {{"caller", AotWeights::kCaller},
                                {"object", AotWeights::kEmbedded},
                                {"file", AotWeights::kFile}};

// The chosen format; without a choice, what the output's suffix says, else an object.
absl::StatusOr<AotFormat> FindFormat(const CompileCommand& command) {
  if (!command.format.empty()) {
    TENON_ASSIGN_OR_RETURN(const codegen::FileFormatRow* row,
                           FindRow(codegen::kFileFormats, "--format", command.format));
    return row->format;
  }
  for (const codegen::FileFormatRow& row : codegen::kFileFormats) {
    if (absl::EndsWith(command.output, row.suffix)) return row.format;
  }
  return AotFormat::kObject;
}

std::string WithSuffix(const std::string& path, const std::string& suffix) {
  return std::filesystem::path(path).replace_extension(suffix).string();
}

absl::Status PrintMemoryCurve(const CompileCommand& command) {
  TENON_ASSIGN_OR_RETURN(const ir::TargetDesc target, ToTarget(command.target));
  TENON_ASSIGN_OR_RETURN(passes::PipelineOptions options, ToPipelineOptions(command.target));
  Progress progress("tenon compile");
  progress.Follow(&options);
  TENON_ASSIGN_OR_RETURN(const ir::Model model, Load(command.path));
  TENON_ASSIGN_OR_RETURN(const std::string table, MemoryCurve(model.graph, target, options));
  progress.Clear();
  std::fputs(table.c_str(), stdout);
  return absl::OkStatus();
}

absl::Status RunCompile(const CompileCommand& command) {
  if (command.memory_curve) return PrintMemoryCurve(command);
  if (command.output.empty()) return absl::InvalidArgumentError("-o: where to write is missing");
  if (command.output == "-") {
    return absl::InvalidArgumentError("-o: an object and a header need files to go to");
  }
  AotOptions options;
  TENON_ASSIGN_OR_RETURN(options.format, FindFormat(command));
  TENON_ASSIGN_OR_RETURN(const PlaceRow* place, FindRow(kPlaces, "--weights-in", command.place));
  options.weights = place->place;
  options.multi_isa = command.multi_isa;
  if (!command.multi_isa) {
    TENON_ASSIGN_OR_RETURN(options.target, ToTarget(command.target));
  } else if (command.target.target != "host") {
    return absl::InvalidArgumentError(
        "--multi-isa has its own list of targets: leave out --target");
  }
  TENON_ASSIGN_OR_RETURN(options.compile, ToCompileOptions(command.target));
  options.compile.memory_limit_threads = 1;
  options.name = command.name;
  const std::string header =
      command.header.empty() ? WithSuffix(command.output, ".h") : command.header;
  const std::string weights_file = WithSuffix(command.output, ".safetensors");
  options.weights_file = std::filesystem::path(weights_file).filename().string();

  Progress progress("tenon compile");
  progress.Set("reading the model");
  TENON_ASSIGN_OR_RETURN(const ir::Model model, Load(command.path));
  std::map<std::string, ir::Literal> literals;
  if (options.weights != AotWeights::kCaller) {
    TENON_ASSIGN_OR_RETURN(literals, GatherWeights(model, command.weights, command.seed));
  }
  std::map<std::string, TensorView> weights;
  for (const auto& [name, literal] : literals) {
    weights[name] = {literal.dtype(), Dims(literal.dims().begin(), literal.dims().end()),
                     literal.bytes()};
  }
  progress.Set("compiling");
  const absl::StatusOr<AotFiles> files = CompileAheadOfTime(model.graph, weights, options);
  if (!files.ok()) return WithReproduction(files.status(), model.graph);
  // The header last: whoever finds it finds the rest.
  if (options.weights == AotWeights::kFile) {
    TENON_RETURN_IF_ERROR(ir::WriteFileAtomically(weights_file, files->weights));
  }
  TENON_RETURN_IF_ERROR(ir::WriteFileAtomically(command.output, files->object));
  TENON_RETURN_IF_ERROR(ir::WriteFileAtomically(header, files->header));
  progress.Clear();
  std::printf("%s: %zu bytes; %s; arena %lld bytes, prepared %lld bytes\n", command.output.c_str(),
              files->object.size(), header.c_str(), static_cast<long long>(files->arena_bytes),
              static_cast<long long>(files->prepared_bytes));
  return absl::OkStatus();
}

}  // namespace

Action AddCompile(CLI::App& app) {
  auto command = std::make_shared<CompileCommand>();
  AddModelArgument(app, command->path);
  AddFile(app, "-o,--output", command->output, "Object, library or text to write");
  AddFile(app, "--header", command->header, "Header to write; else beside the output, as .h");
  app.add_option("--name", command->name,
                 "Prefix of what the header declares; else the graph's name");
  AddChoice(app, "--format", command->format, NamesOf(codegen::kFileFormats),
            "What to write; else what the output's suffix says");
  AddChoice(
      app, "--weights-in", command->place, NamesOf(kPlaces),
      "Where parameters and state are: with the caller, who binds them, in the object, or in a "
      "file beside it, as .safetensors")
      ->capture_default_str();
  AddFile(app, "--weights", command->weights,
          "FILE.safetensors: values of parameters and state, by name");
  app.add_option("--seed", command->seed, "Of initialisers")->capture_default_str();
  app.add_flag("--memory-curve", command->memory_curve,
               "Print what smaller arenas would cost, and write nothing");
  app.add_flag("--multi-isa", command->multi_isa,
               "Programs for x86-64, AVX2 and AVX-512 in one object; prepare chooses");
  AddTargetOptions(app, command->target);
  return [command] { return RunCompile(*command); };
}

}  // namespace tenon::tools
