#include "tenon/runtime/wait.h"

#include <sched.h>

#include <chrono>
#include <thread>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace tenon::runtime {
namespace {

using Clock = std::chrono::steady_clock;

// How long a thread polls before it parks. Waking one that has parked takes about 5 us; the phases
// of a step, and the time between two steps in a loop, are mostly shorter than this.
constexpr auto kPollTime = std::chrono::microseconds(50);
// Polls between two looks at the clock, which costs as much as twenty of them.
constexpr int kPollsPerLook = 64;

void Pause() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

int AvailableCores() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0) return CPU_COUNT(&set);
  const unsigned cores = std::thread::hardware_concurrency();
  return cores > 0 ? static_cast<int>(cores) : 1;
}

int CurrentCore() { return sched_getcpu(); }

OwnCores::OwnCores(pthread_t thread) : thread_(thread) {
  CPU_ZERO(&all_);
  pthread_getaffinity_np(thread_, sizeof(all_), &all_);
  now_ = all_;
}

void OwnCores::Leave(int core) {
  if (core < 0 || core == left_) return;
  cpu_set_t set, rest = all_;
  CPU_CLR(core, &rest);
  if (CPU_COUNT(&rest) == 0 || pthread_getaffinity_np(thread_, sizeof(set), &set) != 0) return;
  if (!CPU_EQUAL(&set, &now_) || pthread_setaffinity_np(thread_, sizeof(rest), &rest) != 0) return;
  now_ = rest;
  left_ = core;
}

// `parked` is raised before the word is looked at again, and who changes the word looks at `parked`
// afterwards, both in the one total order of sequentially consistent operations: so either the
// sleeper sees the change or the other one sees the sleeper.
void AwaitChange(std::atomic_ref<uint32_t> word, uint32_t seen, std::atomic_ref<uint32_t> parked,
                 bool poll) {
  if (word.load(std::memory_order_acquire) != seen) return;
  if (poll) {
    const auto end = Clock::now() + kPollTime;
    do {
      for (int i = 0; i < kPollsPerLook; ++i) {
        if (word.load(std::memory_order_acquire) != seen) return;
        Pause();
      }
    } while (Clock::now() < end);
  }
  parked.fetch_add(1, std::memory_order_seq_cst);
  while (word.load(std::memory_order_seq_cst) == seen) word.wait(seen, std::memory_order_seq_cst);
  parked.fetch_sub(1, std::memory_order_seq_cst);
}

void WakeParked(std::atomic_ref<uint32_t> word, std::atomic_ref<uint32_t> parked) {
  if (parked.load(std::memory_order_seq_cst) != 0) word.notify_all();
}

}  // namespace tenon::runtime
