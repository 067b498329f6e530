// tenon's side of benchmarks/models.py: training steps of a model, through Fit.
//
//   model_bench MODEL THREADS          MODEL: mlp, cnn or worked_example
//
// Speaks the protocol of models.py: prints a line of JSON with the version and the cold compile
// time of the whole training step, then answers each line `N` on standard input with the seconds
// that N steps took (rounded up to whole epochs, and scaled back).
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>

#include "tenon/frontend/compile.h"
#include "tenon/frontend/data/dataset.h"
#include "tenon/frontend/loss/binary_cross_entropy.h"
#include "tenon/frontend/loss/sparse_categorical_cross_entropy.h"
#include "tenon/frontend/model.h"
#include "tenon/frontend/nn/conv2d.h"
#include "tenon/frontend/nn/dense.h"
#include "tenon/frontend/nn/flatten.h"
#include "tenon/frontend/nn/max_pool2d.h"
#include "tenon/frontend/nn/sequential.h"
#include "tenon/frontend/random.h"

namespace {

using namespace tenon;  // NOLINT: a program, not a header
using Clock = std::chrono::steady_clock;

double Since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

struct Workload {
  nn::Sequential net;
  Poly<loss::Loss> loss;
  Dims row;
  int64_t classes;
  int64_t batch;
};

Workload MakeWorkload(const std::string& name) {
  if (name == "mlp") {
    return {nn::Sequential{nn::Dense(512, nn::Relu), nn::Dense(256, nn::Relu), nn::Dense(10)},
            loss::SparseCategoricalCrossEntropy({.from_logits = true}),
            {784},
            10,
            64};
  }
  if (name == "cnn") {
    return {
        nn::Sequential{nn::Conv2D(32, {3, 3}, {.activation = nn::Relu, .padding = Padding::kSame}),
                       nn::MaxPool2D(),
                       nn::Conv2D(64, {3, 3}, {.activation = nn::Relu, .padding = Padding::kSame}),
                       nn::MaxPool2D(), nn::Flatten(), nn::Dense(128, nn::Relu), nn::Dense(10)},
        loss::SparseCategoricalCrossEntropy({.from_logits = true}),
        {28, 28, 1},
        10,
        64};
  }
  if (name == "worked_example") {
    return {nn::Sequential{nn::Dense(64, nn::Relu), nn::Dense(1)},
            loss::BinaryCrossEntropy({.from_logits = true}),
            {10},
            2,
            32};
  }
  std::fprintf(stderr, "unknown model '%s': mlp, cnn or worked_example\n", name.c_str());
  std::exit(1);
}

data::Dataset MakeData(const Workload& w, int64_t rows) {
  Dims dims = {rows};
  dims.insert(dims.end(), w.row.begin(), w.row.end());
  const bool binary = w.classes == 2;
  data::Dataset d{Tensor(F32, dims), binary ? Tensor(F32, {rows, 1}) : Tensor(I64, {rows})};
  uint32_t state = 1;
  for (int64_t i = 0; i < d.x.num_elements(); ++i) {
    state = state * 1664525u + 1013904223u;
    d.x.SetFromDouble(i, (state >> 8) * 0x1p-24);
  }
  for (int64_t i = 0; i < rows; ++i) {
    state = state * 1664525u + 1013904223u;
    d.y.SetFromDouble(i, static_cast<double>((state >> 8) % static_cast<uint32_t>(w.classes)));
  }
  return d;
}

template <typename T>
T OrDie(absl::StatusOr<T> value) {
  if (!value.ok()) {
    std::cerr << value.status() << "\n";
    std::exit(1);
  }
  return std::move(value).value();
}

// Seconds to compile the whole training step; LLVM has been initialised, no cache is in use.
double CompileSeconds(const std::string& name) {
  ir::GraphBuilder b("warm_up");
  OrDie(Program::Compile(OrDie(b.Build({{"y", b.Input("x", F32, {16}) + 1}}))));
  const Workload w = MakeWorkload(name);
  const data::Dataset d = MakeData(w, w.batch);
  const auto start = Clock::now();
  Model model(w.net, {.loss = w.loss});
  if (absl::Status s = model.Build(F32, w.row); !s.ok()) OrDie(absl::StatusOr<int>(s));
  const RowType y{d.y.dtype(), Dims(d.y.dims().begin() + 1, d.y.dims().end())};
  OrDie(Program::Compile(OrDie(model.TrainingGraph(y, w.batch))));
  return Since(start);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: model_bench MODEL THREADS\n");
    return 1;
  }
  const std::string name = argv[1];
  const double compile_s = CompileSeconds(name);
  const Workload w = MakeWorkload(name);
  const int64_t batches = name == "worked_example" ? 25 : 5;
  const data::Dataset d = MakeData(w, w.batch * batches);
  Model model(w.net, {.loss = w.loss, .threads = std::atoi(argv[2])});
  const auto run = [&](int64_t steps) {
    const int64_t epochs = (steps + batches - 1) / batches;
    const auto start = Clock::now();
    OrDie(model.Fit(d, {.epochs = epochs, .batch_size = w.batch, .progress = false}));
    return Since(start) * static_cast<double>(steps) / static_cast<double>(epochs * batches);
  };
  run(1);
  std::printf("{\"peer\": \"tenon\", \"version\": \"0.1.0\", \"compile_s\": %.4f}\n", compile_s);
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
    std::printf("%.9f\n", run(std::atoll(line.c_str())));
    std::fflush(stdout);
  }
  return 0;
}
