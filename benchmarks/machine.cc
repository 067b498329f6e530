#include "benchmarks/machine.h"

#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include <algorithm>
#include <fstream>
#include <string>

#include "benchmarks/slices.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace tenon::bench {
namespace {

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
