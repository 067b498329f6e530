// What a step costs beside its kernels: barriers, waking, and the share of Fit's time that is spent
// within the program.
//
//   build/release/benchmarks/steps_bench
//
// Each line: what, then median (quartiles) of repeated measurements.
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "tenon/codegen/artifact.h"
#include "tenon/codegen/host.h"
#include "tenon/codegen/jit.h"
#include "tenon/frontend/callback/progress_bar.h"
#include "tenon/frontend/data/synthetic.h"
#include "tenon/frontend/loss/binary_cross_entropy.h"
#include "tenon/frontend/metric/accuracy.h"
#include "tenon/frontend/model.h"
#include "tenon/frontend/nn/dense.h"
#include "tenon/frontend/nn/sequential.h"
#include "tenon/ir/kernel/text.h"
#include "tenon/runtime/arena.h"
#include "tenon/runtime/team.h"

namespace {

using namespace tenon;  // NOLINT: a program, not a header
using Clock = std::chrono::steady_clock;

double Since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

template <typename T>
T OrDie(absl::StatusOr<T> value) {
  if (!value.ok()) {
    std::cerr << value.status() << "\n";
    std::exit(1);
  }
  return std::move(value).value();
}

void Report(const std::string& what, const char* unit, std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t n = values.size();
  std::printf("%-46s %8.3f (%.3f-%.3f) %s\n", what.c_str(), values[n / 2], values[n / 4],
              values[3 * n / 4], unit);
  std::fflush(stdout);
}

// A program that is nothing but barriers.
constexpr char kBarriers[] = R"(program @barriers
symbol times <= 1000000
step {
  repeat i < times {
    barrier
  }
}
)";

void MeasureBarriers(int threads) {
  const ir::TargetDesc target = codegen::HostTarget();
  const kernel::Program program = OrDie(kernel::ParseProgram(kBarriers));
  const codegen::Artifact artifact = OrDie(codegen::Compile(program, target));
  const auto loaded = OrDie(codegen::Load(artifact));
  runtime::Team team(threads);
  const runtime::Arena arena(64);
  const int64_t times = 100000;
  tenon_frame frame = {.extents = &times, .arena = arena.data()};
  std::vector<double> nanoseconds;
  for (int repeat = 0; repeat < 21; ++repeat) {
    const auto start = Clock::now();
    team.Run(loaded->step(), &frame);
    nanoseconds.push_back(1e9 * Since(start) / static_cast<double>(times));
  }
  Report("barrier, " + std::to_string(threads) + " threads", "ns", nanoseconds);
}

// From the caller's Run to the first instruction of the other thread.
Clock::time_point g_begun;
int32_t Begin(tenon_frame*, int32_t thread, int32_t) {
  if (thread == 1) g_begun = Clock::now();
  return TENON_OK;
}

void MeasureRun(bool parked) {
  runtime::Team team(2);
  tenon_frame frame = {};
  team.Run(&Begin, &frame);
  std::vector<double> begun, all;
  for (int repeat = 0; repeat < (parked ? 201 : 2001); ++repeat) {
    // A parked thread has polled for 50 us in vain.
    if (parked) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    const auto start = Clock::now();
    team.Run(&Begin, &frame);
    all.push_back(1e6 * Since(start));
    begun.push_back(1e6 * std::chrono::duration<double>(g_begun - start).count());
  }
  const std::string state = parked ? "parked" : "polling";
  Report("second thread begins, " + state, "us", begun);
  Report("a run of nothing, 2 threads, " + state, "us", all);
}

// What waking takes on this machine at the least: one futex, as MeasureRun(true) uses it.
void MeasureFutex() {
  alignas(64) uint32_t word = 0;
  const std::atomic_ref ref(word);
  std::atomic<bool> ending = false;
  std::atomic<int> woken = 0;
  Clock::time_point begun;
  std::thread sleeper([&] {
    for (uint32_t seen = 0; !ending; ++seen) {
      while (ref.load() == seen) {
        syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, seen, nullptr, nullptr, 0);
      }
      begun = Clock::now();
      ++woken;
    }
  });
  std::vector<double> microseconds;
  for (int repeat = 0; repeat <= 201; ++repeat) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    ending = repeat == 201;
    const int before = woken;
    const auto start = Clock::now();
    ref.fetch_add(1);
    syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
    while (woken == before) std::this_thread::yield();
    microseconds.push_back(1e6 * std::chrono::duration<double>(begun - start).count());
  }
  sleeper.join();
  Report("a futex alone: asleep to running", "us", microseconds);
}

// The worked example (examples/worked_example) on synthetic data, through Fit.
void MeasureFit(int threads, int64_t rows, bool progress) {
  const data::Dataset d = OrDie(data::MakeClassification({.samples = rows, .features = 10}));
  const nn::Sequential net{nn::Dense(64, nn::Relu), nn::Dense(1, nn::Sigmoid)};
  Model model(
      net,
      {.loss = loss::BinaryCrossEntropy(), .metrics = {metric::Accuracy()}, .threads = threads});
  FitOptions options = {.epochs = 1, .batch_size = 32, .progress = false};
  std::FILE* sink = std::fopen("/dev/null", "w");
  if (progress) {
    options.callbacks = {callback::ProgressBar({.terminal = true, .file = sink})};
  }
  OrDie(model.Fit(d, options));
  options.epochs = std::max<int64_t>(1, 300000 / rows);
  std::vector<double> step, inside;
  for (int repeat = 0; repeat < 15; ++repeat) {
    const auto start = Clock::now();
    const History history = OrDie(model.Fit(d, options));
    const double seconds = Since(start);
    step.push_back(1e6 * seconds / static_cast<double>(history.steps));
    inside.push_back(100 * history.step_seconds / seconds);
  }
  std::fclose(sink);
  const std::string what = std::to_string(threads) + " threads, " + std::to_string(rows) + " rows" +
                           (progress ? ", bar" : "");
  Report("worked example, " + what, "us a step", step);
  Report("  of that inside the program", "%", inside);
}

}  // namespace

int main() {
  MeasureBarriers(2);
  MeasureRun(false);
  MeasureRun(true);
  MeasureFutex();
  for (const int threads : {1, 2}) {
    for (const int64_t rows : {800, 8000}) MeasureFit(threads, rows, true);
  }
  MeasureFit(2, 8000, false);
  return 0;
}
