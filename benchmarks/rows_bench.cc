// Kernels that memory or vector arithmetic bounds: rows (softmax, norms, losses), element-wise
// chains, optimizers, gathers, transposes. Each is timed in turn with a stream written by hand that
// reads and writes as many bytes over as many threads (machine.h).
//
//   build/release/benchmarks/rows_bench --threads=2 --benchmark_filter=layer_norm
//   build/release/benchmarks/rows_bench --dump=softmax/16x384x384       (assembly to stdout)
//
// Counters, medians over the iterations:
//   of_stream   the time of the faster stream over the kernel's
//   nt_gain     the time of the stream with plain stores over that with non-temporal ones
//   GBps        bytes that must move, over the kernel's time
//   cycles      core cycles a vector of 16 elements: time * clock * threads / (elements / 16)
//   GHz         the clock, from a chain of additions that depend on each other
#include <sched.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "benchmarks/runner.h"
#include "tenon/frontend/compose.h"
#include "tenon/frontend/optim/adam.h"
#include "tenon/frontend/optim/sgd.h"
#include "tenon/ir/check.h"
#include "tenon/passes/grad/grad.h"

namespace tenon::bench {
namespace {

using Outputs = std::vector<std::pair<std::string, Value>>;

struct Case {
  std::string name;
  double elements;  // of one of the streams
  int reads = 1, writes = 1;
  bool in_place = false;
  std::function<absl::StatusOr<Graph>()> build;
  int64_t highest_index = 1;  // integers lie in [0, highest_index)
};

// Floats lie in [0.1, 1): no run reaches denormals.
void FillRandom(const kernel::Binding& b, char* p, int64_t count, int64_t highest_index) {
  std::minstd_rand random(1);
  for (int64_t i = 0; i < count; ++i) {
    if (b.type.dtype == DType::kF32) {
      reinterpret_cast<float*>(p)[i] = 0.1f + 0.9f * static_cast<float>(random() % 4096) / 4096;
    } else if (b.type.dtype == DType::kI64) {
      reinterpret_cast<int64_t*>(p)[i] = static_cast<int64_t>(random()) % highest_index;
    } else if (b.type.dtype == DType::kI32) {
      reinterpret_cast<int32_t*>(p)[i] = static_cast<int32_t>(random() % highest_index);
    }
  }
}

double Median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// The clock of this core, in cycles a second.
double Clock() {
  double best = 0;
  for (int repeat = 0; repeat < 5; ++repeat) {
    constexpr int64_t kSteps = 20;
    const double start = WallSeconds();
    RunCycles(kSteps);
    best = std::max(best, kSteps * kCyclesPerStep / (WallSeconds() - start));
  }
  return best;
}

// Wakes the team's threads, and pins each to a CPU of its own, as the streams' are.
int32_t Pin(tenon_frame*, int32_t thread, int32_t) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(thread, &set);
  sched_setaffinity(0, sizeof(set), &set);  // where that CPU is not ours, nothing happens
  return TENON_OK;
}

void RunCase(benchmark::State& state, const Case& c) {
  absl::StatusOr<Graph> graph = c.build();
  Runner runner;
  const auto fill = [&](const kernel::Binding& b, char* p, int64_t count) {
    FillRandom(b, p, count, c.highest_index);
  };
  const absl::Status prepared = graph.ok() ? runner.Prepare(c.name, *graph, fill) : graph.status();
  if (!prepared.ok()) return state.SkipWithError(prepared.ToString().c_str());
  const auto bytes = static_cast<int64_t>(c.elements) * 4;
  Stream plain_stream({c.reads, c.writes, c.in_place, false}, bytes, g_threads);
  // What is written in place lies in the cache: there is nothing to bypass.
  std::unique_ptr<Stream> past_caches;
  if (!c.in_place) {
    past_caches =
        std::make_unique<Stream>(StreamSpec{c.reads, c.writes, false, true}, bytes, g_threads);
  }
  // What is over in less than half a millisecond is repeated, so that it stays in its cache.
  runner.Step();
  double start = WallSeconds();
  runner.Step();
  const int times = 1 + static_cast<int>(0.5e-3 / (WallSeconds() - start));
  const int passes = times > 1 ? 5 : 1;
  std::vector<double> kernel, plain, non_temporal, clocks;
  for (auto _ : state) {
    clocks.push_back(Clock());
    if (times > 1) runner.Step();
    runner.team.Run(&Pin, &runner.frame);
    start = WallSeconds();
    for (int i = 0; i < times; ++i) {
      if (runner.Step() != TENON_OK) state.SkipWithError("the step failed");
    }
    kernel.push_back((WallSeconds() - start) / times);
    state.SetIterationTime(kernel.back());
    plain.push_back(plain_stream.PassSeconds(passes));
    if (past_caches) non_temporal.push_back(past_caches->PassSeconds(passes));
  }
  const double time = Median(kernel), clock = Median(clocks);
  const double slow = Median(plain), fast = past_caches ? Median(non_temporal) : slow;
  state.counters["GHz"] = clock / 1e9;
  state.counters["ms"] = time * 1e3;
  state.counters["GBps"] = 4 * c.elements * (c.reads + c.writes) / time / 1e9;
  state.counters["of_stream"] = std::min(slow, fast) / time;
  state.counters["nt_gain"] = slow / fast;
  state.counters["cycles"] = time * clock * g_threads / (c.elements / 16);
}

std::string ShapeName(const std::string& name, const Shape& shape) {
  std::string text = name + "/";
  for (size_t d = 0; d < shape.size(); ++d) {
    text += (d > 0 ? "x" : "") + std::to_string(shape[d].constant());
  }
  return text;
}

double Elements(const Shape& shape) {
  double n = 1;
  for (const Dim& d : shape) n *= static_cast<double>(d.constant());
  return n;
}

// y = f(x), of x's shape.
using Unary = std::function<Value(GraphBuilder&, Value x)>;
Case Forward(const std::string& name, const Shape& shape, const Unary& f) {
  return {ShapeName(name, shape), Elements(shape), 1, 1, false, [=]() -> absl::StatusOr<Graph> {
            GraphBuilder b("rows");
            Value y = f(b, b.Input("x", F32, shape));
            return b.Build({{"y", y}});
          }};
}

// The gradients of f by x and the named inputs that f makes, for a given gradient of y; y itself
// is not asked for.
Case Backward(const std::string& name, const Shape& shape, const Unary& f,
              std::vector<std::string> wrt = {}) {
  wrt.insert(wrt.begin(), "x");
  return {ShapeName(name, shape), Elements(shape), 2, 1, false, [=]() -> absl::StatusOr<Graph> {
            GraphBuilder b("rows");
            Value y = f(b, b.Input("x", F32, shape));
            Value loss = ReduceSum(y * b.Input("dy", F32, shape));
            TENON_ASSIGN_OR_RETURN(Graph graph, b.Build({{"loss", loss}}));
            TENON_ASSIGN_OR_RETURN(graph, passes::Differentiate(graph, {"loss", wrt}));
            const std::vector<ir::Output> all = graph.outputs();
            const auto gradients = GraphBuilder::Continue(std::move(graph));
            Outputs kept;
            for (size_t i = 1; i < all.size(); ++i) {
              kept.emplace_back(all[i].name, gradients->ValueOf(all[i].value));
            }
            return gradients->Build(kept);
          }};
}

Value LayerNormOf(GraphBuilder& b, Value x) {
  return LayerNorm(x, b.Input("scale", F32, {x.shape().back()}),
                   b.Input("shift", F32, {x.shape().back()}));
}

Value RmsNormOf(GraphBuilder& b, Value x) {
  Value square = ReduceMean(x * x, {-1}, /*keep_dims=*/true);
  return x * Rsqrt(square + 1e-5) * b.Input("scale", F32, {x.shape().back()});
}

// The mean loss over rows of logits, and their gradient.
Case CrossEntropy(const Shape& shape) {
  Case c{ShapeName("cross_entropy/both", shape), Elements(shape)};
  c.highest_index = shape[1].constant();
  c.build = [=]() -> absl::StatusOr<Graph> {
    GraphBuilder b("rows");
    Value x = b.Input("x", F32, shape);
    Value labels = b.Input("labels", ir::I32, {shape[0]});
    TENON_ASSIGN_OR_RETURN(Graph graph,
                           b.Build({{"loss", ReduceMean(SparseSoftmaxCrossEntropy(x, labels))}}));
    return passes::Differentiate(graph, {"loss", {"x"}});
  };
  return c;
}

// GPT-2's tensors with 124 M parameters.
std::vector<Shape> Gpt2() {
  std::vector<Shape> shapes = {{50257, 768}, {1024, 768}};
  for (int layer = 0; layer < 12; ++layer) {
    for (const Shape& s : std::vector<Shape>{{768},
                                             {768},
                                             {768, 2304},
                                             {2304},
                                             {768, 768},
                                             {768},
                                             {768},
                                             {768},
                                             {768, 3072},
                                             {3072},
                                             {3072, 768},
                                             {768}}) {
      shapes.push_back(s);
    }
  }
  shapes.push_back({768});
  shapes.push_back({768});
  return shapes;
}

// One step of an optimizer over tensors of these shapes; parameters and slots are donated.
Case Update(const std::string& name, const std::vector<Shape>& shapes, int reads, int writes,
            const std::function<Value(optim::UpdateContext&)>& update,
            const std::vector<std::string>& slots) {
  Case c{name, 0, reads, writes, true};
  for (const Shape& s : shapes) c.elements += Elements(s);
  c.build = [=]() -> absl::StatusOr<Graph> {
    GraphBuilder b("rows");
    Outputs outputs;
    Value rate = b.Input("rate", F32, {}), step = b.Input("step", F32, {});
    for (size_t i = 0; i < shapes.size(); ++i) {
      const std::string p = absl::StrCat("p", i);
      optim::UpdateContext context{
          b, b.Input(p, F32, shapes[i]), b.Input(p + "/g", F32, shapes[i]), rate, step, {}, {}};
      for (const std::string& slot : slots) {
        context.slots[slot] = b.Input(p + "/" + slot, F32, shapes[i]);
      }
      outputs.emplace_back(p + "'", update(context));
      b.Donate(p + "'", p);
      for (const std::string& slot : slots) {
        outputs.emplace_back(p + "/" + slot + "'", context.next_slots[slot]);
        b.Donate(p + "/" + slot + "'", p + "/" + slot);
      }
    }
    return b.Build(outputs);
  };
  return c;
}

Case Gathered(const Shape& table, int64_t tokens) {
  const Shape shape = {tokens, table[1]};
  Case c{ShapeName("embedding/forward", shape), Elements(shape)};
  c.highest_index = table[0].constant();
  c.build = [=]() -> absl::StatusOr<Graph> {
    GraphBuilder b("rows");
    Value ids = b.Input("ids", ir::I32, {tokens});
    return b.Build({{"y", ir::Gather(b.Input("table", F32, table), ids, 0)}});
  };
  return c;
}

// The gradient of the table, made anew: every row is written, some are added to.
Case Scattered(const Shape& table, int64_t tokens) {
  Case c{ShapeName("embedding/backward", {tokens, table[1]}), Elements(table), 0, 1};
  c.highest_index = table[0].constant();
  c.build = [=]() -> absl::StatusOr<Graph> {
    GraphBuilder b("rows");
    Value ids = b.Input("ids", ir::I32, {tokens});
    Value dy = b.Input("dy", F32, {tokens, table[1]});
    Value zeros = b.Full({DType::kF32, table}, 0);
    return b.Build({{"y", ir::Scatter(ir::ScatterKind::kAdd, zeros, ids, dy, 0)}});
  };
  return c;
}

// Bias, GELU, dropout and a residual connection in one.
Case Chain(const Shape& shape) {
  Case c{ShapeName("chain/bias_gelu_dropout_add", shape), Elements(shape), 2, 1};
  c.build = [=]() -> absl::StatusOr<Graph> {
    GraphBuilder b("rows");
    Value x = b.Input("x", F32, shape), residual = b.Input("residual", F32, shape);
    Value bias = b.Input("bias", F32, {shape.back()});
    Value y = Dropout(Gelu(x + bias), 0.1, b.Input("key", ir::I64, {})) + residual;
    return b.Build({{"y", y}});
  };
  return c;
}

void AddRowCases(std::vector<Case>* cases) {
  const Shape norm = {8192, 1024}, scores = {16, 384, 384}, small = {256, 1024};
  const Unary softmax = [](GraphBuilder&, Value x) { return Softmax(x); };
  const Unary gelu = [](GraphBuilder&, Value x) { return Gelu(x); };
  const Unary dropout = [](GraphBuilder& b, Value x) {
    return Dropout(x, 0.1, b.Input("key", ir::I64, {}));
  };
  const Unary copy = [](GraphBuilder&, Value x) { return -x; };
  cases->push_back(Forward("negate", norm, copy));
  cases->push_back(Forward("layer_norm/forward", norm, LayerNormOf));
  cases->push_back(Backward("layer_norm/backward", norm, LayerNormOf, {"scale", "shift"}));
  cases->push_back(Forward("rms_norm/forward", norm, RmsNormOf));
  cases->push_back(Backward("rms_norm/backward", norm, RmsNormOf, {"scale"}));
  cases->push_back(Forward("softmax/in_cache", {2, 384, 384}, softmax));
  cases->push_back(Forward("softmax", scores, softmax));
  cases->push_back(Backward("softmax/backward", scores, softmax));
  cases->push_back(CrossEntropy({1024, 50257}));
  cases->push_back(CrossEntropy({8192, 1024}));
  cases->push_back(Forward("gelu", small, gelu));
  cases->push_back(Forward("gelu", norm, gelu));
  cases->push_back(Backward("gelu/backward", small, gelu));
  cases->push_back(Backward("gelu/backward", norm, gelu));
  cases->push_back(Forward("dropout", norm, dropout));
  cases->push_back(Chain(norm));
  for (const auto& [name, f] :
       std::vector<std::pair<std::string, Value (*)(ir::Operand)>>{{"exp", ir::Exp},
                                                                   {"log", ir::Log},
                                                                   {"tanh", ir::Tanh},
                                                                   {"sigmoid", ir::Sigmoid},
                                                                   {"erf", ir::Erf},
                                                                   {"rsqrt", ir::Rsqrt},
                                                                   {"sin", ir::Sin}}) {
    cases->push_back(Forward(name, small, [f = f](GraphBuilder&, Value x) { return f(x); }));
  }
}

std::vector<Case> Cases() {
  std::vector<Case> cases;
  AddRowCases(&cases);
  const optim::Adam adamw({.weight_decay = 0.01}), adam;
  const optim::Sgd momentum({.momentum = 0.9});
  const auto by = [](const auto& optimizer) {
    return [=](optim::UpdateContext& c) { return optimizer.Update(c); };
  };
  cases.push_back(Update("adamw/gpt2", Gpt2(), 4, 3, by(adamw), {"m", "v"}));
  cases.push_back(Update("adamw/4096x4096", {{4096, 4096}}, 4, 3, by(adamw), {"m", "v"}));
  cases.push_back(Update("adam/4096x4096", {{4096, 4096}}, 4, 3, by(adam), {"m", "v"}));
  cases.push_back(Update("momentum/4096x4096", {{4096, 4096}}, 3, 2, by(momentum), {"velocity"}));
  cases.push_back(Gathered({50257, 768}, 8192));
  cases.push_back(Scattered({50257, 768}, 8192));
  cases.push_back(Forward("transpose", {4096, 4096}, [](GraphBuilder&, Value x) {
    return ir::Transpose(x, {1, 0});
  }));
  cases.push_back(Forward("transpose/heads", {8, 512, 12, 64}, [](GraphBuilder&, Value x) {
    return ir::Transpose(x, {0, 2, 1, 3});
  }));
  cases.push_back(Forward("transpose/nhwc", {16, 64, 56, 56}, [](GraphBuilder&, Value x) {
    return ir::Transpose(x, {0, 2, 3, 1});
  }));
  return cases;
}

}  // namespace
}  // namespace tenon::bench

int main(int argc, char** argv) {
  using namespace tenon::bench;  // NOLINT
  return RunBenchmarks(argc, argv, [] {
    for (const Case& c : Cases()) {
      benchmark::RegisterBenchmark(c.name.c_str(), [c](benchmark::State& s) {
        RunCase(s, c);
      })->UseManualTime();
    }
  });
}
