// What the kernel benchmarks share: a graph compiled and bound to memory of its own, and the
// command line. Include it from one file a binary: the two settings of the command line live here.
#ifndef TENON_BENCHMARKS_RUNNER_H_
#define TENON_BENCHMARKS_RUNNER_H_

#include <time.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "benchmark/benchmark.h"
#include "benchmarks/machine.h"
#include "tenon/codegen/artifact.h"
#include "tenon/codegen/host.h"
#include "tenon/codegen/jit.h"
#include "tenon/ir/builder.h"
#include "tenon/passes/compile.h"
#include "tenon/runtime/arena.h"
#include "tenon/runtime/team.h"

namespace tenon::bench {

inline int g_threads = 1;
inline std::string g_dump;

inline double Seconds(clockid_t clock) {
  timespec t;
  clock_gettime(clock, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}
inline double ProcessSeconds() { return Seconds(CLOCK_PROCESS_CPUTIME_ID); }
inline double WallSeconds() { return Seconds(CLOCK_MONOTONIC); }

// The f32 peak of one thread, in GFLOP/s (machine.h); of all threads together: PeakFlops.
inline double PeakGflops() { return 1e-9 * PeakFlops(Arithmetic::kF32, 1); }

// Small numbers for floats, zeros for the rest.
inline void FillSmall(const kernel::Binding& binding, char* p, int64_t count) {
  if (binding.type.dtype != ir::DType::kF32) return;
  for (int64_t i = 0; i < count; ++i) {
    reinterpret_cast<float*>(p)[i] = static_cast<float>(i % 7) * 0.125f - 0.375f;
  }
}

// A compiled program with its memory. Buffers are 64-byte aligned.
struct Runner {
  std::unique_ptr<codegen::LoadedProgram> loaded;
  std::vector<void*> buffers;
  std::vector<runtime::Arena> owned;  // as tensors: zeroed, aligned, on huge pages if large
  tenon_frame frame{};
  runtime::Team team{g_threads};

  Runner() = default;
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;
  char* Allocate(int64_t bytes) {
    owned.emplace_back(bytes);
    return owned.back().data();
  }

  // Compiles the graph and binds it; an output with a donated input shares its memory. The
  // assembly goes to stdout if `name` is the one that --dump gives.
  absl::Status Prepare(
      const std::string& name, const ir::Graph& graph,
      const std::function<void(const kernel::Binding&, char*, int64_t)>& fill = FillSmall) {
    const ir::TargetDesc target = codegen::HostTarget();
    absl::StatusOr<kernel::Program> program = passes::CompileToProgram(graph, target, {});
    if (!program.ok()) return program.status();
    codegen::CodegenOptions options;
    if (g_dump == name) {
      options.dump_assembly = [](absl::string_view kernel, absl::string_view text) {
        std::printf("# %s\n%s\n", std::string(kernel).c_str(), std::string(text).c_str());
      };
    }
    absl::StatusOr<codegen::Artifact> artifact = codegen::Compile(*program, target, options);
    if (!artifact.ok()) return artifact.status();
    auto linked = codegen::Load(*artifact);
    if (!linked.ok()) return linked.status();
    loaded = *std::move(linked);
    int64_t stagger = 0;
    for (const kernel::Binding& b : artifact->bindings) {
      if (b.is_output && b.donated_input >= 0) {
        buffers.push_back(buffers[b.donated_input]);
        continue;
      }
      const int64_t count = b.type.NumElements().constant();
      const int64_t bytes = count * ir::ByteSize(b.type.dtype);
      // Buffers at equal offsets modulo a page run into each other in the cache.
      stagger += 640;
      char* p = Allocate(bytes + stagger) + stagger;
      fill(b, p, count);
      buffers.push_back(p);
    }
    frame.buffers = buffers.data();
    frame.arena = Allocate(artifact->ArenaBytes(g_threads));
    frame.prepared = Allocate(artifact->prepared_bytes + 64);
    if (team.Run(loaded->prepare(), &frame) != TENON_OK) return absl::InternalError("prepare");
    return absl::OkStatus();
  }
  int32_t Step() { return team.Run(loaded->step(), &frame); }
};

// Takes --threads and --dump out of the command line, hands the rest to the benchmark library,
// calls `add_cases` to register and runs what was asked for. The exit status.
inline int RunBenchmarks(int argc, char** argv, const std::function<void()>& add_cases) {
  std::vector<char*> rest;
  for (int i = 0; i < argc; ++i) {
    const std::string arg = argv[i];
    if (arg.rfind("--threads=", 0) == 0) {
      g_threads = std::max(1, std::atoi(arg.c_str() + 10));
    } else if (arg.rfind("--dump=", 0) == 0) {
      g_dump = arg.substr(7);
    } else {
      rest.push_back(argv[i]);
    }
  }
  int count = static_cast<int>(rest.size());
  benchmark::Initialize(&count, rest.data());
  if (benchmark::ReportUnrecognizedArguments(count, rest.data())) return 1;
  add_cases();
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

}  // namespace tenon::bench

#endif  // TENON_BENCHMARKS_RUNNER_H_
