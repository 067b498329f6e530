// A training step compiled ahead of time beside the same one by the JIT: of
// examples/models/mlp_train.tn, which the build compiles by tenon_compile, at a batch of 64. The
// object's caller knows its header alone: it brings its own memory and its own threads.
#include <atomic>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "benchmarks/workloads.h"
#include "mlp_train.h"
#include "tenon/frontend/init.h"
#include "tenon/ir/binary.h"
#include "tenon/runtime/arena.h"

namespace tenon::bench {
namespace {

constexpr int64_t kBatch = MLP_TRAIN_MAX_N;

Graph TrainingStep() { return OrDie(ir::LoadModel(TENON_MLP_TRAIN)).graph; }

// First values of all inputs, the same for both.
std::map<std::string, Tensor> FirstValues(const Graph& graph) {
  std::map<std::string, Tensor> values;
  for (const ir::Input& input : graph.inputs()) {
    const ir::TensorType& type = graph.type(input.value);
    Dims dims;
    for (const Dim& d : type.dims) dims.push_back(OrDie(d.Evaluate({{"n", kBatch}})));
    if (input.kind != ir::InputKind::kInput) {
      values[input.name] = OrDie(Initialize(input.init, type.dtype, dims, /*seed=*/0, input.name));
      continue;
    }
    Tensor& t = values[input.name] = Tensor(type.dtype, dims);
    for (int64_t i = 0; i < t.num_elements(); ++i) t.SetFromDouble(i, static_cast<double>(i % 10));
  }
  return values;
}

struct Jit {
  Graph graph = TrainingStep();
  std::map<std::string, Tensor> values = FirstValues(graph);
  Program program = OrDie(Program::Compile(graph));
  runtime::Team team;
  Instance instance = program.NewInstance(&team);

  explicit Jit(int threads) : team(threads) {
    std::vector<bool> donated(graph.inputs().size());
    for (const ir::Output& output : graph.outputs()) {
      if (output.donated_input >= 0) donated[output.donated_input] = true;
    }
    for (size_t i = 0; i < graph.inputs().size(); ++i) {
      const std::string& name = graph.inputs()[i].name;
      OrDie(donated[i] ? instance.BindMutable(name, values.at(name).mutable_view())
                       : instance.BindInput(name, values.at(name).view()));
    }
  }
};

Served JitStep(const WorkloadName&, int threads) {
  Served served = TenonServed();
  served.peer = "tenon, JIT";
  served.version.clear();  // no peer, in lists of these
  auto jit = std::make_shared<Jit>(threads);
  OrDie(jit->instance.Run());
  served.run = [jit](int64_t steps) {
    for (int64_t i = 0; i < steps; ++i) OrDie(jit->instance.Run());
  };
  return served;
}

// The callbacks that the header asks for, by C++'s own atomics: who has polled long enough sleeps
// until another one arrives, and then looks for itself whether that was the last.
constexpr uint32_t kSpins = 20000;

int32_t Wait(void* team, uint32_t* arrived, uint32_t seen) {
  const std::atomic_ref<uint32_t> parked(static_cast<tenon_team*>(team)->parked);
  parked.fetch_add(1);
  std::atomic_ref<uint32_t>(*arrived).wait(seen);
  parked.fetch_sub(1);
  return TENON_OK;
}
void Wake(void*, uint32_t* arrived) { std::atomic_ref<uint32_t>(*arrived).notify_all(); }

void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

class Object {
 public:
  explicit Object(int threads)
      : threads_(threads),
        values_(FirstValues(TrainingStep())),
        arena_(MLP_TRAIN_ARENA_BYTES_FOR(threads)),
        prepared_(MLP_TRAIN_PREPARED_BYTES) {
    // In the header tensors have the names of the graph, as identifiers of C.
#define TENON_UPDATED(type, field, part, name) \
  m_.tensors.field = values_.at(name).mutable_data<type>().data();
#include "tests/aot/updated.def"
    m_.tensors.x = values_.at("x").data<float>().data();
    m_.tensors.y = values_.at("y").data<int32_t>().data();
    m_.tensors.train_seed = values_.at("train/seed").data<int64_t>().data();
    m_.tensors.train_learning_rate = values_.at("train/learning_rate").data<float>().data();
    m_.tensors.loss = &loss_;
    m_.extents.n = kBatch;
    m_.arena = arena_.data();
    m_.prepared = prepared_.data();
    team_.spins = kSpins;
    team_.wait = Wait;
    team_.wake = Wake;
    team_.context = &team_;
    if (threads > 1) m_.team = &team_;
    Check(mlp_train_prepare(&m_));
    for (int t = 1; t < threads; ++t) helpers_.emplace_back([this, t] { Help(t); });
  }
  ~Object() {
    run_.store(-1);
    run_.notify_all();
    for (std::thread& helper : helpers_) helper.join();
  }

  void Step() {
    if (threads_ == 1) return Check(mlp_train_step(&m_));
    mlp_train_begin(&m_);
    done_.store(0, std::memory_order_relaxed);
    run_.fetch_add(1, std::memory_order_release);
    run_.notify_all();
    Check(mlp_train_step_on(&m_, 0, threads_));
    while (done_.load(std::memory_order_acquire) + 1 < threads_) Pause();
  }
  float loss() const { return loss_; }

 private:
  void Check(int32_t status) const {
    if (status == TENON_OK) return;
    std::fprintf(stderr, "%s: %s\n", mlp_train_status_text(status), mlp_train_culprit(&m_));
    std::exit(1);
  }
  void Help(int thread) {
    for (int64_t seen = 0;;) {
      for (uint32_t i = 0; i < kSpins && run_.load(std::memory_order_acquire) == seen; ++i) Pause();
      run_.wait(seen, std::memory_order_acquire);
      if (run_.load(std::memory_order_acquire) < 0) return;
      ++seen;
      Check(mlp_train_step_on(&m_, thread, threads_));
      done_.fetch_add(1, std::memory_order_release);
    }
  }

  const int threads_;
  std::map<std::string, Tensor> values_;
  runtime::Arena arena_, prepared_;
  float loss_ = 0;
  alignas(64) tenon_team team_ = {};
  mlp_train_instance m_ = {};
  alignas(64) std::atomic<int64_t> run_{0};
  alignas(64) std::atomic<int> done_{0};
  std::vector<std::thread> helpers_;
};

Served ObjectStep(const WorkloadName&, int threads) {
  Served served = TenonServed();
  served.peer = "tenon, object";
  auto object = std::make_shared<Object>(threads);
  object->Step();
  Jit jit(1);
  OrDie(jit.instance.Run());
  if (object->loss() != OrDie(jit.instance.Output("loss")).as<float>()[0]) {
    served.skip = "the object's loss is not the JIT's";
  }
  served.run = [object](int64_t steps) {
    for (int64_t i = 0; i < steps; ++i) object->Step();
  };
  return served;
}

}  // namespace

WorkloadList ObjectWorkloads() {
  return {{"mlp_object_step", ObjectStep}, {"mlp_jit_step", JitStep}};
}

}  // namespace tenon::bench
