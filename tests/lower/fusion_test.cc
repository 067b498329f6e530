// What fuses and what does not: the plan's text, one behaviour a test.
#include "gtest/gtest.h"
#include "tenon/ir/builder.h"
#include "tenon/passes/fuse/fuse.h"

namespace tenon::fuse {
namespace {

using namespace ir;  // NOLINT: graphs read like mathematics

FusionPlan PlanOf(GraphBuilder& b, std::vector<std::pair<std::string, Value>> outputs,
                  Graph* graph) {
  absl::StatusOr<Graph> built = b.Build(std::move(outputs));
  EXPECT_TRUE(built.ok()) << built.status();
  *graph = *std::move(built);
  return Fuse(*graph, X86Avx2(), {});
}

std::string PlanText(GraphBuilder& b, std::vector<std::pair<std::string, Value>> outputs) {
  Graph graph;
  return PlanOf(b, std::move(outputs), &graph).ToString(graph);
}

TEST(Fusion, ElementwiseChainsAreOneMap) {
  GraphBuilder b;
  Value x = b.Input("x", F32, {64, 28, 28, 32}), bias = b.Input("bias", F32, {32});
  Value y = Max(x + Broadcast(bias, {64, 28, 28, 32}, {3}), 0);
  EXPECT_EQ(PlanText(b, {{"y", Tanh(y) * 2}}),
            "map {broadcast add broadcast max tanh broadcast mul} stores 1\n");
}

TEST(Fusion, SoftmaxIsOneKernel) {
  GraphBuilder b;
  Value x = b.Input("x", F32, {64, 100});
  Value e = Exp(x - BroadcastTo(ReduceMax(x, {1}, true), {64, 100}));
  EXPECT_EQ(PlanText(b, {{"y", e / BroadcastTo(ReduceSum(e, {1}, true), {64, 100})}}),
            "reduce {reduce reshape broadcast sub exp reduce reshape broadcast div} stores 1\n");
}

TEST(Fusion, LayerNormIsOneKernel) {
  GraphBuilder b;
  Value x = b.Input("x", F32, {64, 100}), gamma = b.Input("gamma", F32, {100});
  Value centred = x - BroadcastTo(ReduceMean(x, {1}, true), {64, 100});
  Value variance = ReduceMean(centred * centred, {1}, true);
  Value y =
      centred * BroadcastTo(Rsqrt(variance + 1e-5), {64, 100}) * BroadcastTo(gamma, {64, 100});
  Graph graph;
  const FusionPlan plan = PlanOf(b, {{"y", y}}, &graph);
  ASSERT_EQ(plan.groups.size(), 1u) << plan.ToString(graph);
  EXPECT_EQ(plan.groups[0].kind, GroupKind::kReduce);
  EXPECT_EQ(plan.groups[0].nests[0].reductions.size(), 2u);
}

// Nobody behind the second sum runs over the rows, but the kernel of the first has all it adds up.
TEST(Fusion, ReductionsOfTheSameRowsAreSiblings) {
  GraphBuilder b;
  Value x = b.Input("x", F32, {64, 100}), keep = b.Input("keep", Bool, {64, 100});
  Value e = Exp(x - BroadcastTo(ReduceMax(x, {1}, true), {64, 100}));
  Value y = Select(keep, e / BroadcastTo(ReduceSum(e, {1}, true), {64, 100}), 0);
  Value total = ReduceSum(Tanh(ReduceSum(Select(keep, x, 0), {1})), {0});
  EXPECT_EQ(
      PlanText(b, {{"y", y}, {"total", total}}),
      "reduce {reduce reshape broadcast sub exp reduce reshape broadcast div broadcast select "
      "broadcast select reduce} stores 2\nreduce {tanh reduce} stores 1\n");
}

TEST(Fusion, ReductionsOfOtherRowsAreNot) {
  GraphBuilder b;
  Value x = b.Input("x", F32, {64, 100}), other = b.Input("other", F32, {64, 100});
  Value y = x - BroadcastTo(ReduceMax(x, {1}, true), {64, 100});
  // What they read is no other's; and what is read at another place is another's as well.
  Value total = ReduceSum(Tanh(ReduceSum(other, {1})), {0});
  Value turned = ReduceSum(Tanh(ReduceSum(Reverse(x, {0}), {1})), {0});
  Graph graph;
  const FusionPlan plan = PlanOf(b, {{"y", y}, {"total", total}, {"turned", turned}}, &graph);
  for (const Group& group : plan.groups) {
    for (const Nest& nest : group.nests) {
      EXPECT_EQ(nest.reductions.size(), 1u) << plan.ToString(graph);
    }
  }
}

TEST(Fusion, DenseWithBiasAndActivationIsOneContraction) {
  GraphBuilder b;
  Value x = b.Input("x", F32, {64, 784}), w = b.Input("w", F32, {784, 10});
  Value bias = b.Input("bias", F32, {10});
  Value z = Contract("mk,kn->mn", x, w) + Broadcast(bias, {64, 10}, {1});
  EXPECT_EQ(PlanText(b, {{"y", Max(z, 0)}}),
            "contract {broadcast contract add broadcast max} stores 1\n");
}

TEST(Fusion, WhatTheBackwardPartNeedsIsStoredByTheEpilogue) {
  GraphBuilder b;
  Value x = b.Input("x", F32, {64, 784}), w = b.Input("w", F32, {784, 10});
  Value g = b.Input("g", F32, {10, 64});
  Value z = Contract("mk,kn->mn", x, w);
  Graph graph;
  const FusionPlan plan =
      PlanOf(b, {{"y", Max(z, 0)}, {"dz", Select(Gt(z, 0), Transpose(g, {1, 0}), 0)}}, &graph);
  EXPECT_EQ(plan.groups[0].kind, GroupKind::kContract);
  EXPECT_EQ(plan.groups[0].stored.size(), 2u) << plan.ToString(graph);
}

TEST(Fusion, AdamOverSixParametersIsOneKernel) {
  GraphBuilder b;
  std::vector<std::pair<std::string, Value>> outputs;
  Value t = b.State("t", F32, {});
  for (int i = 0; i < 6; ++i) {
    const std::string n = std::to_string(i);
    const Shape shape = {3 + i, 7};
    Value w = b.Parameter("w" + n, F32, shape), g = b.Input("g" + n, F32, shape);
    Value m = b.State("m" + n, F32, shape), v = b.State("v" + n, F32, shape);
    Value m1 = m * 0.9 + g * 0.1, v1 = v * 0.999 + g * g * 0.001;
    Value correction = BroadcastTo(1.0 - Pow(0.9, t), shape);
    outputs.emplace_back("w'" + n, w - m1 / correction / (Sqrt(v1) + 1e-7));
    outputs.emplace_back("m'" + n, m1);
    outputs.emplace_back("v'" + n, v1);
    b.Donate("w'" + n, "w" + n);
    b.Donate("m'" + n, "m" + n);
    b.Donate("v'" + n, "v" + n);
  }
  Graph graph;
  const FusionPlan plan = PlanOf(b, outputs, &graph);
  ASSERT_EQ(plan.groups.size(), 1u) << plan.ToString(graph);
  EXPECT_EQ(plan.groups[0].nests.size(), 6u);
  EXPECT_EQ(plan.groups[0].stored.size(), 18u);
}

TEST(Fusion, ExpensiveWorkIsNotRepeatedForEveryRow) {
  GraphBuilder b;
  Value x = b.Input("x", F32, {1000, 64}), s = b.Input("s", F32, {64});
  EXPECT_EQ(PlanText(b, {{"y", x * Broadcast(Exp(s), {1000, 64}, {1})}}),
            "map {exp} stores 1\n"
            "map {broadcast mul} stores 1\n"
            "cut after exp: it would be evaluated again and again\n");
}

TEST(Fusion, CheapWorkIsRepeatedRatherThanStored) {
  GraphBuilder b;
  Value x = b.Input("x", F32, {64, 100});
  Value mask = Gt(x, 0);
  Graph graph;
  const FusionPlan plan = PlanOf(
      b, {{"a", ReduceSum(Cast(mask, F32), {0})}, {"b", ReduceMax(Cast(mask, F32), {1})}}, &graph);
  ASSERT_EQ(plan.groups.size(), 2u) << plan.ToString(graph);
  for (const Group& group : plan.groups) EXPECT_EQ(group.members.size(), 4u);
}

// exp feeds a column and a row reduction; whichever stores it must not wait for the other.
TEST(Fusion, GroupsFormNoCycle) {
  GraphBuilder b;
  Value x = b.Input("x", F32, {64, 64});
  Value e = Exp(x);
  Value c = ReduceSum(e, {0});
  Value y = ReduceSum(e * BroadcastTo(c, {64, 64}), {1});
  Graph graph;
  const FusionPlan plan = PlanOf(b, {{"y", y}, {"z", e + BroadcastTo(y, {64, 64})}}, &graph);
  std::vector<bool> ready(graph.num_values(), false);
  for (const Input& input : graph.inputs()) ready[input.value.index] = true;
  for (const Group& group : plan.groups) {
    for (ValueId v : group.inputs) {
      if (graph.producer(v).valid()) EXPECT_TRUE(ready[v.index]) << plan.ToString(graph);
    }
    for (ValueId v : group.stored) ready[v.index] = true;
  }
}

TEST(Fusion, SwitchedOffEveryOpIsAKernel) {
  GraphBuilder b;
  Value x = b.Input("x", F32, {64, 100});
  absl::StatusOr<Graph> graph = b.Build({{"y", Exp(Tanh(x))}});
  ASSERT_TRUE(graph.ok());
  passes::PipelineOptions options;
  options.disabled_passes.insert("fuse");
  EXPECT_EQ(Fuse(*graph, X86Avx2(), options).groups.size(), 2u);
}

}  // namespace
}  // namespace tenon::fuse
