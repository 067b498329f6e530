// The line protocol between benchmarks/run.py and the programs that it times side by side.
//
//   PROGRAM [PEER] WORKLOAD THREADS
//
// A program prepares the workload, then prints one line of JSON: {"peer", "version", "compile_s" (a
// list, one a cold compilation, or absent), "note", and, for what is a floor, "flops", "bytes"
// or "cycles" of one step}; or {"peer", "skip": "why"}. Then it answers each line `N` on standard
// input with the seconds that N steps took, until the input ends.
//
// Workloads are named kind/size: "gemm/128x768x3072" (M x N x K).
#ifndef TENON_BENCHMARKS_SERVE_H_
#define TENON_BENCHMARKS_SERVE_H_

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

namespace tenon::bench {

inline double Now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

struct Served {
  std::string peer, version;
  std::vector<double> compile_s = {};
  std::string note = {};
  std::string skip = {};  // why this cannot be measured here; nothing else counts then
  double flops = 0, bytes = 0, cycles = 0;  // of one step
  std::function<void(int64_t)> run = {};    // so many steps
  // The same, giving the seconds that count, where not all do.
  std::function<double(int64_t)> timed = {};
};

inline int Serve(const Served& served) {
  std::string line = "{\"peer\": \"" + served.peer + "\", \"version\": \"" + served.version + "\"";
  if (!served.skip.empty()) line += ", \"skip\": \"" + served.skip + "\"";
  if (!served.note.empty()) line += ", \"note\": \"" + served.note + "\"";
  if (served.flops > 0) line += ", \"flops\": " + std::to_string(served.flops);
  if (served.cycles > 0) line += ", \"cycles\": " + std::to_string(served.cycles);
  if (served.bytes > 0) line += ", \"bytes\": " + std::to_string(served.bytes);
  if (!served.compile_s.empty()) {
    line += ", \"compile_s\": [";
    for (size_t i = 0; i < served.compile_s.size(); ++i) {
      line += (i > 0 ? ", " : "") + std::to_string(served.compile_s[i]);
    }
    line += "]";
  }
  std::printf("%s}\n", line.c_str());
  std::fflush(stdout);
  if (!served.skip.empty()) return 0;
  for (std::string request; std::getline(std::cin, request);) {
    const int64_t steps = std::atoll(request.c_str());
    const double start = Now();
    double seconds = 0;
    if (served.timed) {
      seconds = served.timed(steps);
    } else {
      served.run(steps);
      seconds = Now() - start;
    }
    std::printf("%.9f\n", seconds);
    std::fflush(stdout);
  }
  return 0;
}

// "128x768x3072" as numbers; empty where it is not of that form.
inline std::vector<int64_t> ParseSizes(const std::string& text) {
  std::vector<int64_t> sizes;
  const char* at = text.c_str();
  while (*at != 0) {
    char* end = nullptr;
    sizes.push_back(std::strtoll(at, &end, 10));
    if (end == at || (*end != 0 && *end != 'x') || sizes.back() <= 0) return {};
    at = *end == 0 ? end : end + 1;
  }
  return sizes;
}

// What stands before and behind the last slash of a workload's name.
struct WorkloadName {
  std::string kind;
  std::vector<int64_t> sizes;

  explicit WorkloadName(const std::string& name) {
    const size_t slash = name.rfind('/');
    kind = name.substr(0, slash);
    if (slash != std::string::npos) sizes = ParseSizes(name.substr(slash + 1));
  }
};

// Numbers between -0.5 and 0.5, the same every time.
template <typename T>
void FillRandom(T* data, int64_t count, uint32_t seed = 1) {
  uint32_t state = seed * 2654435761u + 1;
  for (int64_t i = 0; i < count; ++i) {
    state = state * 1664525u + 1013904223u;
    data[i] = static_cast<T>(static_cast<float>(state >> 8) * 0x1p-24f - 0.5f);
  }
}

}  // namespace tenon::bench

#endif  // TENON_BENCHMARKS_SERVE_H_
