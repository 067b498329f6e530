#include "tools/compare.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "tenon/ir/check.h"
#include "tenon/passes/compile.h"
#include "tools/engines.h"
#include "tools/sabotage.h"

namespace tenon::tools {
namespace {

using ir::Literal;

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

// Holds stage after stage against the oracle's outputs.
class Judge {
 public:
  Judge(const ir::Graph& graph, const Comparison& comparison, Outputs reference)
      : graph_(graph), comparison_(comparison), reference_(std::move(reference)) {}

  // Where `to_the_bit` is given, the outputs must have its bits as well.
  void Add(const std::string& stage, const absl::StatusOr<Outputs>& outputs,
           const Outputs* to_the_bit = nullptr) {
    if (!outputs.ok()) {
      Fail(stage, outputs.status());
      return;
    }
    for (size_t i = 0; i < reference_.size(); ++i) {
      const Literal& value = (*outputs)[i];
      const Deviation d = Compare(reference_[i], value);
      const bool exact = comparison_.pipeline.numerics == passes::Numerics::kExact;
      const double allowed = exact ? 0 : comparison_.tolerance * Tolerance(reference_[i].dtype());
      bool good = d.error <= allowed && (d.same_bits || !exact);
      std::string note = d.same_bits ? "same bits" : absl::StrFormat("worst error %.3g", d.error);
      if (d.element >= 0) {
        absl::StrAppend(&note, " at ", Position(reference_[i], d.element), ": ",
                        value.GetAsDouble(d.element), " for ",
                        reference_[i].GetAsDouble(d.element));
      }
      if (to_the_bit != nullptr && !Compare((*to_the_bit)[i], value).same_bits) {
        note += ", other bits than the kernel interpreter";
        good = false;
      }
      Print(absl::StrFormat("%-14s %-20s %s%s", stage, graph_.outputs()[i].name, note,
                            good ? "" : "  <-- wrong"));
      if (!good) Blame(stage);
    }
  }

  void Fail(const std::string& stage, const absl::Status& status) {
    Print(absl::StrFormat("%-14s failed: %s", stage, status.message()));
    Blame(stage);
  }

  // Whether another stage needs to be run.
  bool IsOpen() const { return guilty_.empty() || !comparison_.stop_at_first; }
  const std::string& guilty() const { return guilty_; }

 private:
  void Print(const std::string& line) const {
    if (comparison_.progress != nullptr) comparison_.progress->Clear();
    if (comparison_.print) comparison_.print(line);
  }
  void Blame(const std::string& stage) {
    if (guilty_.empty()) guilty_ = stage;
  }

  const ir::Graph& graph_;
  const Comparison& comparison_;
  const Outputs reference_;
  std::string guilty_;
};

}  // namespace

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

std::string Position(const Literal& literal, int64_t i) {
  std::vector<int64_t> index(literal.dims().size());
  for (size_t d = index.size(); d-- > 0;) {
    index[d] = i % literal.dims()[d];
    i /= literal.dims()[d];
  }
  return absl::StrCat("[", absl::StrJoin(index, ","), "]");
}

void AddCompareOptions(CLI::App& app, CompareFlags& flags) {
  app.add_option("--threads", flags.threads, "Threads of the kernel interpreter and native code")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_option("--tolerance", flags.tolerance, "Factor on the usual tolerances")
      ->capture_default_str();
  // No group: not in the help. For tests of this tool.
  app.add_option("--sabotage", flags.sabotage, "Make the mistake of this stage")->group("");
  AddTargetOptions(app, flags.target);
}

absl::StatusOr<Comparison> MakeComparison(const CompareFlags& flags) {
  Comparison comparison;
  TENON_ASSIGN_OR_RETURN(comparison.pipeline, ToPipelineOptions(flags.target));
  TENON_ASSIGN_OR_RETURN(comparison.target, ToTarget(flags.target));
  TENON_RETURN_IF_ERROR(Sabotage(flags.sabotage, &comparison.pipeline, &comparison.native));
  comparison.pipeline.verify_after_each = true;
  comparison.threads = flags.threads;
  comparison.tolerance = flags.tolerance;
  return comparison;
}

absl::StatusOr<std::string> FirstWrongStage(const ir::Graph& graph, const RunInputs& inputs,
                                            const Comparison& comparison) {
  const auto set_progress = [&](const std::string& step) {
    if (comparison.progress != nullptr) comparison.progress->Set(step);
  };
  set_progress("interpreting the graph");
  TENON_ASSIGN_OR_RETURN(Outputs reference, RunGraph(graph, inputs));
  Judge judge(graph, comparison, std::move(reference));
  passes::PipelineOptions pipeline = comparison.pipeline;
  if (comparison.each_stage) {
    pipeline.after_pass = [&](const passes::PassReport& report, const ir::Graph& result) {
      if (!judge.IsOpen()) return;
      set_progress(absl::StrCat("interpreting the graph after ", report.pass));
      judge.Add(std::string(report.pass), RunGraph(result, inputs));
    };
    pipeline.after_stage = [&](absl::string_view stage, const kernel::Program& program) {
      if (stage == "barriers" || !judge.IsOpen()) return;
      set_progress(absl::StrCat("interpreting the kernels after ", stage));
      // Without barriers there is but one thread.
      judge.Add(std::string(stage), RunKernels(program, inputs, /*threads=*/1));
    };
  }
  set_progress("compiling");
  const absl::StatusOr<kernel::Program> program =
      passes::CompileToProgram(graph, comparison.target, pipeline);
  if (!program.ok()) {
    const std::string stage = passes::StageOf(program.status());
    if (stage.empty()) return program.status();
    judge.Fail(stage, program.status());
    return judge.guilty();
  }
  if (!judge.IsOpen()) return judge.guilty();
  set_progress("interpreting the kernels");
  const absl::StatusOr<Outputs> kernels = RunKernels(*program, inputs, comparison.threads);
  judge.Add(comparison.each_stage ? "barriers" : "kernel", kernels);
  if (!judge.IsOpen()) return judge.guilty();
  set_progress("compiling and running native code");
  kernel::Program compiled = *program;
  if (comparison.native) comparison.native(&compiled);
  judge.Add("native", RunNative(compiled, comparison.target, inputs, comparison.threads),
            kernels.ok() ? &*kernels : nullptr);
  return judge.guilty();
}

}  // namespace tenon::tools
