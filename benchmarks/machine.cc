#include "benchmarks/machine.h"

#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <limits>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace tenon::bench {
namespace {

using Clock = std::chrono::steady_clock;

double Seconds(Clock::duration d) { return std::chrono::duration<double>(d).count(); }

// CPUs that the process may use, read once, before anything is pinned.
const std::vector<int>& Cpus() {
  static const std::vector<int> cpus = [] {
    std::vector<int> found;
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof(set), &set) == 0) {
      for (int i = 0; i < CPU_SETSIZE; ++i) {
        if (CPU_ISSET(i, &set)) found.push_back(i);
      }
    }
    return found;
  }();
  return cpus;
}

void Pin(int thread) {
  const std::vector<int>& cpus = Cpus();
  if (cpus.empty()) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpus[thread % cpus.size()], &set);
  pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

// body(thread) on every thread, pinned.
void OnThreads(int threads, const std::function<void(int)>& body) {
  std::vector<std::thread> pool;
  for (int t = 0; t < threads; ++t) {
    pool.emplace_back([&body, t] {
      Pin(t);
      body(t);
    });
  }
  for (std::thread& t : pool) t.join();
}

// Seconds of the best of `slices` slices: slice(thread) on every thread at once.
double BestSlice(int threads, int slices, const std::function<void(int)>& slice) {
  // Spinning would hold up others where there are more threads than CPUs; so it yields.
  std::atomic<int> arrived{0};
  std::vector<std::vector<std::pair<Clock::time_point, Clock::time_point>>> times(threads);
  OnThreads(threads, [&](int thread) {
    for (int s = 0; s < slices; ++s) {
      arrived.fetch_add(1);
      while (arrived.load() < threads * (s + 1)) {
        if (threads > static_cast<int>(Cpus().size())) std::this_thread::yield();
      }
      const auto start = Clock::now();
      slice(thread);
      times[thread].emplace_back(start, Clock::now());
    }
  });
  double best = std::numeric_limits<double>::infinity();
  for (int s = 0; s < slices; ++s) {
    auto first = times[0][s].first;
    auto last = times[0][s].second;
    for (const auto& of_thread : times) {
      first = std::min(first, of_thread[s].first);
      last = std::max(last, of_thread[s].second);
    }
    best = std::min(best, Seconds(last - first));
  }
  return best;
}

// What a chain starts from, and the factor that keeps it near there.
alignas(64) constexpr float kStart32[16] = {1.1f, 1.2f, 1.3f, 1.4f, 1.5f, 1.6f, 1.7f, 1.8f,
                                            1.9f, 2.1f, 2.2f, 2.3f, 2.4f, 2.5f, 2.6f, 2.7f};
alignas(64) constexpr double kStart64[8] = {1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 1.8};
constexpr float kFactor32 = 0.9921875f;
constexpr double kFactor64 = 0.9921875;

// Multiply-adds of a lane in one round of a loop below: twelve chains, each taken twice.
constexpr int kMultiplyAdds = 24;

#define TENON_TWELVE(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)

#if defined(__x86_64__)

#define TENON_CLOBBERS                                                                            \
  "cc", "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", \
      "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15"

// Registers 0 to 11 are the chains, 12 the factor, 13 the term: chain = chain * factor + term. (The
// lower half of the AVX-512 registers is enough, and every assembler knows their names.)
#define TENON_CHAINS(load, broadcast, v, loop)                                         \
  __asm__ volatile(TENON_TWELVE(load) broadcast " %[factor], %%" v                     \
                                                "12\n\t" load(13) "1:\n\t" loop loop   \
                                                                  "decq %[rounds]\n\t" \
                                                                  "jnz 1b\n\t"         \
                                                                  "vzeroupper"         \
                   : [rounds] "+r"(rounds)                                             \
                   : [start] "r"(start), [factor] "m"(factor)                          \
                   : TENON_CLOBBERS)

#define TENON_LOAD_512(i) "vmovups (%[start]), %%zmm" #i "\n\t"
#define TENON_LOAD_256(i) "vmovups (%[start]), %%ymm" #i "\n\t"
#define TENON_FMA_512_PS(i) "vfmadd213ps %%zmm13, %%zmm12, %%zmm" #i "\n\t"
#define TENON_FMA_512_PD(i) "vfmadd213pd %%zmm13, %%zmm12, %%zmm" #i "\n\t"
#define TENON_FMA_256_PS(i) "vfmadd213ps %%ymm13, %%ymm12, %%ymm" #i "\n\t"
#define TENON_FMA_256_PD(i) "vfmadd213pd %%ymm13, %%ymm12, %%ymm" #i "\n\t"
// chain += the dot products of pairs of bf16 (bits of `start`, read so, are ordinary numbers).
#define TENON_DOT_512(i) "vdpbf16ps %%zmm12, %%zmm13, %%zmm" #i "\n\t"

void Chains512(int64_t rounds, const float* start, const float& factor) {
  TENON_CHAINS(TENON_LOAD_512, "vbroadcastss", "zmm", TENON_TWELVE(TENON_FMA_512_PS));
}
void Chains512(int64_t rounds, const double* start, const double& factor) {
  TENON_CHAINS(TENON_LOAD_512, "vbroadcastsd", "zmm", TENON_TWELVE(TENON_FMA_512_PD));
}
void Chains256(int64_t rounds, const float* start, const float& factor) {
  TENON_CHAINS(TENON_LOAD_256, "vbroadcastss", "ymm", TENON_TWELVE(TENON_FMA_256_PS));
}
void Chains256(int64_t rounds, const double* start, const double& factor) {
  TENON_CHAINS(TENON_LOAD_256, "vbroadcastsd", "ymm", TENON_TWELVE(TENON_FMA_256_PD));
}
void Dots512(int64_t rounds, const float* start, const float& factor) {
  TENON_CHAINS(TENON_LOAD_512, "vbroadcastss", "zmm", TENON_TWELVE(TENON_DOT_512));
}

// AMX: 16 rows of 64 bytes in each of the eight registers.
struct alignas(64) TileConfig {
  uint8_t palette = 1, start_row = 0, reserved[14] = {};
  uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};

// Four accumulators and two registers of each operand, all rows alike: products of 16 x 32 by
// 32 x 16 bf16.
void Tiles(int64_t rounds, const float* start) {
  const TileConfig config;
  __asm__ volatile(
      "ldtilecfg (%[config])\n\t"
      "tilezero %%tmm0\n\ttilezero %%tmm1\n\ttilezero %%tmm2\n\ttilezero %%tmm3\n\t"
      "tileloadd (%[start],%[stride],1), %%tmm4\n\ttileloadd (%[start],%[stride],1), %%tmm5\n\t"
      "tileloadd (%[start],%[stride],1), %%tmm6\n\ttileloadd (%[start],%[stride],1), %%tmm7\n\t"
      "1:\n\t"
      "tdpbf16ps %%tmm6, %%tmm4, %%tmm0\n\ttdpbf16ps %%tmm7, %%tmm4, %%tmm1\n\t"
      "tdpbf16ps %%tmm6, %%tmm5, %%tmm2\n\ttdpbf16ps %%tmm7, %%tmm5, %%tmm3\n\t"
      "decq %[rounds]\n\t"
      "jnz 1b\n\t"
      "tilerelease"
      : [rounds] "+r"(rounds)
      : [config] "r"(&config), [start] "r"(start), [stride] "r"(int64_t{0})
      : "cc", "memory");
}
constexpr double kTileOperations = 4 * 2.0 * 16 * 16 * 32;  // of a round

bool HasAvx512() { return __builtin_cpu_supports("avx512f"); }
bool HasAvx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
bool HasBf16() { return HasAvx512() && __builtin_cpu_supports("avx512bf16"); }
// The system gives the registers to a process that asks for them.
bool HasTiles() {
#if defined(__linux__)
  constexpr int kRequestPermission = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM
  static const bool has = __builtin_cpu_supports("amx-bf16") &&
                          syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
  return has;
#else
  return false;
#endif
}

// Runs `rounds` rounds; returns the operations of one round, 0 where the host cannot.
double RunChains(Arithmetic arithmetic, int64_t rounds) {
  switch (arithmetic) {
    case Arithmetic::kF32:
      if (HasAvx512()) return Chains512(rounds, kStart32, kFactor32), 2.0 * 16 * kMultiplyAdds;
      if (HasAvx2()) return Chains256(rounds, kStart32, kFactor32), 2.0 * 8 * kMultiplyAdds;
      return 0;
    case Arithmetic::kF64:
      if (HasAvx512()) return Chains512(rounds, kStart64, kFactor64), 2.0 * 8 * kMultiplyAdds;
      if (HasAvx2()) return Chains256(rounds, kStart64, kFactor64), 2.0 * 4 * kMultiplyAdds;
      return 0;
    case Arithmetic::kBf16:
      if (HasTiles()) return Tiles(rounds, kStart32), kTileOperations;
      if (HasBf16()) return Dots512(rounds, kStart32, kFactor32), 2.0 * 2 * 16 * kMultiplyAdds;
      return 0;
  }
  return 0;
}

#elif defined(__aarch64__)

#define TENON_LOAD(i) "ldr q" #i ", [%[start]]\n\t"
#define TENON_FMA_PS(i) "fmla v" #i ".4s, v12.4s, v13.4s\n\t"
#define TENON_FMA_PD(i) "fmla v" #i ".2d, v12.2d, v13.2d\n\t"
// `fmla` adds to its chain, so the term is small: the chain grows, and stays finite.
#define TENON_CHAINS(loop) \
  __asm__ volatile(TENON_TWELVE(TENON_LOAD) "ldr q12, [%[start]]\n\t"                           \
                   "ldr q13, [%[start]]\n\t"                                                    \
                   "1:\n\t" loop loop "subs %[rounds], %[rounds], #1\n\t"                       \
                   "b.ne 1b"                                                                    \
                   : [rounds] "+r"(rounds)                                                      \
                   : [start] "r"(start)                                                         \
                   : "cc", "memory", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", \
                     "v10", "v11", "v12", "v13")

void Chains(int64_t rounds, const float* start) { TENON_CHAINS(TENON_TWELVE(TENON_FMA_PS)); }
void Chains(int64_t rounds, const double* start) { TENON_CHAINS(TENON_TWELVE(TENON_FMA_PD)); }

double RunChains(Arithmetic arithmetic, int64_t rounds) {
  switch (arithmetic) {
    case Arithmetic::kF32:
      return Chains(rounds, kStart32), 2.0 * 4 * kMultiplyAdds;
    case Arithmetic::kF64:
      return Chains(rounds, kStart64), 2.0 * 2 * kMultiplyAdds;
    case Arithmetic::kBf16:
      return 0;
  }
  return 0;
}

#else

double RunChains(Arithmetic, int64_t) { return 0; }

#endif

// ---- bandwidth ----

constexpr int kMaxStreams = 4;
constexpr int64_t kLine = 64;
constexpr int64_t kHugePage = 2 << 20;

// As arenas and tensors do: else translations of addresses would slow the streams alone.
void AskForHugePages(char* p, int64_t bytes) {
#ifdef MADV_HUGEPAGE
  madvise(p, static_cast<size_t>(bytes), MADV_HUGEPAGE);  // a wish: may fail
#endif
}

struct Pointers {
  const char* read[kMaxStreams] = {};
  char* write[kMaxStreams] = {};
};

// One pass over bytes [begin, end) of every array, both multiples of a line: of each line in turn
// all reads, then all writes.
using PassFunction = void (*)(const Pointers& p, int64_t begin, int64_t end);

// Keeps the loops from being thrown away, in a register.
#if defined(__x86_64__)
#define TENON_KEEP(value) __asm__ volatile("" : : "v"(value))
#elif defined(__aarch64__)
#define TENON_KEEP(value) __asm__ volatile("" : : "w"(value))
#else
#define TENON_KEEP(value) __asm__ volatile("" : : "m"(value))
#endif

#if defined(__x86_64__)
template <int kReads, int kWrites, bool kNonTemporal>
__attribute__((target("avx512f"))) void Pass512(const Pointers& p, int64_t begin, int64_t end) {
  // Where nothing is written, each line of four has a sum of its own: no chain of additions waits.
  __m512 sums[4] = {};
  const auto line = [&](int64_t at, __m512 & kept) __attribute__((target("avx512f"))) {
    __m512 sum = kWrites > 0 ? _mm512_setzero_ps() : kept;
#pragma GCC unroll 4
    for (int r = 0; r < kReads; ++r) sum = _mm512_add_ps(sum, _mm512_load_ps(p.read[r] + at));
#pragma GCC unroll 4
    for (int w = 0; w < kWrites; ++w) {
      float* to = reinterpret_cast<float*>(p.write[w] + at);
      kNonTemporal ? _mm512_stream_ps(to, sum) : _mm512_store_ps(to, sum);
    }
    kept = sum;
  };
  for (; begin + 4 * kLine <= end; begin += 4 * kLine) {
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) line(begin + i * kLine, sums[i]);
  }
  for (; begin < end; begin += kLine) line(begin, sums[0]);
  TENON_KEEP(sums[0] + sums[1] + sums[2] + sums[3]);
  if (kNonTemporal) _mm_sfence();
}
#endif

// Everywhere else: vectors of 16 bytes.
template <int kReads, int kWrites, bool kNonTemporal>
void Pass128(const Pointers& p, int64_t begin, int64_t end) {
  typedef float Vector __attribute__((vector_size(16)));
  Vector sums[4] = {};
  for (int64_t at = begin; at < end; at += kLine) {
#pragma GCC unroll 4
    for (int part = 0; part < 4; ++part) {
      Vector sum = kWrites > 0 ? Vector{} : sums[part];
#pragma GCC unroll 4
      for (int r = 0; r < kReads; ++r) {
        sum += *reinterpret_cast<const Vector*>(p.read[r] + at + 16 * part);
      }
#pragma GCC unroll 4
      for (int w = 0; w < kWrites; ++w) {
        float* to = reinterpret_cast<float*>(p.write[w] + at + 16 * part);
#if defined(__x86_64__)
        kNonTemporal ? _mm_stream_ps(to, sum) : _mm_store_ps(to, sum);
#else
        *reinterpret_cast<Vector*>(to) = sum;
#endif
      }
      sums[part] = sum;
    }
  }
  TENON_KEEP(sums[0] + sums[1] + sums[2] + sums[3]);
#if defined(__x86_64__)
  if (kNonTemporal) _mm_sfence();
#endif
}

template <int kReads, int kWrites>
PassFunction PassFor(bool non_temporal) {
#if defined(__x86_64__)
  if (HasAvx512()) {
    return non_temporal ? Pass512<kReads, kWrites, true> : Pass512<kReads, kWrites, false>;
  }
#endif
  return non_temporal ? Pass128<kReads, kWrites, true> : Pass128<kReads, kWrites, false>;
}

// The instance for counts known only now.
template <int kReads = 0, int kWrites = 0>
PassFunction FindPass(const StreamSpec& spec) {
  if (spec.reads == kReads && spec.writes == kWrites) {
    return PassFor<kReads, kWrites>(spec.non_temporal);
  }
  if constexpr (kWrites < kMaxStreams) {
    return FindPass<kReads, kWrites + 1>(spec);
  } else if constexpr (kReads < kMaxStreams) {
    return FindPass<kReads + 1, 0>(spec);
  }
  std::fprintf(stderr, "stream %s: at most %d reads and %d writes\n", spec.Name().c_str(),
               kMaxStreams, kMaxStreams);
  std::abort();
}

}  // namespace

constexpr int64_t kRounds = 4000;  // a slice, or a step: 25 to 100 us

double PeakFlopsPerStep(Arithmetic arithmetic, int threads) {
  return RunChains(arithmetic, 1) * kRounds * threads;
}

void RunPeak(Arithmetic arithmetic, int threads, int64_t steps) {
  OnThreads(threads, [&](int) { RunChains(arithmetic, kRounds * steps); });
}

void RunCycles(int64_t steps) {
  int64_t rounds = steps * (kCyclesPerStep / 8);
  int64_t sum = 0;
  while (rounds-- > 0) {
    // Eight additions, each waiting for the one before; the loop's own count runs beside them.
#if defined(__x86_64__)
    __asm__ volatile(
        "addq %1, %0\n\taddq %1, %0\n\taddq %1, %0\n\taddq %1, %0\n\t"
        "addq %1, %0\n\taddq %1, %0\n\taddq %1, %0\n\taddq %1, %0"
        : "+r"(sum)
        : "r"(rounds));
#elif defined(__aarch64__)
    __asm__ volatile(
        "add %0, %0, %1\n\tadd %0, %0, %1\n\tadd %0, %0, %1\n\tadd %0, %0, %1\n\t"
        "add %0, %0, %1\n\tadd %0, %0, %1\n\tadd %0, %0, %1\n\tadd %0, %0, %1"
        : "+r"(sum)
        : "r"(rounds));
#else
    for (int i = 0; i < 8; ++i) {
      sum += rounds;
      __asm__ volatile("" : "+r"(sum));
    }
#endif
  }
}

double PeakFlops(Arithmetic arithmetic, int threads, double seconds) {
  const double per_round = RunChains(arithmetic, 1);
  if (per_round == 0) return 0;
  const auto slice = [&](int) { RunChains(arithmetic, kRounds); };
  const double first = BestSlice(threads, 3, slice);
  const int slices = std::max(1, static_cast<int>(seconds / first));
  return per_round * kRounds * threads / std::min(first, BestSlice(threads, slices, slice));
}

void PinThread(int number) { Pin(number); }

std::string StreamSpec::Name() const {
  return std::to_string(reads) + "r" + std::to_string(writes) + "w" +
         (in_place ? " in place" : "") + (non_temporal ? " nt" : "");
}

struct Stream::Arrays {
  std::vector<char*> owned;
  Pointers pointers;
  PassFunction pass;
  int64_t lines;

  ~Arrays() {
    for (char* p : owned) std::free(p);
  }
  // Arrays at equal offsets modulo a page would run into each other in the caches.
  char* Allocate(int64_t bytes) {
    const int64_t stagger = 640 * static_cast<int64_t>(owned.size() + 1);
    const int64_t size = (bytes + stagger + kHugePage - 1) / kHugePage * kHugePage;
    char* p = static_cast<char*>(std::aligned_alloc(kHugePage, size));
    owned.push_back(p);
    AskForHugePages(p, size);
    std::fill_n(p, bytes + stagger, '\0');
    return p + stagger;
  }
  std::pair<int64_t, int64_t> Part(int thread, int threads) const {
    return {lines * thread / threads * kLine, lines * (thread + 1) / threads * kLine};
  }
};

Stream::Stream(const StreamSpec& spec, int64_t bytes, int threads)
    : spec_(spec), threads_(threads), arrays_(std::make_unique<Arrays>()) {
  arrays_->pass = FindPass(spec);
  arrays_->lines = (bytes + kLine - 1) / kLine;
  const int64_t size = arrays_->lines * kLine;
  for (int r = 0; r < spec.reads; ++r) arrays_->pointers.read[r] = arrays_->Allocate(size);
  for (int w = 0; w < spec.writes; ++w) {
    const bool shared = spec.in_place && w < spec.reads;
    arrays_->pointers.write[w] =
        shared ? const_cast<char*>(arrays_->pointers.read[w]) : arrays_->Allocate(size);
  }
  bytes_per_pass_ = (spec.reads + spec.writes) * size;
}

Stream::~Stream() = default;

void Stream::Run(int64_t passes) {
  // One pass after the other: the threads start each together.
  BestSlice(threads_, static_cast<int>(passes), [&](int thread) {
    const auto [begin, end] = arrays_->Part(thread, threads_);
    arrays_->pass(arrays_->pointers, begin, end);
  });
}

double Stream::PassSeconds(int passes) {
  // Small arrays: many times over, since reading the clock and starting together take time too.
  constexpr int64_t kSliceBytes = int64_t{1} << 23;
  const int64_t repeats = std::max<int64_t>(1, kSliceBytes / std::max<int64_t>(1, bytes_per_pass_));
  return BestSlice(threads_, passes,
                   [&](int thread) {
                     const auto [begin, end] = arrays_->Part(thread, threads_);
                     for (int64_t i = 0; i < repeats; ++i)
                       arrays_->pass(arrays_->pointers, begin, end);
                   }) /
         static_cast<double>(repeats);
}

double Stream::BytesPerSecond(int passes) {
  return static_cast<double>(bytes_per_pass_) / PassSeconds(passes);
}

std::string CpuModel() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("model name", 0) == 0) {
      const size_t colon = line.find(':');
      if (colon != std::string::npos) return line.substr(line.find_first_not_of(" \t", colon + 1));
    }
  }
  return "unknown";
}

std::string PeakInstructions() {
#if defined(__x86_64__)
  if (HasAvx512()) return HasTiles() ? "avx512, amx" : HasBf16() ? "avx512, bf16" : "avx512";
  return HasAvx2() ? "avx2" : "none";
#elif defined(__aarch64__)
  return "neon";
#else
  return "none";
#endif
}

}  // namespace tenon::bench
