// A step allocates nothing: how often operator new is called does not depend on how many steps run.
#include "gtest/gtest.h"
#include "tenon/frontend/tenon.h"
#include "tests/allocations/count.h"

namespace tenon {
namespace {

TEST(Allocation, StepsAllocateNothing) {
  auto all = data::MakeClassification({.samples = 9605, .features = 10});
  ASSERT_TRUE(all.ok());
  for (bool shuffle : {true, false}) {
    for (int threads : {1, 2}) {
      const nn::Sequential net{nn::Dense(16, nn::Relu), nn::Dropout(0.1), nn::BatchNorm(),
                               nn::Dense(1, nn::Sigmoid)};
      Model model(net, {.loss = loss::BinaryCrossEntropy(),
                        .metrics = {metric::Accuracy(), metric::F1()},
                        .threads = threads});
      // Both end in a batch of 5 rows, for which the buffers are bound anew.
      auto count = [&](int64_t rows) {
        const FitOptions options = {.shuffle = shuffle, .progress = false};
        const int64_t before = tests::AllocationCount();
        auto history = model.Fit(data::DatasetView(*all).Rows(0, rows), options);
        EXPECT_TRUE(history.ok()) << history.status();
        return tests::AllocationCount() - before;
      };
      count(37);  // compiles
      // Enough batches, both, that a thread prepares them ahead where there is a core for it.
      const int64_t few = count(3205);
      EXPECT_EQ(count(9605), few) << "shuffle " << shuffle << ", threads " << threads;
    }
  }
}

TEST(Allocation, RunsAndBindingAllocateNothing) {
  GraphBuilder b("g");
  Value x = b.Input("x", F32, {Dim("n").AtMost(8), 4});
  auto graph = b.Build({{"y", Softmax(MatMul(x, b.Parameter("w", F32, {4, 3})))}});
  ASSERT_TRUE(graph.ok()) << graph.status();
  auto program = Program::Compile(*graph);
  ASSERT_TRUE(program.ok()) << program.status();
  Instance instance = program->NewInstance();
  const Tensor w(F32, {4, 3}), full(F32, {8, 4}), part(F32, {3, 4});
  const TensorView full_view = full, part_view = part;
  ASSERT_TRUE(instance.BindInput("w", w).ok());
  ASSERT_TRUE(instance.BindInput("x", full).ok());
  ASSERT_TRUE(instance.Run().ok());
  const int64_t before = tests::AllocationCount();
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(instance.BindInput(0, i % 2 == 0 ? part_view : full_view).ok());
    ASSERT_TRUE(instance.Run().ok());
  }
  EXPECT_EQ(tests::AllocationCount(), before);
}

}  // namespace
}  // namespace tenon
