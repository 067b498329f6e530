// tenon's side of every workload that benchmarks/run.py knows, and the floors: what tenon_bench
// serves (serve.h). All of it goes through the public API, at its defaults.
#ifndef TENON_BENCHMARKS_WORKLOADS_H_
#define TENON_BENCHMARKS_WORKLOADS_H_

#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "benchmarks/serve.h"
#include "tenon/frontend/compile.h"
#include "tenon/frontend/core.h"
#include "tenon/frontend/tensor.h"
#include "tenon/runtime/team.h"

namespace tenon::bench {

// Kinds by name; each list is served by one source file.
using WorkloadMaker = std::function<Served(const WorkloadName&, int threads)>;
using WorkloadList = std::map<std::string, WorkloadMaker>;
WorkloadList KernelWorkloads();  // tenon_kernels.cc: contractions, rows, optimizers
WorkloadList ModelWorkloads();   // tenon_models.cc: training steps, inference
WorkloadList ObjectWorkloads();  // tenon_objects.cc: a step compiled ahead of time, and by the JIT
WorkloadList FloorWorkloads();   // floors.cc: peaks, streams, the clock; barriers and waking

inline Served TenonServed() { return {.peer = "tenon", .version = "0.1.0"}; }

template <typename T>
T OrDie(absl::StatusOr<T> value) {
  if (!value.ok()) {
    std::cerr << value.status() << "\n";
    std::exit(1);
  }
  return std::move(value).value();
}
inline void OrDie(const absl::Status& status) {
  if (!status.ok()) OrDie(absl::StatusOr<int>(status));
}

// A compiled graph with all its inputs bound.
struct Bound {
  std::vector<Tensor> tensors;
  std::unique_ptr<runtime::Team> team;
  std::unique_ptr<Program> program;
  std::unique_ptr<Instance> instance;
};

// The first value of an input; `number` counts the parameters before it.
using InitialValue =
    std::function<Tensor(const ir::Input& input, const ir::TensorType& type, int number)>;

// Small random numbers; zeros for integers and for Adam's second moments, which are not negative.
Tensor RandomValue(const ir::Input& input, const ir::TensorType& type, int number);

// Compiles cold, `compilations` times over (LLVM initialised, no cache), noting each in `served`;
// binds the last one to `initial` values and serves its runs.
void ServeGraph(const Graph& graph, int threads, Served* served, int compilations = 3,
                const InitialValue& initial = RandomValue);

}  // namespace tenon::bench

#endif  // TENON_BENCHMARKS_WORKLOADS_H_
