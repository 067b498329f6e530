#include "tools/ticks.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <thread>

namespace tenon::tools {
namespace {

using Clock = std::chrono::steady_clock;

uint64_t ReadCounter() {
#if defined(__x86_64__)
  return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
  uint64_t value = 0;
  asm volatile("mrs %0, cntvct_el0" : "=r"(value));
  return value;
#else
  return static_cast<uint64_t>(Clock::now().time_since_epoch().count());
#endif
}

}  // namespace

double SecondsPerTick() {
  const auto start = Clock::now();
  const uint64_t first = ReadCounter();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const uint64_t last = ReadCounter();
  return std::chrono::duration<double>(Clock::now() - start).count() /
         static_cast<double>(std::max<uint64_t>(1, last - first));
}

}  // namespace tenon::tools
