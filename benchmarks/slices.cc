#include "benchmarks/slices.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <limits>
#include <thread>
#include <utility>
#include <vector>

#include "benchmarks/machine.h"

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

}  // namespace

void PinThread(int number) {
  const std::vector<int>& cpus = Cpus();
  if (cpus.empty()) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpus[number % cpus.size()], &set);
  pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

void OnThreads(int threads, const std::function<void(int)>& body) {
  std::vector<std::thread> pool;
  for (int t = 0; t < threads; ++t) {
    pool.emplace_back([&body, t] {
      PinThread(t);
      body(t);
    });
  }
  for (std::thread& t : pool) t.join();
}

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

}  // namespace tenon::bench
