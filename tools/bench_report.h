// What `tenon bench` found out about a model, and how it is written: text for people, or JSON.
#ifndef TENON_TOOLS_BENCH_REPORT_H_
#define TENON_TOOLS_BENCH_REPORT_H_

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "tools/kernel_cost.h"

namespace tenon::tools {

// Seconds: the median, and the quartiles.
struct Timing {
  double median = 0, low = 0, high = 0;
};
Timing TimingOf(std::vector<double> seconds);

// A launch of the step, or a barrier (then without a cost).
struct LaunchReport {
  std::string kernel;
  double runs = 1;             // times a step, where that is known beforehand
  double seconds = 0;          // a step: of the thread that takes longest
  LaunchCost cost;             // of all its runs in a step
  double compute_seconds = 0;  // at the machine's peaks
  double bandwidth = 0;        // of a copy of as many bytes
  bool is_barrier = false;

  double MemorySeconds() const { return bandwidth > 0 ? cost.bytes() / bandwidth : 0; }
  // The least that the machine needs.
  double RooflineSeconds() const { return std::max(compute_seconds, MemorySeconds()); }
};

struct BenchReport {
  std::string model, cpu, target;
  int threads = 1;
  std::vector<std::pair<std::string, int64_t>> extents;

  double passes_seconds = 0, codegen_seconds = 0;  // of the compilation
  int kernels = 0, distinct_kernels = 0;
  int64_t arena_bytes = 0, scratch_bytes = 0, prepared_bytes = 0;

  double first_seconds = 0;  // `prepare` and the first step: fresh memory
  int64_t runs = 0;
  Timing warm;                 // one step after the other
  Timing cold;                 // each with the caches full of something else
  double clocked_seconds = 0;  // a warm step that keeps time: what the figures below add up to

  double peak_f32 = 0, peak_f64 = 0, peak_bf16 = 0, copy = 0,
         copy_nt = 0;                  // of this machine, with these threads
  std::vector<LaunchReport> launches;  // in the order of the step
};

std::string BenchText(const BenchReport& report);
std::string BenchJson(const BenchReport& report);

}  // namespace tenon::tools

#endif  // TENON_TOOLS_BENCH_REPORT_H_
