// Whole models: training steps through Fit, inference, and GPT-2's step.
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "benchmarks/gpt2.h"
#include "benchmarks/resnet50.h"
#include "benchmarks/workloads.h"
#include "tenon/frontend/compose.h"
#include "tenon/frontend/data/dataset.h"
#include "tenon/frontend/loss/binary_cross_entropy.h"
#include "tenon/frontend/loss/sparse_categorical_cross_entropy.h"
#include "tenon/frontend/model.h"
#include "tenon/frontend/nn/conv2d.h"
#include "tenon/frontend/nn/dense.h"
#include "tenon/frontend/nn/flatten.h"
#include "tenon/frontend/nn/max_pool2d.h"
#include "tenon/frontend/nn/sequential.h"

namespace tenon::bench {
namespace {

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

// Seconds to compile the whole training step; LLVM has been initialised, no cache is in use.
double CompileSeconds(const std::string& name) {
  const Workload w = MakeWorkload(name);
  const data::Dataset d = MakeData(w, w.batch);
  const double start = Now();
  Model model(w.net, {.loss = w.loss});
  OrDie(model.Build(F32, w.row));
  const RowType y{d.y.dtype(), Dims(d.y.dims().begin() + 1, d.y.dims().end())};
  OrDie(Program::Compile(OrDie(model.TrainingGraph(y, w.batch))));
  return Now() - start;
}

// Steps through Fit: rounded up to whole epochs, and scaled back.
Served Training(const std::string& name, int threads) {
  Served served = TenonServed();
  ir::GraphBuilder b("warm_up");
  OrDie(Program::Compile(OrDie(b.Build({{"y", b.Input("x", F32, {16}) + 1}}))));
  for (int i = 0; i < 3; ++i) served.compile_s.push_back(CompileSeconds(name));
  const Workload w = MakeWorkload(name);
  const int64_t batches = name == "worked_example" ? 25 : 5;
  auto data = std::make_shared<data::Dataset>(MakeData(w, w.batch * batches));
  auto model = std::make_shared<Model>(w.net, ModelOptions{.loss = w.loss, .threads = threads});
  const int64_t batch = w.batch;
  served.timed = [=](int64_t steps) {
    const int64_t epochs = (steps + batches - 1) / batches;
    const double start = Now();
    OrDie(model->Fit(*data, {.epochs = epochs, .batch_size = batch, .progress = false}));
    return (Now() - start) * static_cast<double>(steps) / static_cast<double>(epochs * batches);
  };
  served.timed(1);
  return served;
}

// The MLP's forward pass; its weights are parameters.
Served MlpInference(const WorkloadName& name, int threads) {
  GraphBuilder b("mlp");
  Value h = b.Input("x", F32, {name.sizes[0], 784});
  int64_t in = 784;
  for (const int64_t out : {512, 256, 10}) {
    const std::string layer = std::to_string(out);
    h = MatMul(h, b.Parameter("w" + layer, F32, {in, out})) + b.Parameter("b" + layer, F32, {out});
    if (out != 10) h = Relu(h);
    in = out;
  }
  Served served = TenonServed();
  ServeGraph(OrDie(b.Build({{"y", h}})), threads, &served);
  return served;
}

Served Gpt2Step(int threads) {
  Served served = TenonServed();
  const Gpt2Config config;
  ServeGraph(OrDie(BuildGpt2Step(config)), threads, &served, 2,
             [config](const ir::Input& input, const ir::TensorType& type, int number) {
               return Gpt2InitialValue(input, type, number, config);
             });
  return served;
}

// ResNet-50 as it infers: above all for the time that compiling takes.
Served ResNet50(const WorkloadName& name, int threads) {
  Served served = TenonServed();
  ServeGraph(OrDie(BuildResNet50({.batch = name.sizes[0]})), threads, &served);
  return served;
}

}  // namespace

WorkloadList ModelWorkloads() {
  WorkloadList list = {
      {"mlp_inference", MlpInference},
      {"resnet50_inference", ResNet50},
      {"gpt2_step", [](const WorkloadName&, int t) { return Gpt2Step(t); }},
  };
  for (const std::string name : {"mlp", "cnn", "worked_example"}) {
    list[name + "_step"] = [name](const WorkloadName&, int t) { return Training(name, t); };
  }
  return list;
}

}  // namespace tenon::bench
