// tenon diff: runs a model through the graph interpreter, the kernel interpreter and native code,
// and compares. With --bisect after every pass too, so that the first stage that goes wrong has a
// name.
//
// The graph interpreter on the model as given is the oracle. At `exact` numerics every stage must
// give its bits; otherwise floats may differ by a tolerance. Kernel interpreter and native code
// must always agree to the bit. NaNs are equal to each other.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "tenon/ir/check.h"
#include "tenon/passes/compile.h"
#include "tools/command.h"
#include "tools/engines.h"
#include "tools/inputs.h"

namespace tenon::tools {
namespace {

using ir::Literal;

struct DiffOptions {
  std::string path;
  bool bisect = false;
  int threads = 2;
  double tolerance = 1;
  InputOptions inputs;
  TargetOptions target;
};

// The largest deviation that reordered sums of a few thousand terms, fused multiply-adds and the
// stated bounds of the functions explain, relative to the largest element of the output.
double Tolerance(ir::DType dtype) {
  switch (dtype) {
    case ir::DType::kF64:
      return 1e-10;
    case ir::DType::kF32:
      return 1e-4;
    case ir::DType::kF16:
      return 1e-2;
    case ir::DType::kBF16:
      return 5e-2;
    case ir::DType::kI8:
    case ir::DType::kU8:
    case ir::DType::kI32:
    case ir::DType::kI64:
    case ir::DType::kBool:
      return 0;
  }
  return 0;
}

// The worst element of `value` against `reference`, relative to the reference's largest finite one.
struct Deviation {
  double error = 0;  // infinite where one is NaN or infinite and the other not
  int64_t element = -1;
  bool same_bits = true;
};
Deviation Compare(const Literal& reference, const Literal& value) {
  Deviation worst;
  if (!(reference.type() == value.type()))
    return {std::numeric_limits<double>::infinity(), -1, false};
  double scale = std::numeric_limits<double>::min();
  for (int64_t i = 0; i < reference.size(); ++i) {
    const double r = std::abs(reference.GetAsDouble(i));
    if (std::isfinite(r)) scale = std::max(scale, r);
  }
  const size_t width = static_cast<size_t>(ir::ByteSize(reference.dtype()));
  for (int64_t i = 0; i < reference.size(); ++i) {
    if (std::memcmp(reference.bytes() + i * width, value.bytes() + i * width, width) == 0) continue;
    const double r = reference.GetAsDouble(i), v = value.GetAsDouble(i);
    if (std::isnan(r) && std::isnan(v)) continue;
    worst.same_bits = false;
    // Integers beyond 2^53 may look equal as doubles; unequal bits are an error all the same.
    double error = std::isfinite(r) && std::isfinite(v) ? std::abs(r - v) / scale
                                                        : std::numeric_limits<double>::infinity();
    if (!ir::IsFloat(reference.dtype())) error = std::max(error, 1e-300);
    if (worst.element < 0 || error > worst.error) worst = {error, i, false};
  }
  return worst;
}

// "[3,0]": where element `i` of the row-major order is.
std::string Position(const Literal& literal, int64_t i) {
  std::vector<int64_t> index(literal.dims().size());
  for (size_t d = index.size(); d-- > 0;) {
    index[d] = i % literal.dims()[d];
    i /= literal.dims()[d];
  }
  return absl::StrCat("[", absl::StrJoin(index, ","), "]");
}

class Comparison {
 public:
  Comparison(const DiffOptions& options, const ir::Graph& graph, Outputs reference)
      : options_(options), graph_(graph), reference_(std::move(reference)) {}

  // Compares a stage with the oracle and, where given, with the stage before to the bit; prints a
  // line an output. The first stage with a failure becomes the guilty one.
  void Add(const std::string& stage, const absl::StatusOr<Outputs>& outputs,
           const Outputs* to_the_bit = nullptr) {
    if (!outputs.ok()) {
      absl::PrintF("%-14s failed: %s\n", stage, outputs.status().message());
      Blame(stage);
      return;
    }
    for (size_t i = 0; i < reference_.size(); ++i) {
      const Deviation d = Compare(reference_[i], (*outputs)[i]);
      const bool exact = options_.target.numerics == "exact";
      bool good = d.error <= (exact ? 0 : options_.tolerance * Tolerance(reference_[i].dtype())) &&
                  (d.same_bits || !exact);
      std::string note = d.same_bits ? "same bits" : absl::StrFormat("worst error %.3g", d.error);
      if (d.element >= 0) {
        absl::StrAppend(&note, " at ", Position(reference_[i], d.element), ": ",
                        (*outputs)[i].GetAsDouble(d.element), " for ",
                        reference_[i].GetAsDouble(d.element));
      }
      if (to_the_bit != nullptr && !Compare((*to_the_bit)[i], (*outputs)[i]).same_bits) {
        note += ", other bits than the kernel interpreter";
        good = false;
      }
      absl::PrintF("%-14s %-20s %s%s\n", stage, graph_.outputs()[i].name, note,
                   good ? "" : "  <-- wrong");
      if (!good) Blame(stage);
    }
  }

  const std::string& guilty() const { return guilty_; }

 private:
  void Blame(const std::string& stage) {
    if (guilty_.empty()) guilty_ = stage;
  }

  const DiffOptions& options_;
  const ir::Graph& graph_;
  const Outputs reference_;
  std::string guilty_;
};

absl::Status Diff(const DiffOptions& options) {
  TENON_ASSIGN_OR_RETURN(passes::PipelineOptions pipeline, ToPipelineOptions(options.target));
  TENON_ASSIGN_OR_RETURN(const ir::TargetDesc target, ToTarget(options.target));
  TENON_ASSIGN_OR_RETURN(const ir::Model model, Load(options.path));
  TENON_ASSIGN_OR_RETURN(const RunInputs inputs,
                         GatherInputs(model, options.inputs, /*make_up=*/true));
  TENON_ASSIGN_OR_RETURN(Outputs reference, RunGraph(model.graph, inputs));
  Comparison comparison(options, model.graph, std::move(reference));
  if (options.bisect) {
    pipeline.after_pass = [&](const passes::PassReport& report, const ir::Graph& graph) {
      comparison.Add(std::string(report.pass), RunGraph(graph, inputs));
    };
  }
  absl::StatusOr<kernel::Program> program = passes::CompileToProgram(model.graph, target, pipeline);
  if (!program.ok()) return WithReproduction(program.status(), model.graph);
  const absl::StatusOr<Outputs> kernels = RunKernels(*program, inputs, options.threads);
  comparison.Add("kernel", kernels);
  comparison.Add("native", RunNative(*program, target, inputs, options.threads),
                 kernels.ok() ? &*kernels : nullptr);
  if (comparison.guilty().empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("results differ, first after stage '", comparison.guilty(), "'",
                   options.bisect ? "" : "; --bisect looks at every pass"));
}

}  // namespace

Action AddDiff(CLI::App& app) {
  auto options = std::make_shared<DiffOptions>();
  AddModelArgument(app, options->path);
  app.add_flag("--bisect", options->bisect, "Compare after every pass, to find the guilty one");
  AddInputOptions(app, options->inputs);
  app.add_option("--threads", options->threads, "Threads of the kernel interpreter and native code")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_option("--tolerance", options->tolerance, "Factor on the usual tolerances")
      ->capture_default_str();
  AddTargetOptions(app, options->target);
  return [options] { return Diff(*options); };
}

}  // namespace tenon::tools
