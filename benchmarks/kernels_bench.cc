// Contractions, compiled and run natively, as a share of the FMA peak that this run measures.
//
//   build/release/benchmarks/kernels_bench --benchmark_filter=matmul
//   build/release/benchmarks/kernels_bench --threads=2
//   build/release/benchmarks/kernels_bench --dump=matmul/1024x1024x1024     (assembly to stdout)
//
// Each line's GFLOPS counter is the mean over its iterations, by the clock on the wall; `of_peak`
// divides it by the peak of as many threads (machine.h), the better of right before and right
// after.
#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "benchmarks/runner.h"

namespace {

using tenon::bench::Arithmetic;
using tenon::bench::g_threads;
using tenon::bench::PeakFlops;
using tenon::bench::Runner;
using tenon::bench::WallSeconds;
using tenon::ir::Graph;
using tenon::ir::GraphBuilder;
using tenon::ir::Value;

struct Case {
  std::string name;
  double flops;
  std::function<absl::StatusOr<Graph>()> build;
};

void RunCase(benchmark::State& state, const Case& c) {
  absl::StatusOr<Graph> graph = c.build();
  Runner runner;
  const absl::Status prepared = graph.ok() ? runner.Prepare(c.name, *graph) : graph.status();
  if (!prepared.ok()) return state.SkipWithError(prepared.ToString().c_str());
  runner.Step();
  double peak = PeakFlops(Arithmetic::kF32, g_threads);
  const double start = WallSeconds();
  for (auto _ : state) {
    if (runner.Step() != TENON_OK) state.SkipWithError("the step failed");
  }
  const double seconds = WallSeconds() - start;
  peak = std::max(peak, PeakFlops(Arithmetic::kF32, g_threads));
  const double flops = c.flops * static_cast<double>(state.iterations()) / seconds;
  state.counters["GFLOPS"] = 1e-9 * flops;
  state.counters["of_peak"] = peak > 0 ? flops / peak : 0;
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
      MatMulCase(768, 1024, 3072, "km,kn->mn"),
      MatMulCase(1, 784, 512),
      MatMulCase(1, 784, 512, "mk,nk->mn"),
      MatMulCase(1, 4096, 4096),
      MatMulCase(1, 4096, 4096, "mk,nk->mn"),
      MatMulCase(1024, 1024, 2),
  };
  for (Pass pass : {Pass::kForward, Pass::kInput, Pass::kFilter}) {
    cases.push_back(ConvCase(64, 28, 1, 32, pass));
    cases.push_back(ConvCase(64, 14, 32, 64, pass));
  }
  return cases;
}

}  // namespace

int main(int argc, char** argv) {
  return tenon::bench::RunBenchmarks(argc, argv, [] {
    for (const Case& c : Cases()) {
      benchmark::RegisterBenchmark(c.name.c_str(), [c](benchmark::State& s) {
        RunCase(s, c);
      })->UseRealTime();
    }
  });
}
