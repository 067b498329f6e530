#include "tools/compare.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "tenon/codegen/host.h"
#include "tenon/ir/check.h"
#include "tenon/ir/roundoff.h"
#include "tenon/passes/compile.h"
#include "tools/engines.h"
#include "tools/noise.h"
#include "tools/sabotage.h"

namespace tenon::tools {
namespace {

using ir::Literal;

// How far a float may be off at `standard`, relative to the largest element of its output, in units
// of roundoff. Sums of a thousand terms commit a thousand roundings, and so do as many ops one
// after the other; longer ones commit more, but of either sign. (The op suite, whose graphs are one
// op on some hundred elements, asks for 64: tests/ops/native_test.cc.) The 16-bit formats compute
// and add up in f32 and round once an op: a dozen ops may each turn one rounding.
double Tolerance(ir::DType dtype) {
  return (ir::ComputeType(dtype) == dtype ? 1024 : 12) * ir::UnitRoundoff(dtype);
}

// Where an output cancels, its largest element says nothing of what its roundings were relative to.
// Then it is held to how far random roundings move it (tools/noise.h). The largest of a few
// such moves is about twice their root mean square: 16 of it is more than thirty of these.
constexpr double kNoiseFactor = 16;

// Holds stage after stage against the oracle's outputs.
class Judge {
 public:
  Judge(const ir::Graph& graph, const RunInputs& inputs, const Comparison& comparison,
        Outputs reference)
      : graph_(graph), inputs_(inputs), comparison_(comparison), reference_(std::move(reference)) {}

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
      bool good = d.same_bits || IsRounding(i, d);
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

  void Print(const std::string& line) const {
    if (comparison_.progress != nullptr) comparison_.progress->Clear();
    if (comparison_.print) comparison_.print(line);
  }
  // Whether another stage needs to be run.
  bool IsOpen() const { return guilty_.empty() || !comparison_.stop_at_first; }
  const std::string& guilty() const { return guilty_; }

 private:
  // Whether roundings explain the deviation of output `i`.
  bool IsRounding(size_t i, const Deviation& d) {
    if (comparison_.pipeline.numerics == passes::Numerics::kExact) return false;
    if (d.error <= comparison_.tolerance * Tolerance(reference_[i].dtype())) return true;
    if (!ir::IsFloat(reference_[i].dtype()) || !std::isfinite(d.error)) return false;
    if (!noise_) {
      if (comparison_.progress != nullptr) comparison_.progress->Set("looking at roundings");
      const auto noise = RoundingNoise(graph_, inputs_.values, inputs_.extents, reference_);
      noise_ = noise.ok() ? *noise : std::vector<double>(reference_.size());
    }
    return d.error * d.scale <= comparison_.tolerance * kNoiseFactor * (*noise_)[i];
  }
  void Blame(const std::string& stage) {
    if (guilty_.empty()) guilty_ = stage;
  }

  const ir::Graph& graph_;
  const RunInputs& inputs_;
  const Comparison& comparison_;
  const Outputs reference_;
  std::optional<std::vector<double>> noise_;  // by output; made when it is needed
  std::string guilty_;
};

}  // namespace

Deviation Compare(const Literal& reference, const Literal& value) {
  Deviation worst;
  if (!(reference.type() == value.type()))
    return {std::numeric_limits<double>::infinity(), -1, false, 0};
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
    if (worst.element < 0 || error > worst.error) worst = {error, i, false, scale};
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
  Judge judge(graph, inputs, comparison, std::move(reference));
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
  if (!codegen::HostCanRun(comparison.target)) {
    judge.Print(absl::StrFormat("%-14s left out: this machine cannot run code for %s", "native",
                                comparison.target.cpu));
    return judge.guilty();
  }
  set_progress("compiling and running native code");
  kernel::Program compiled = *program;
  if (comparison.native) comparison.native(&compiled);
  judge.Add("native", RunNative(compiled, comparison.target, inputs, comparison.threads),
            kernels.ok() ? &*kernels : nullptr);
  return judge.guilty();
}

}  // namespace tenon::tools
