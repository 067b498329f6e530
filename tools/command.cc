#include "tools/command.h"

#include <limits>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "tenon/codegen/host.h"
#include "tenon/ir/check.h"
#include "tenon/ir/file.h"
#include "tenon/ir/suggest.h"
#include "tenon/ir/text.h"
#include "tenon/passes/pass.h"

namespace tenon::tools {
namespace {

std::vector<std::string> TargetNames() {
  std::vector<std::string> names = ir::TargetNames();
  names.insert(names.begin(), "host");
  return names;
}

struct NumericsRow {
  const char* name;
  passes::Numerics numerics;
};
constexpr NumericsRow kNumerics[] = {{"exact", passes::Numerics::kExact},
                                     {"standard", passes::Numerics::kStandard},
                                     {"fast", passes::Numerics::kFast}};

struct PrecisionRow {
  const char* name;
  passes::Precision precision;
};
constexpr PrecisionRow kPrecisions[] = {{"as-written", passes::Precision::kAsWritten},
                                        {"mixed-bf16", passes::Precision::kMixedBf16}};

struct PrepackRow {
  const char* name;
  passes::Prepack prepack;
};
constexpr PrepackRow kPrepacks[] = {{"target", passes::Prepack::kTarget},
                                    {"always", passes::Prepack::kAlways},
                                    {"never", passes::Prepack::kNever}};

}  // namespace

void AddModelArgument(CLI::App& app, std::string& path) {
  AddFile(app, "model", path, "Model file: .tn (text) or .tnb (binary); '-' is standard input")
      ->required();
}

std::string OneOf(const std::vector<std::string>& choices) { return absl::StrJoin(choices, "|"); }

CLI::Option* AddChoice(CLI::App& app, const std::string& flags, std::string& value,
                       const std::vector<std::string>& choices, const std::string& description) {
  return app.add_option(flags, value, description)->type_name(OneOf(choices));
}

CLI::Option* AddFile(CLI::App& app, const std::string& flags, std::string& path,
                     const std::string& description) {
  return app.add_option(flags, path, description)->type_name("FILE");
}

absl::StatusOr<ir::Model> Load(const std::string& path) {
  if (absl::EndsWith(path, ".onnx")) {
    return absl::UnimplementedError(absl::StrCat(path, ": ONNX files cannot be read yet"));
  }
  return ir::LoadModel(path);
}

void AddTargetOptions(CLI::App& app, TargetOptions& options) {
  AddChoice(app, "--numerics", options.numerics, NamesOf(kNumerics),
            "Freedom with the bits of results")
      ->capture_default_str();
  AddChoice(app, "--target", options.target, TargetNames(), "Machine to compile for")
      ->capture_default_str();
  AddChoice(app, "--precision", options.precision, NamesOf(kPrecisions),
            "Element types of contractions")
      ->capture_default_str();
  app.add_option("--memory-limit,--max-arena", options.memory_limit,
                 "Most bytes of the arena (512k, 1.5m, 2g): values are computed again to meet it")
      ->transform(CLI::AsSizeValue(/*kb_is_1000=*/false));
  AddChoice(app, "--prepack", options.prepack, NamesOf(kPrepacks),
            "Keep packed copies of weights in the prepared area; target: where it is worth that")
      ->capture_default_str();
  app.add_option("--disable", options.disabled, "Passes to leave out, separated by commas")
      ->type_name(OneOf(NamesOf(passes::AllPasses())));
}

absl::StatusOr<passes::PipelineOptions> ToPipelineOptions(const TargetOptions& options) {
  passes::PipelineOptions result;
  TENON_ASSIGN_OR_RETURN(const NumericsRow* numerics,
                         FindRow(kNumerics, "--numerics", options.numerics));
  TENON_ASSIGN_OR_RETURN(const PrecisionRow* precision,
                         FindRow(kPrecisions, "--precision", options.precision));
  TENON_ASSIGN_OR_RETURN(const PrepackRow* prepack,
                         FindRow(kPrepacks, "--prepack", options.prepack));
  result.numerics = numerics->numerics;
  result.precision = precision->precision;
  result.prepack = prepack->prepack;
  for (const std::string& pass : SplitList(options.disabled)) {
    if (!passes::FindPass(pass))
      return UnknownValue("--disable", pass, NamesOf(passes::AllPasses()));
    result.disabled_passes.insert(pass);
  }
  if (options.memory_limit > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
    return absl::InvalidArgumentError("--memory-limit is no number of bytes");
  }
  result.memory_limit = static_cast<int64_t>(options.memory_limit);
  return result;
}

absl::StatusOr<CompileOptions> ToCompileOptions(const TargetOptions& options) {
  // The two levels of options name the same things in the same order.
  TENON_ASSIGN_OR_RETURN(const passes::PipelineOptions pipeline, ToPipelineOptions(options));
  CompileOptions result;
  result.numerics = static_cast<Numerics>(pipeline.numerics);
  result.precision = static_cast<Precision>(pipeline.precision);
  result.prepack = static_cast<Prepack>(pipeline.prepack);
  result.memory_limit = pipeline.memory_limit;
  result.disabled_passes = {pipeline.disabled_passes.begin(), pipeline.disabled_passes.end()};
  return result;
}

absl::StatusOr<ir::TargetDesc> ToTarget(const TargetOptions& options) {
  if (options.target == "host") return codegen::HostTarget();
  absl::StatusOr<ir::TargetDesc> target = ir::FindTarget(options.target);
  return target.ok() ? target : UnknownValue("--target", options.target, TargetNames());
}

absl::Status UnknownValue(absl::string_view option, absl::string_view value,
                          const std::vector<std::string>& known) {
  return absl::InvalidArgumentError(absl::StrCat(option, ": unknown value '", value,
                                                 "' (known: ", absl::StrJoin(known, ", "), ")",
                                                 ir::DidYouMean(value, known)));
}

std::vector<std::string> PassesOrAll() {
  std::vector<std::string> names = NamesOf(passes::AllPasses());
  names.emplace_back("all");
  return names;
}

std::vector<std::string> SplitList(const std::vector<std::string>& values) {
  std::vector<std::string> list;
  for (const std::string& value : values) {
    for (absl::string_view part : absl::StrSplit(value, ',', absl::SkipEmpty())) {
      list.emplace_back(part);
    }
  }
  return list;
}

absl::Status WithReproduction(absl::Status status, const ir::Graph& graph) {
  if (!absl::IsInternal(status)) return status;
  const std::string path = "tenon-internal-error.tn";
  const bool written = ir::WriteFileAtomically(path, ir::Print(graph)).ok();
  return absl::InternalError(absl::StrCat(
      status.message(), written ? "\nThis is a bug in tenon; the graph is in " + path : ""));
}

}  // namespace tenon::tools
