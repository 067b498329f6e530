// tenon's side of the benchmark, and its floors: serves one workload (serve.h).
//
//   tenon_bench WORKLOAD THREADS [STEPS]
//
// With STEPS it serves nobody, but prints the seconds of a step, the best of five times STEPS: for
// use by hand and under a profiler.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <limits>

#include "benchmarks/workloads.h"

int main(int argc, char** argv) {
  using namespace tenon::bench;  // NOLINT: a program, not a header
  WorkloadList workloads = KernelWorkloads();
  workloads.merge(ModelWorkloads());
  workloads.merge(ObjectWorkloads());
  workloads.merge(FloorWorkloads());
  const WorkloadName name(argc > 1 ? argv[1] : "");
  const auto found = workloads.find(name.kind);
  if (argc < 3 || found == workloads.end()) {
    std::fprintf(stderr, "usage: tenon_bench WORKLOAD THREADS [STEPS]\nworkloads, with sizes:");
    for (const auto& [kind, maker] : workloads) std::fprintf(stderr, " %s", kind.c_str());
    std::fprintf(stderr, "\n");
    return 1;
  }
  const Served served = found->second(name, std::max(1, std::atoi(argv[2])));
  if (argc < 4) return Serve(served);
  if (!served.skip.empty()) return std::printf("skipped: %s\n", served.skip.c_str()), 0;
  const int64_t steps = std::max(1LL, std::atoll(argv[3]));
  double best = std::numeric_limits<double>::infinity();
  for (int i = 0; i < 5; ++i) {
    const double start = Now();
    double seconds = 0;
    if (served.timed) {
      seconds = served.timed(steps);
    } else {
      served.run(steps);
      seconds = Now() - start;
    }
    best = std::min(best, seconds);
  }
  std::printf("%.9f s a step\n", best / static_cast<double>(steps));
  return 0;
}
