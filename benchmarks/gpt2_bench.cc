// GPT-2's training step (gpt2.h) compiled, and run on demand.
//
//   gpt2_bench [--layers=N] [--batch=N] [--tokens=N] [--tiny] [--steps=N] [--threads=N]
//
// Prints the time of a cold compilation (LLVM initialised, no cache), what the program needs, and
// then, for --steps, losses and times of steps.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "benchmarks/gpt2.h"
#include "tenon/frontend/compile.h"
#include "tenon/runtime/team.h"

namespace {

using namespace tenon;  // NOLINT: a program, not a header
using Clock = std::chrono::steady_clock;

double Since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

template <typename T>
T OrDie(absl::StatusOr<T> value) {
  if (!value.ok()) {
    std::cerr << value.status() << "\n";
    std::exit(1);
  }
  return std::move(value).value();
}
void OrDie(const absl::Status& status) {
  if (!status.ok()) OrDie(absl::StatusOr<int>(status));
}

struct Options {
  bench::Gpt2Config config;
  int64_t steps = 0, threads = 2;
};

Options Parse(int argc, char** argv) {
  Options o;
  const std::vector<std::pair<std::string, int64_t*>> flags = {{"--layers=", &o.config.layers},
                                                               {"--batch=", &o.config.batch},
                                                               {"--tokens=", &o.config.tokens},
                                                               {"--steps=", &o.steps},
                                                               {"--threads=", &o.threads}};
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i];
    bool known = arg == "--tiny";
    if (known) o.config = bench::TinyGpt2();
    for (const auto& [flag, value] : flags) {
      if (!absl::StartsWith(arg, flag)) continue;
      *value = std::atoll(arg.c_str() + flag.size());
      known = true;
    }
    if (!known) {
      std::fprintf(stderr, "unknown option '%s'\n", arg.c_str());
      std::exit(1);
    }
  }
  return o;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = Parse(argc, argv);
  // LLVM's own start is not counted.
  ir::GraphBuilder b("warm_up");
  OrDie(Program::Compile(OrDie(b.Build({{"y", b.Input("x", F32, {16}) + 1}}))));

  auto start = Clock::now();
  const Graph graph = OrDie(bench::BuildGpt2Step(options.config));
  const double build = Since(start);
  start = Clock::now();
  const Program program = OrDie(Program::Compile(graph));
  const double compile = Since(start);
  const Program::Costs costs = program.costs();
  std::printf("build and differentiate %.2f s, compile %.2f s; %lld nodes, %.2f TFLOP a step\n",
              build, compile, static_cast<long long>(graph.CountNodes()),
              1e-12 * static_cast<double>(costs.flops.constant()));
  std::printf("arena %.1f MB, scratch a thread %.1f MB, prepared %.1f MB, weights %.1f MB\n",
              1e-6 * static_cast<double>(costs.arena_bytes),
              1e-6 * static_cast<double>(costs.scratch_bytes),
              1e-6 * static_cast<double>(costs.prepared_bytes),
              1e-6 * static_cast<double>(costs.weight_bytes));
  if (options.steps == 0) return 0;

  std::vector<Tensor> tensors;
  runtime::Team team(static_cast<int>(options.threads));
  Instance instance = program.NewInstance(&team);
  int parameters = 0;
  tensors.reserve(graph.inputs().size());
  for (const ir::Input& input : graph.inputs()) {
    tensors.push_back(
        bench::Gpt2InitialValue(input, graph.type(input.value), parameters, options.config));
    parameters += input.kind == ir::InputKind::kParameter;
    OrDie(input.kind == ir::InputKind::kInput
              ? instance.BindInput(input.name, tensors.back())
              : instance.BindMutable(input.name, tensors.back().mutable_view()));
  }
  for (int64_t step = 0; step < options.steps; ++step) {
    start = Clock::now();
    OrDie(instance.Run());
    const double seconds = Since(start);
    std::printf("step %lld: %.3f s, loss %.6f\n", static_cast<long long>(step + 1), seconds,
                OrDie(instance.Output("loss")).GetAsDouble(0));
  }
  return 0;
}
