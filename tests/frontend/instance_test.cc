// Programs and their instances: binding, extents, donation, overlap, faults. Each case runs
// interpreted and native.
#include "tenon/frontend/instance.h"

#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tenon/frontend/compile.h"
#include "tenon/frontend/core.h"
#include "tests/frontend/support.h"

namespace tenon {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string Message(const absl::Status& status) { return std::string(status.message()); }

Tensor Floats(std::initializer_list<int64_t> dims, std::vector<float> values) {
  return Tensor::FromValues<float>(dims, absl::MakeConstSpan(values));
}

class InstanceTest : public ::testing::TestWithParam<Backend> {
 protected:
  Program Compile(absl::StatusOr<Graph> graph) {
    EXPECT_TRUE(graph.ok()) << graph.status();
    auto program = Program::Compile(*graph, {.backend = GetParam()});
    EXPECT_TRUE(program.ok()) << program.status();
    return *program;
  }

  // y = x * 2 + bias, rows n up to 8; total' = total + sum(x), donated.
  Program Example() {
    GraphBuilder b("example");
    Value x = b.Input("x", F32, {Dim("n").AtMost(8), 2});
    Value bias = b.Parameter("bias", F32, {2});
    Value total = b.State("total", F32, {});
    b.Donate("total", "total");
    return Compile(b.Build({{"y", x * 2 + bias}, {"total", total + ReduceSum(x)}}));
  }
};

TEST_P(InstanceTest, RunsForEveryExtentUpToTheBound) {
  const Program program = Example();
  Instance instance = program.NewInstance();
  const Tensor bias = Floats({2}, {10, 20});
  Tensor total(DType::kF32, {});
  ASSERT_TRUE(instance.BindInput("bias", bias).ok());
  ASSERT_TRUE(instance.BindMutable("total", total.mutable_view()).ok());
  for (int64_t n : {3, 8, 1, 0, 7}) {
    Tensor x(DType::kF32, {n, 2});
    for (float& v : x.mutable_data<float>()) v = 1;
    ASSERT_TRUE(instance.BindInput("x", x).ok());
    ASSERT_TRUE(instance.Run().ok());
    auto y = instance.Output("y");
    ASSERT_TRUE(y.ok());
    ASSERT_EQ(y->TypeString(), TypeToString(F32, {n, 2}));
    for (int64_t i = 0; i < 2 * n; ++i) EXPECT_EQ(y->as<float>()[i], i % 2 == 0 ? 12 : 22);
  }
  EXPECT_EQ(total.data<float>()[0], 2.0f * (3 + 8 + 1 + 0 + 7));
}

TEST_P(InstanceTest, OutputsMayBeTheCallers) {
  const Program program = Example();
  Instance instance = program.NewInstance();
  const Tensor x = Floats({1, 2}, {1, 2}), bias = Floats({2}, {0, 0});
  Tensor total(DType::kF32, {}), y(DType::kF32, {1, 2});
  ASSERT_TRUE(instance.BindInput("x", x).ok());
  ASSERT_TRUE(instance.BindInput("bias", bias).ok());
  ASSERT_TRUE(instance.BindMutable("total", total.mutable_view()).ok());
  ASSERT_TRUE(instance.BindMutable("y", y.mutable_view()).ok());
  ASSERT_TRUE(instance.Run().ok());
  EXPECT_THAT(y.data<float>(), ElementsAre(2, 4));
  // An output of another extent than the inputs ask for.
  Tensor wrong(DType::kF32, {2, 2});
  ASSERT_TRUE(instance.BindMutable("y", wrong.mutable_view()).ok());
  EXPECT_THAT(Message(instance.Run()), HasSubstr("output 'y'"));
}

TEST_P(InstanceTest, ChangedParametersAreSeenOnceSaid) {
  const Program program = Example();
  Instance instance = program.NewInstance();
  const Tensor x = Floats({1, 2}, {1, 2});
  Tensor bias = Floats({2}, {0, 0}), total(DType::kF32, {});
  ASSERT_TRUE(instance.BindInput("x", x).ok());
  ASSERT_TRUE(instance.BindInput("bias", bias).ok());
  ASSERT_TRUE(instance.BindMutable("total", total.mutable_view()).ok());
  ASSERT_TRUE(instance.Run().ok());
  bias.mutable_data<float>()[0] = 5;
  instance.ParametersChanged();
  ASSERT_TRUE(instance.Run().ok());
  EXPECT_EQ(instance.Output("y")->as<float>()[0], 7);
}

TEST_P(InstanceTest, MistakesInBindingAreNamed) {
  const Program program = Example();
  Instance instance = program.NewInstance();
  EXPECT_THAT(Message(instance.BindInput("z", Tensor())), HasSubstr("no input 'z'"));
  EXPECT_THAT(Message(instance.BindInput("x", Tensor(DType::kF64, {1, 2}))), HasSubstr("f64[1,2]"));
  EXPECT_THAT(Message(instance.BindInput("x", Tensor(DType::kF32, {2}))), HasSubstr("f32[2]"));
  EXPECT_THAT(Message(instance.BindInput("total", Tensor(DType::kF32, {}))), HasSubstr("mutable"));
  EXPECT_THAT(Message(instance.BindInput("x", {F32, {1, 2}, nullptr})), HasSubstr("null"));
  alignas(8) char raw[32] = {};
  EXPECT_THAT(Message(instance.BindInput("x", {F32, {1, 2}, raw + 1})), HasSubstr("aligned"));
  EXPECT_THAT(Message(instance.Run()), HasSubstr("not bound"));

  const Tensor bias(DType::kF32, {2}), long_x(DType::kF32, {9, 2}), wide_x(DType::kF32, {1, 3});
  Tensor total(DType::kF32, {});
  ASSERT_TRUE(instance.BindInput("bias", bias).ok());
  ASSERT_TRUE(instance.BindMutable("total", total.mutable_view()).ok());
  ASSERT_TRUE(instance.BindInput("x", long_x).ok());
  EXPECT_THAT(Message(instance.Run()), HasSubstr("n = 9 is beyond its bound 8"));
  ASSERT_TRUE(instance.BindInput("x", wide_x).ok());
  EXPECT_THAT(Message(instance.Run()), HasSubstr("dimension 1 must be 2"));
}

TEST_P(InstanceTest, OverlapWithWhatIsWrittenIsRejected) {
  const Program program = Example();
  Instance instance = program.NewInstance();
  std::vector<float> memory(16);
  ASSERT_TRUE(instance.BindInput("x", {F32, {2, 2}, memory.data()}).ok());
  // Reading the same memory twice is no harm.
  ASSERT_TRUE(instance.BindInput("bias", {F32, {2}, memory.data() + 1}).ok());
  EXPECT_THAT(Message(instance.BindMutable("total", {F32, {}, memory.data() + 3})),
              HasSubstr("overlap"));
  ASSERT_TRUE(instance.BindMutable("total", {F32, {}, memory.data() + 4}).ok());
  EXPECT_THAT(Message(instance.BindMutable("y", {F32, {2, 2}, memory.data() + 3})),
              HasSubstr("overlap"));
  ASSERT_TRUE(instance.BindMutable("y", {F32, {2, 2}, memory.data() + 5}).ok());
  EXPECT_TRUE(instance.Run().ok());
}

TEST_P(InstanceTest, ExtentsComeFromExpressionsToo) {
  GraphBuilder b("expression");
  const Dim n = Dim("n").AtMost(8);
  Value x = b.Input("x", F32, {n * 3 + 1});
  const Program program = Compile(b.Build({{"y", x + 1}}));
  auto y = program.Run({{"x", Tensor(DType::kF32, {7})}});
  ASSERT_TRUE(y.ok()) << y.status();
  EXPECT_EQ(y->at("y").TypeString(), "f32[7]");
  EXPECT_THAT(Message(program.Run({{"x", Tensor(DType::kF32, {8})}}).status()), HasSubstr("n*3"));
  EXPECT_FALSE(program.Run({{"x", Tensor(DType::kF32, {28})}}).ok());
}

TEST_P(InstanceTest, ASymbolThatTwoInputsShareMustAgree) {
  GraphBuilder b("shared");
  const Dim n = Dim("n").AtMost(8);
  Value x = b.Input("x", F32, {n}), y = b.Input("y", F32, {n});
  const Program program = Compile(b.Build({{"z", x + y}}));
  auto z = program.Run({{"x", Tensor(DType::kF32, {2})}, {"y", Tensor(DType::kF32, {3})}});
  EXPECT_THAT(Message(z.status()), HasSubstr("n is 2"));
}

TEST_P(InstanceTest, AFaultIsAnErrorWithItsIndex) {
  GraphBuilder b("fault");
  Value x = b.Input("x", F32, {4}), i = b.Input("i", I64, {2});
  const Program program = Compile(b.Build({{"y", Gather(x, i, 0)}}));
  const std::vector<int64_t> good = {3, 0}, bad = {1, 4};
  const Tensor values = Floats({4}, {1, 2, 3, 4});
  auto y = program.Run({{"x", values}, {"i", Tensor::FromValues<int64_t>({2}, good)}});
  ASSERT_TRUE(y.ok()) << y.status();
  EXPECT_THAT(y->at("y").data<float>(), ElementsAre(4, 1));
  y = program.Run({{"x", values}, {"i", Tensor::FromValues<int64_t>({2}, bad)}});
  EXPECT_THAT(Message(y.status()), HasSubstr("4"));
}

// Four runs of three rows each: inputs five elements apart from one run to the next, outputs too.
TEST_P(InstanceTest, SeveralRunsAreAsManySingleOnes) {
  const Program program = Example();
  const Tensor bias = Floats({2}, {10, 20});
  std::vector<float> x(4 * 8), y(4 * 8, -1), single(6);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i * i % 13) / 8;
  Tensor total(DType::kF32, {}), expected_total(DType::kF32, {});
  Instance many = program.NewInstance(), one = program.NewInstance();
  ASSERT_TRUE(many.BindInput("bias", bias).ok());
  ASSERT_TRUE(many.BindMutable("total", total.mutable_view()).ok());
  ASSERT_TRUE(many.BindInput("x", {F32, {3, 2}, x.data()}, {4, 32}).ok());
  ASSERT_TRUE(many.BindMutable("y", {F32, {3, 2}, y.data()}, {4, 32}).ok());
  ASSERT_TRUE(many.Run(4).ok());
  EXPECT_EQ(many.last_run(), 3);
  ASSERT_TRUE(one.BindInput("bias", bias).ok());
  ASSERT_TRUE(one.BindMutable("total", expected_total.mutable_view()).ok());
  ASSERT_TRUE(one.BindMutable("y", {F32, {3, 2}, single.data()}).ok());
  for (size_t run = 0; run < 4; ++run) {
    ASSERT_TRUE(one.BindInput("x", {F32, {3, 2}, x.data() + 8 * run}).ok());
    ASSERT_TRUE(one.Run().ok());
    for (size_t i = 0; i < 6; ++i) EXPECT_EQ(y[8 * run + i], single[i]);
    for (size_t i = 6; i < 8; ++i) EXPECT_EQ(y[8 * run + i], -1);
  }
  EXPECT_EQ(total, expected_total);
  // What is not bound as a series stays where it is: the last run's results.
  Tensor fixed(DType::kF32, {3, 2});
  ASSERT_TRUE(many.BindMutable("y", fixed.mutable_view()).ok());
  ASSERT_TRUE(many.Run(4).ok());
  for (size_t i = 0; i < 6; ++i) EXPECT_EQ(fixed.data<float>()[i], single[i]);
}

TEST_P(InstanceTest, MistakesInSeriesAreNamed) {
  const Program program = Example();
  Instance instance = program.NewInstance();
  std::vector<float> memory(64);
  const Tensor bias(DType::kF32, {2});
  Tensor total(DType::kF32, {});
  const TensorView x = {F32, {2, 2}, memory.data()};
  EXPECT_THAT(Message(instance.BindInput("bias", bias, {2, 8})), HasSubstr("takes no series"));
  EXPECT_THAT(Message(instance.BindMutable("total", total.mutable_view(), {2, 4})),
              HasSubstr("takes no series"));
  EXPECT_THAT(Message(instance.BindInput("x", x, {0, 16})), HasSubstr("no series"));
  EXPECT_THAT(Message(instance.BindInput("x", x, {2, -16})), HasSubstr("no series"));
  EXPECT_THAT(Message(instance.BindInput("x", x, {2, 18})), HasSubstr("no series"));
  EXPECT_FALSE(instance.BindInput("x", x, {int64_t{1} << 40, int64_t{1} << 40}).ok());
  ASSERT_TRUE(instance.BindInput("bias", bias).ok());
  ASSERT_TRUE(instance.BindMutable("total", total.mutable_view()).ok());
  // All its runs count where buffers overlap.
  ASSERT_TRUE(instance.BindInput("x", x, {3, 16}).ok());
  EXPECT_THAT(Message(instance.BindMutable("y", {F32, {2, 2}, memory.data() + 8})),
              HasSubstr("overlap"));
  ASSERT_TRUE(instance.BindMutable("y", {F32, {2, 2}, memory.data() + 12}).ok());
  EXPECT_TRUE(instance.Run(3).ok());
  EXPECT_THAT(Message(instance.Run(4)), HasSubstr("'x' is bound for 3 runs, not 4"));
  EXPECT_FALSE(instance.Run(0).ok());
  EXPECT_TRUE(instance.Run().ok());
}

TEST_P(InstanceTest, AFaultEndsTheRunsAndSaysInWhich) {
  GraphBuilder b("fault");
  Value x = b.Input("x", F32, {4}), i = b.Input("i", I64, {2});
  const Program program = Compile(b.Build({{"y", Gather(x, i, 0)}}));
  const Tensor x_values = Floats({4}, {1, 2, 3, 4});
  std::vector<int64_t> indices = {0, 1, 2, 3, 1, 9, 0, 0};
  std::vector<float> y(8, -1);
  Instance instance = program.NewInstance();
  ASSERT_TRUE(instance.BindInput("x", x_values).ok());
  ASSERT_TRUE(instance.BindInput("i", {I64, {2}, indices.data()}, {4, 16}).ok());
  ASSERT_TRUE(instance.BindMutable("y", {F32, {2}, y.data()}, {4, 8}).ok());
  EXPECT_THAT(Message(instance.Run(4)), HasSubstr("9"));
  EXPECT_EQ(instance.last_run(), 2);
  EXPECT_THAT(absl::MakeSpan(y).first(4), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(absl::MakeSpan(y).last(2), ElementsAre(-1, -1));
  indices[5] = 3;
  EXPECT_TRUE(instance.Run(4).ok());
  EXPECT_EQ(instance.last_run(), 3);
  EXPECT_EQ(y[7], 1);
}

TEST_P(InstanceTest, InstancesRunAtTheSameTime) {
  const Program program = Example();
  std::vector<std::thread> threads;
  std::vector<float> sums(4);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      Instance instance = program.NewInstance();
      const Tensor x = Floats({1, 2}, {static_cast<float>(t), 1}), bias(DType::kF32, {2});
      Tensor total(DType::kF32, {});
      bool ok = instance.BindInput("x", x).ok() && instance.BindInput("bias", bias).ok() &&
                instance.BindMutable("total", total.mutable_view()).ok();
      for (int i = 0; i < 50; ++i) ok = ok && instance.Run().ok();
      if (ok) sums[t] = total.data<float>()[0];
    });
  }
  for (std::thread& t : threads) t.join();
  EXPECT_THAT(sums, ElementsAre(50, 100, 150, 200));
}

TEST_P(InstanceTest, RunLeavesDonatedInputsOfTheCallerAlone) {
  const Program program = Example();
  const Tensor x = Floats({1, 2}, {1, 2}), bias(DType::kF32, {2}), total(DType::kF32, {});
  auto outputs = program.Run({{"x", x}, {"bias", bias}, {"total", total}});
  ASSERT_TRUE(outputs.ok()) << outputs.status();
  EXPECT_EQ(outputs->at("total").data<float>()[0], 3);
  EXPECT_EQ(total.data<float>()[0], 0);
  EXPECT_THAT(Message(program.Run({{"q", x}}).status()), HasSubstr("no input 'q'"));
}

TEST_P(InstanceTest, CostsCountWeightsAndFlops) {
  GraphBuilder b("costs");
  const Dim n = Dim("n").AtMost(64);
  Value x = b.Input("x", F32, {n, 16});
  const Program program = Compile(b.Build({{"y", MatMul(x, b.Parameter("w", F32, {16, 8}))}}));
  EXPECT_EQ(program.costs().weight_bytes, 16 * 8 * 4);
  EXPECT_EQ(*program.costs().flops.Evaluate({{"n", 3}}), 2 * 3 * 16 * 8);
}

INSTANTIATE_TEST_SUITE_P(Backends, InstanceTest,
                         ::testing::Values(Backend::kInterpreter, Backend::kNative),
                         [](const auto& info) {
                           return info.param == Backend::kNative ? "Native" : "Interpreted";
                         });

}  // namespace
}  // namespace tenon
