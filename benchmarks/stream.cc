// Streams of reads and writes: the bandwidth of machine.h.
#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "benchmarks/machine.h"
#include "benchmarks/slices.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace tenon::bench {
namespace {

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
  if (__builtin_cpu_supports("avx512f")) {
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

}  // namespace tenon::bench
