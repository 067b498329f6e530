// What this machine can do, measured: the floors that every benchmark divides by.
//
// Peak P. Twelve independent chains of fused multiply-adds in registers, written as inline assembly
// so that no optimisation level changes them: AVX-512, AVX2 with FMA, or NEON, whichever is the
// widest that the host has. bf16 is AMX (`tdpbf16ps` on four accumulators in tile registers), else
// the dot-product instruction (`vdpbf16ps`: two multiply-adds a lane), where the host has them. The
// chains run on ordinary, changing numbers: zeros would save power and so raise the clock. A slice
// lasts about 100 us; the best of some tens of slices counts.
//
// Bandwidth B. `reads` arrays are read and `writes` arrays written from one end to the other, a
// line of each in turn, by threads that own one contiguous part each. The bytes that the program
// reads and writes count, not what the caches fetch on its behalf (a plain store fetches its line
// first, a non-temporal one does not). The best pass counts.
//
// Threads are pinned, one each to the first CPUs that the process may use, start together behind a
// barrier, and a slice lasts from the first start to the last end. Clocks and neighbours move:
// measure right beside what you divide.
#ifndef TENON_BENCHMARKS_MACHINE_H_
#define TENON_BENCHMARKS_MACHINE_H_

#include <cstdint>
#include <memory>
#include <string>

namespace tenon::bench {

enum class Arithmetic { kF32, kF64, kBf16 };

// Operations a second of `threads` pinned threads together, a fused multiply-add counted as two;
// 0 where the host has no such instruction. Takes about `seconds`.
double PeakFlops(Arithmetic arithmetic, int threads, double seconds = 0.004);

// For timing from outside: `steps` times the same work on each of `threads` pinned threads, all of
// them together doing PeakFlopsPerStep operations a step (0: the host cannot).
void RunPeak(Arithmetic arithmetic, int threads, int64_t steps);
double PeakFlopsPerStep(Arithmetic arithmetic, int threads);

// Pins the calling thread to the CPU that thread `number` of a measurement gets.
void PinThread(int number);

// A chain of dependent integer additions on one thread: one a cycle on any processor, so many a
// step.
inline constexpr int64_t kCyclesPerStep = 32000;
void RunCycles(int64_t steps);

struct StreamSpec {
  int reads = 1;
  int writes = 1;
  // The first `writes` of the arrays that are read are also the ones written.
  bool in_place = false;
  // Stores that bypass the caches (x86 only; elsewhere they are plain ones).
  bool non_temporal = false;

  // "1r1w", "4r3w in place", "1r1w nt".
  std::string Name() const;
};

// The arrays of a stream, allocated and touched once, so that it can be measured again and again.
class Stream {
 public:
  // Each array holds `bytes`, rounded up to lines. At most 4 reads and 4 writes, 0 of either too.
  Stream(const StreamSpec& spec, int64_t bytes, int threads);
  ~Stream();

  // Bytes a second over all arrays and threads: the best of `passes`.
  double BytesPerSecond(int passes = 5);
  // `passes` passes, for timing from outside.
  void Run(int64_t passes);
  // Seconds of the best pass.
  double PassSeconds(int passes = 5);
  int64_t bytes_per_pass() const { return bytes_per_pass_; }

 private:
  struct Arrays;
  StreamSpec spec_;
  int threads_;
  int64_t bytes_per_pass_;
  std::unique_ptr<Arrays> arrays_;
};

// "AMD EPYC 9R14", or what the system says.
std::string CpuModel();
// The instructions that PeakFlops uses: "avx512, amx", "avx512", "avx2", "neon", "none".
std::string PeakInstructions();

}  // namespace tenon::bench

#endif  // TENON_BENCHMARKS_MACHINE_H_
