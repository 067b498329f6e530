// tenon bench: times a model, warm and cold, and each of its kernels against the roofline of this
// machine, whose peak and bandwidth are measured beside it.
//
// The program is compiled twice: as it is, for the times of runs; and with clocks
// (codegen::CodegenOptions), for the times of kernels within them.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "benchmarks/machine.h"
#include "tenon/codegen/artifact.h"
#include "tenon/codegen/host.h"
#include "tenon/ir/check.h"
#include "tenon/passes/compile.h"
#include "tools/bench_report.h"
#include "tools/command.h"
#include "tools/engines.h"
#include "tools/inputs.h"
#include "tools/kernel_cost.h"
#include "tools/progress.h"
#include "tools/ticks.h"

namespace tenon::tools {
namespace {

using Clock = std::chrono::steady_clock;
using kernel::Step;

constexpr int kColdRuns = 9;

struct BenchOptions {
  std::string path;
  int threads = 0;
  int64_t runs = 0;
  bool json = false;
  InputOptions inputs;
  TargetOptions target;
};

double Since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// The launches and barriers of a step, in the order of their clocks.
class LaunchList {
 public:
  LaunchList(const kernel::Program& program, ir::Extents extents)
      : program_(program), extents_(std::move(extents)) {
    Add(program.step, 1, /*exact=*/true);
  }
  std::vector<LaunchReport> Take() { return std::move(launches_); }

 private:
  void Add(const std::vector<Step>& steps, double runs, bool exact) {
    for (const Step& step : steps) {
      switch (step.kind) {
        case Step::Kind::kLaunch:
          AddLaunch(step.launch, runs, exact);
          break;
        case Step::Kind::kBarrier: {
          LaunchReport barrier;
          barrier.is_barrier = true;
          launches_.push_back(barrier);
          break;
        }
        case Step::Kind::kRepeat: {
          const absl::StatusOr<int64_t> trips = step.repeat.trip_count.Evaluate(extents_);
          extents_[step.repeat.variable] = 0;
          Add(step.repeat.body, runs * static_cast<double>(trips.ok() ? *trips : 1),
              exact && trips.ok());
          extents_.erase(step.repeat.variable);
          break;
        }
        case Step::Kind::kWhile:  // nobody knows how often
          Add(step.loop.condition, runs, false);
          Add(step.loop.body, runs, false);
          break;
        case Step::Kind::kBranch:  // nor which
          Add(step.branch.if_true, runs, false);
          Add(step.branch.if_false, runs, false);
          break;
      }
    }
  }

  void AddLaunch(const kernel::Launch& launch, double runs, bool exact) {
    LaunchReport report;
    report.kernel = LaunchName(program_, launch);
    report.runs = runs;
    report.cost = CostOf(program_, launch, extents_);
    report.cost.exact &= exact;
    LaunchCost& c = report.cost;
    for (double* part :
         {&c.f32_flops, &c.f64_flops, &c.bf16_flops, &c.bytes_read, &c.bytes_written}) {
      *part *= runs;
    }
    launches_.push_back(std::move(report));
  }

  const kernel::Program& program_;
  ir::Extents extents_;
  std::vector<LaunchReport> launches_;
};

// Bandwidths of copies by how much is copied, so that what stays in a cache is held to that cache.
class Bandwidths {
 public:
  explicit Bandwidths(int threads) : threads_(threads) {}

  // The better of plain and non-temporal stores.
  double Of(double bytes) {
    int64_t size = 1 << 14;
    while (static_cast<double>(2 * size) < bytes && size < (int64_t{1} << 26)) size *= 2;
    double& best = by_size_[size];
    if (best == 0) best = std::max(Measure(size, false), Measure(size, true));
    return best;
  }
  double Measure(int64_t array_bytes, bool non_temporal) const {
    bench::StreamSpec spec{
        .reads = 1, .writes = 1, .in_place = false, .non_temporal = non_temporal};
    return bench::Stream(spec, array_bytes, threads_).BytesPerSecond();
  }

 private:
  int threads_;
  std::map<int64_t, double> by_size_;  // of one array
};

// Writes more than the caches hold.
class CacheFiller {
 public:
  void Fill() {
    for (size_t i = 0; i < memory_.size(); i += 64) memory_[i] = static_cast<char>(memory_[i] + 1);
  }

 private:
  std::vector<char> memory_ = std::vector<char>(size_t{128} << 20);
};

absl::StatusOr<std::vector<double>> TimeRuns(NativeRun& run, int64_t runs, CacheFiller* filler) {
  std::vector<double> seconds;
  for (int64_t i = 0; i < runs; ++i) {
    if (filler != nullptr) filler->Fill();
    const auto start = Clock::now();
    TENON_RETURN_IF_ERROR(run.Step());
    seconds.push_back(Since(start));
  }
  return seconds;
}

// As many runs as fit into about half a second, at least 5.
absl::StatusOr<int64_t> ChooseRuns(NativeRun& run) {
  constexpr double kSeconds = 0.5;
  TENON_ASSIGN_OR_RETURN(const std::vector<double> few, TimeRuns(run, 3, nullptr));
  const double least = std::max(1e-7, *std::min_element(few.begin(), few.end()));
  return std::clamp<int64_t>(static_cast<int64_t>(kSeconds / least), 5, 100000);
}

absl::Status TimeWhole(const codegen::Artifact& artifact, const RunInputs& inputs, int64_t runs,
                       BenchReport* report) {
  TENON_ASSIGN_OR_RETURN(const std::unique_ptr<NativeRun> run,
                         NativeRun::Make(artifact, inputs, report->threads));
  const auto start = Clock::now();
  TENON_RETURN_IF_ERROR(run->Prepare());
  TENON_RETURN_IF_ERROR(run->Step());
  report->first_seconds = Since(start);
  if (runs == 0) {
    TENON_ASSIGN_OR_RETURN(runs, ChooseRuns(*run));
  }
  report->runs = runs;
  TENON_ASSIGN_OR_RETURN(std::vector<double> warm, TimeRuns(*run, runs, nullptr));
  report->warm = TimingOf(std::move(warm));
  CacheFiller filler;
  TENON_ASSIGN_OR_RETURN(std::vector<double> cold,
                         TimeRuns(*run, std::min<int64_t>(runs, kColdRuns), &filler));
  report->cold = TimingOf(std::move(cold));
  return absl::OkStatus();
}

// Fills in the seconds of each launch, from a program with clocks.
absl::Status TimeLaunches(const codegen::Artifact& artifact, const RunInputs& inputs, int slots,
                          BenchReport* report) {
  std::vector<int64_t> table(static_cast<size_t>(slots) * report->threads);
  TENON_ASSIGN_OR_RETURN(
      const std::unique_ptr<NativeRun> run,
      NativeRun::Make(artifact, inputs, report->threads, {.clocks = table.data()}));
  TENON_RETURN_IF_ERROR(run->Prepare());
  TENON_RETURN_IF_ERROR(TimeRuns(*run, 2, nullptr).status());
  std::fill(table.begin(), table.end(), 0);
  const double tick = SecondsPerTick();
  TENON_ASSIGN_OR_RETURN(const std::vector<double> seconds, TimeRuns(*run, report->runs, nullptr));
  report->clocked_seconds = TimingOf(seconds).median;
  // Shares are of the mean, which a few runs that were interrupted raise; the median is the scale.
  double sum = 0;
  for (double s : seconds) sum += s;
  const double scale = tick * report->clocked_seconds / std::max(sum, 1e-12);
  for (size_t i = 0; i < report->launches.size(); ++i) {
    int64_t most = 0;
    for (int t = 0; t < report->threads; ++t) {
      most = std::max(most, table[static_cast<size_t>(t) * slots + 1 + i]);
    }
    report->launches[i].seconds = static_cast<double>(most) * scale;
  }
  return absl::OkStatus();
}

// The better of this measurement and the last: clocks move.
void MeasurePeaks(BenchReport* report) {
  const auto measure = [&](bench::Arithmetic arithmetic, double* peak) {
    *peak = std::max(*peak, bench::PeakFlops(arithmetic, report->threads));
  };
  measure(bench::Arithmetic::kF32, &report->peak_f32);
  measure(bench::Arithmetic::kF64, &report->peak_f64);
  measure(bench::Arithmetic::kBf16, &report->peak_bf16);
}

// The floors of each launch.
void HoldToRoofline(BenchReport* report) {
  Bandwidths bandwidths(report->threads);
  constexpr int64_t kBeyondCaches = int64_t{1} << 26;
  report->copy = bandwidths.Measure(kBeyondCaches, false);
  report->copy_nt = bandwidths.Measure(kBeyondCaches, true);
  const auto seconds = [](double flops, double peak) { return peak > 0 ? flops / peak : 0; };
  for (LaunchReport& l : report->launches) {
    if (l.is_barrier || l.runs == 0) continue;
    // Where the host has no instruction for dot2, it is not asked for.
    l.compute_seconds = seconds(l.cost.f32_flops, report->peak_f32) +
                        seconds(l.cost.f64_flops, report->peak_f64) +
                        seconds(l.cost.bf16_flops, report->peak_bf16);
    l.bandwidth = bandwidths.Of(l.cost.bytes() / l.runs);
  }
}

absl::StatusOr<BenchReport> Measure(const ir::Graph& graph, const RunInputs& inputs,
                                    const BenchOptions& options, Progress& progress) {
  TENON_ASSIGN_OR_RETURN(const passes::PipelineOptions pipeline, ToPipelineOptions(options.target));
  TENON_ASSIGN_OR_RETURN(const ir::TargetDesc target, ToTarget(options.target));
  if (!codegen::HostCanRun(target)) {
    return absl::InvalidArgumentError(
        absl::StrCat("this machine cannot run code for ", target.cpu));
  }
  BenchReport report;
  report.model = graph.name();
  report.cpu = bench::CpuModel();
  report.target = target.cpu;
  const int cores = static_cast<int>(std::thread::hardware_concurrency());
  report.threads = options.threads > 0 ? options.threads : std::max(1, cores);
  for (const auto& [symbol, bound] : graph.Symbols()) {
    report.extents.emplace_back(symbol, inputs.extents.at(symbol));
  }
  progress.Set("compiling");
  auto start = Clock::now();
  TENON_ASSIGN_OR_RETURN(const kernel::Program program,
                         passes::CompileToProgram(graph, target, pipeline));
  report.passes_seconds = Since(start);
  start = Clock::now();
  TENON_ASSIGN_OR_RETURN(const codegen::Artifact artifact, codegen::Compile(program, target));
  report.codegen_seconds = Since(start);
  report.kernels = static_cast<int>(program.kernels.size());
  report.distinct_kernels = static_cast<int>(artifact.kernels.size());
  report.arena_bytes = artifact.arena_bytes;
  report.scratch_bytes = artifact.scratch_bytes;
  report.prepared_bytes = artifact.prepared_bytes;
  TENON_ASSIGN_OR_RETURN(const codegen::Artifact clocked,
                         codegen::Compile(program, target, {.clocks = true}));
  report.launches = LaunchList(program, inputs.extents).Take();

  progress.Set("measuring the machine's peaks");
  MeasurePeaks(&report);
  progress.Set("timing runs");
  TENON_RETURN_IF_ERROR(TimeWhole(artifact, inputs, options.runs, &report));
  TENON_RETURN_IF_ERROR(TimeLaunches(clocked, inputs, codegen::ClockSlots(program), &report));
  progress.Set("measuring the machine's peaks");
  MeasurePeaks(&report);
  HoldToRoofline(&report);
  return report;
}

absl::Status Bench(const BenchOptions& options) {
  Progress progress("tenon bench");
  progress.Set("reading the model");
  TENON_ASSIGN_OR_RETURN(const ir::Model model, Load(options.path));
  TENON_ASSIGN_OR_RETURN(const RunInputs inputs,
                         GatherInputs(model, options.inputs, /*make_up=*/true));
  const absl::StatusOr<BenchReport> report = Measure(model.graph, inputs, options, progress);
  progress.Clear();
  if (!report.ok()) return WithReproduction(report.status(), model.graph);
  const std::string text = options.json ? BenchJson(*report) : BenchText(*report);
  std::fwrite(text.data(), 1, text.size(), stdout);
  return absl::OkStatus();
}

}  // namespace

Action AddBench(CLI::App& app) {
  auto options = std::make_shared<BenchOptions>();
  AddModelArgument(app, options->path);
  AddInputOptions(app, options->inputs);
  app.add_option("--threads", options->threads, "Threads to run on; 0: one a core")
      ->check(CLI::Range(0, 1024));
  app.add_option("--runs", options->runs, "Timed runs; 0: about half a second of them")
      ->check(CLI::Range(int64_t{0}, int64_t{1000000}));
  app.add_flag("--json", options->json, "Write JSON instead of text");
  AddTargetOptions(app, options->target);
  return [options] { return Bench(*options); };
}

}  // namespace tenon::tools
