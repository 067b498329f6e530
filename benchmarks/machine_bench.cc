// Prints what the machine can do (machine.h): peaks and bandwidths, for one thread and for more.
//
//   machine_bench [THREADS = 2]
#include <cstdio>
#include <cstdlib>

#include "benchmarks/machine.h"

int main(int argc, char** argv) {
  using namespace tenon::bench;  // NOLINT: a program, not a header
  const int most = argc > 1 ? std::atoi(argv[1]) : 2;
  if (most < 1) {
    std::fprintf(stderr, "usage: machine_bench [THREADS]\n");
    return 1;
  }
  std::printf("%s, peak by %s\n", CpuModel().c_str(), PeakInstructions().c_str());
  for (int threads = 1; threads <= most; ++threads) {
    std::printf("%d thread%s: f32 %.1f, f64 %.1f, bf16 %.1f GFLOP/s\n", threads,
                threads == 1 ? "" : "s", 1e-9 * PeakFlops(Arithmetic::kF32, threads, 0.02),
                1e-9 * PeakFlops(Arithmetic::kF64, threads, 0.02),
                1e-9 * PeakFlops(Arithmetic::kBf16, threads, 0.02));
    for (const int64_t bytes : {int64_t{1} << 13, int64_t{1} << 18, int64_t{1} << 26}) {
      for (const StreamSpec& spec : {StreamSpec{1, 0}, StreamSpec{0, 1}, StreamSpec{1, 1},
                                     StreamSpec{.reads = 1, .writes = 1, .non_temporal = true},
                                     StreamSpec{.reads = 4, .writes = 3, .in_place = true}}) {
        Stream stream(spec, bytes * threads, threads);
        std::printf("  %-14s %6lld KiB each a thread: %6.1f GB/s\n", spec.Name().c_str(),
                    static_cast<long long>(bytes >> 10), 1e-9 * stream.BytesPerSecond(10));
      }
    }
  }
  return 0;
}
