// Contractions, compiled and run natively, as a share of the FMA peak that this run measures.
//
//   build/release/benchmarks/kernels_bench --benchmark_filter=matmul
//   build/release/benchmarks/kernels_bench --threads=2
//   build/release/benchmarks/kernels_bench --dump=matmul/1024x1024x1024     (assembly to stdout)
//
// Each line's GFLOPS counter is the mean over its iterations; `of_peak` divides it by `threads`
// times the peak of one thread, which is measured right before, since clocks move.
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "benchmark/benchmark.h"
#include "tenon/codegen/artifact.h"
#include "tenon/codegen/host.h"
#include "tenon/codegen/jit.h"
#include "tenon/ir/builder.h"
#include "tenon/passes/compile.h"
#include "tenon/runtime/team.h"

namespace {

using tenon::ir::Graph;
using tenon::ir::GraphBuilder;
using tenon::ir::Value;

double ProcessSeconds() {
  timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

// A peak kernel of our own making: ten chains of fused multiply-adds on vectors as wide as the
// compiler has them for this file's target (the host: see CMakeLists.txt).
typedef float Wide __attribute__((vector_size(64)));
double PeakGflops() {
  const auto run = [](int64_t steps) {
    Wide acc[10];
    for (int i = 0; i < 10; ++i) acc[i] = Wide{} + static_cast<float>(i);
    Wide factor = Wide{} + 0.999f, term = Wide{} + 0.001f;
    for (int64_t s = 0; s < steps; ++s) {
      for (int i = 0; i < 10; ++i) acc[i] = acc[i] * factor + term;
      __asm__ volatile("" : "+v"(factor), "+v"(term));
    }
    Wide sum{};
    for (int i = 0; i < 10; ++i) sum += acc[i];
    benchmark::DoNotOptimize(sum);
  };
  double best = 0;
  for (int repeat = 0; repeat < 8; ++repeat) {
    constexpr int64_t kSteps = 1000000;
    const double start = ProcessSeconds();
    run(kSteps);
    best = std::max(best, 2.0 * 10 * 16 * kSteps / (ProcessSeconds() - start) / 1e9);
  }
  return best;
}

struct Case {
  std::string name;
  double flops;
  std::function<absl::StatusOr<Graph>()> build;
};

int g_threads = 1;
std::string g_dump;

// A compiled program with its memory: 64-byte aligned, filled with small numbers.
struct Runner {
  std::unique_ptr<tenon::codegen::LoadedProgram> loaded;
  std::vector<void*> buffers;
  tenon_frame frame{};
  tenon::runtime::Team team{g_threads};

  static char* Allocate(int64_t bytes) {
    char* p = static_cast<char*>(std::aligned_alloc(64, (bytes + 127) / 64 * 64));
    std::memset(p, 0, bytes);
    return p;
  }

  bool Prepare(const Case& c, benchmark::State* state) {
    const auto fail = [&](const absl::Status& status) {
      state->SkipWithError(status.ToString().c_str());
      return false;
    };
    absl::StatusOr<Graph> graph = c.build();
    if (!graph.ok()) return fail(graph.status());
    const tenon::ir::TargetDesc target = tenon::codegen::HostTarget();
    absl::StatusOr<tenon::kernel::Program> program =
        tenon::passes::CompileToProgram(*graph, target, {});
    if (!program.ok()) return fail(program.status());
    tenon::codegen::CodegenOptions options;
    if (g_dump == c.name) {
      options.dump_assembly = [](absl::string_view name, absl::string_view text) {
        std::printf("# %s\n%s\n", std::string(name).c_str(), std::string(text).c_str());
      };
    }
    absl::StatusOr<tenon::codegen::Artifact> artifact =
        tenon::codegen::Compile(*program, target, options);
    if (!artifact.ok()) return fail(artifact.status());
    auto linked = tenon::codegen::Load(*artifact);
    if (!linked.ok()) return fail(linked.status());
    loaded = *std::move(linked);
    int64_t stagger = 0;
    for (const tenon::kernel::Binding& b : artifact->bindings) {
      const int64_t count = b.type.NumElements().constant();
      const int64_t bytes = count * tenon::ir::ByteSize(b.type.dtype);
      // Buffers at equal offsets modulo a page run into each other in the cache.
      stagger += 640;
      char* p = Allocate(bytes + stagger) + stagger;
      if (b.type.dtype == tenon::ir::DType::kF32) {
        for (int64_t i = 0; i < count; ++i) {
          reinterpret_cast<float*>(p)[i] = static_cast<float>(i % 7) * 0.125f - 0.375f;
        }
      }
      buffers.push_back(p);
    }
    frame.buffers = buffers.data();
    frame.arena = Allocate(artifact->ArenaBytes(g_threads));
    frame.prepared = Allocate(artifact->prepared_bytes + 64);
    if (team.Run(loaded->prepare(), &frame) != TENON_OK)
      return fail(absl::InternalError("prepare"));
    return true;
  }
  int32_t Step() { return team.Run(loaded->step(), &frame); }
};

void RunCase(benchmark::State& state, const Case& c) {
  Runner runner;
  if (!runner.Prepare(c, &state)) return;
  runner.Step();
  const double peak = PeakGflops();
  const double start = ProcessSeconds();
  for (auto _ : state) {
    if (runner.Step() != TENON_OK) state.SkipWithError("the step failed");
  }
  const double seconds = ProcessSeconds() - start;
  const double gflops = c.flops * static_cast<double>(state.iterations()) / seconds / 1e9;
  state.counters["GFLOPS"] = gflops;
  state.counters["of_peak"] = gflops / peak;
}

Case MatMulCase(int64_t m, int64_t k, int64_t n, const std::string& spec = "mk,kn->mn") {
  std::string name =
      "matmul/" + std::to_string(m) + "x" + std::to_string(k) + "x" + std::to_string(n);
  if (spec != "mk,kn->mn") name += "/" + spec;
  return {name, 2.0 * static_cast<double>(m) * static_cast<double>(k) * static_cast<double>(n),
          [=]() -> absl::StatusOr<Graph> {
            GraphBuilder b("matmul");
            const auto shape = [&](const std::string& letters) {
              tenon::ir::Shape s;
              for (char c : letters) s.push_back(c == 'm' ? m : c == 'k' ? k : n);
              return s;
            };
            Value x = b.Input("x", tenon::ir::F32, shape(spec.substr(0, 2)));
            Value w = b.Input("w", tenon::ir::F32, shape(spec.substr(3, 2)));
            return b.Build({{"y", Contract(spec, x, w)}});
          }};
}

// The three products of a 3x3 convolution with padding 1, over `size` x `size` pixels.
enum class Pass { kForward, kInput, kFilter };
Case ConvCase(int64_t batch, int64_t size, int64_t in, int64_t out, Pass pass) {
  static constexpr const char* kNames[] = {"forward", "input", "filter"};
  const std::string name = std::string("conv/") + kNames[static_cast<int>(pass)] + "/" +
                           std::to_string(batch) + "x" + std::to_string(size) + "x" +
                           std::to_string(size) + "x" + std::to_string(in) + "-" +
                           std::to_string(out);
  const double flops = 2.0 * 9 * static_cast<double>(batch * size * size * in * out);
  return {name, flops, [=]() -> absl::StatusOr<Graph> {
            GraphBuilder b("conv");
            const tenon::ir::Shape x_shape = {batch, size, size, in};
            const tenon::ir::Shape y_shape = {batch, size, size, out};
            const tenon::ir::Shape f_shape = {3, 3, in, out};
            tenon::ir::ConvAttrs attrs;
            attrs.stride = attrs.dilation = attrs.pad_low = attrs.pad_high = {1, 1};
            if (pass == Pass::kForward) {
              Value x = b.Input("x", tenon::ir::F32, x_shape);
              Value f = b.Input("f", tenon::ir::F32, f_shape);
              Value bias = b.Input("b", tenon::ir::F32, {out});
              return b.Build({{"y", Max(Conv(x, f, attrs) + BroadcastTo(bias, y_shape), 0)}});
            }
            Value y = b.Input("y", tenon::ir::F32, y_shape);
            if (pass == Pass::kInput) {
              attrs.shape = x_shape;
              Value f = b.Input("f", tenon::ir::F32, f_shape);
              return b.Build({{"dx", ConvTranspose(y, f, attrs)}});
            }
            attrs.shape = f_shape;
            Value x = b.Input("x", tenon::ir::F32, x_shape);
            return b.Build({{"df", ConvFilter(x, y, attrs)}});
          }};
}

std::vector<Case> Cases() {
  std::vector<Case> cases = {
      MatMulCase(64, 64, 64),
      MatMulCase(1024, 1024, 1024),
      MatMulCase(2048, 2048, 2048),
      MatMulCase(512, 8192, 512),
      MatMulCase(128, 768, 3072),
      MatMulCase(33, 129, 257),
      MatMulCase(64, 784, 512),
      MatMulCase(64, 512, 256),
      MatMulCase(64, 256, 10),
      MatMulCase(64, 512, 784, "mk,nk->mn"),
      MatMulCase(784, 64, 512, "km,kn->mn"),
      MatMulCase(1024, 1024, 1024, "mk,nk->mn"),
      MatMulCase(1024, 1024, 1024, "km,kn->mn"),
      MatMulCase(1, 784, 512),
  };
  for (Pass pass : {Pass::kForward, Pass::kInput, Pass::kFilter}) {
    cases.push_back(ConvCase(64, 28, 1, 32, pass));
    cases.push_back(ConvCase(64, 14, 32, 64, pass));
  }
  return cases;
}

}  // namespace

int main(int argc, char** argv) {
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
  for (const Case& c : Cases()) {
    benchmark::RegisterBenchmark(c.name.c_str(), [c](benchmark::State& s) {
      RunCase(s, c);
    })->UseRealTime();
  }
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
