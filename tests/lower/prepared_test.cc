// What runs once for a set of weights: which groups of a plan, and what they may read.
#include "tenon/passes/fuse/prepared.h"

#include "gmock/gmock.h"
#include "tenon/passes/fuse/fuse.h"
#include "tenon/passes/memory/timeline.h"
#include "tests/lower/support.h"

namespace tenon::fuse {
namespace {

using namespace ir;  // NOLINT: graphs read like mathematics
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Of each group of the plan, whether it runs in `prepare`.
std::vector<bool> GroupsOf(const Graph& graph) {
  const FusionPlan plan = Fuse(graph, X86Avx2(), {});
  const Prepared prepared(graph, plan);
  std::vector<bool> runs;
  for (size_t g = 0; g < plan.groups.size(); ++g) runs.push_back(prepared.RunsGroup(g));
  return runs;
}

// The product with `x` keeps the function of `w` in a kernel of its own.
Value Used(Value of_weights, Value x) { return Contract("mk,kn->mn", x, of_weights); }

TEST(Prepared, WhatDependsOnParametersAlone) {
  GraphBuilder b;
  Value w = b.Parameter("w", F32, {64, 64}), x = b.Input("x", F32, {8, 64});
  const Graph graph = b.Build({{"y", Used(ReduceSum(Exp(w) * 0.5, {0}, true) * w, x)}}).value();
  EXPECT_THAT(GroupsOf(graph), ElementsAre(true, false));
}

TEST(Prepared, NotWhatDependsOnData) {
  GraphBuilder b;
  Value w = b.Input("w", F32, {64, 64}), x = b.Input("x", F32, {8, 64});
  const Graph graph = b.Build({{"y", Used(ReduceSum(Exp(w) * 0.5, {0}, true) * w, x)}}).value();
  EXPECT_THAT(GroupsOf(graph), ElementsAre(false, false));
}

TEST(Prepared, NotWhatAStepUpdates) {
  GraphBuilder b;
  Value w = b.Parameter("w", F32, {64, 64}), x = b.Input("x", F32, {8, 64});
  Value y = Used(ReduceSum(Exp(w) * 0.5, {0}, true) * w, x);
  b.Donate("w_next", "w");
  const Graph graph = b.Build({{"y", y}, {"w_next", w * 2}}).value();
  EXPECT_THAT(GroupsOf(graph), Each(false));
}

TEST(Prepared, FixedValuesBeforeAnythingIsFused) {
  GraphBuilder b;
  const Dim n = Dim("n").AtMost(64);
  Value w = b.Parameter("w", F32, {64}), v = b.Parameter("v", F32, {64});
  Value x = b.Input("x", F32, {n, 64});
  b.Donate("v_next", "v");
  Value fixed = Exp(w) * 2, updated = v + fixed, wide = Broadcast(fixed, {n, 64}, {1});
  const Graph graph = b.Build({{"y", wide * x}, {"v_next", updated}}).value();
  const std::vector<bool> found = FixedValues(graph);
  for (uint32_t i = 0; i < graph.nodes().size(); ++i) {
    const Node& node = graph.node(NodeId{i});
    const bool is_static = graph.type(node.results[0]).is_static();
    const bool reads_v = node.op == OpCode::kAdd;
    EXPECT_EQ(found[node.results[0].index], is_static && !reads_v) << OpName(node.op);
  }
  EXPECT_TRUE(found[graph.inputs()[0].value.index]);
  EXPECT_FALSE(found[graph.inputs()[1].value.index]);
  EXPECT_FALSE(found[graph.inputs()[2].value.index]);
}

TEST(Prepared, NotWhatIsReturned) {
  GraphBuilder b;
  Value w = b.Parameter("w", F32, {64, 64}), x = b.Input("x", F32, {8, 64});
  Value weights = ReduceSum(Exp(w) * 0.5, {0}, true) * w;
  const Graph graph = b.Build({{"y", Used(weights, x)}, {"weights", weights}}).value();
  EXPECT_THAT(GroupsOf(graph), Each(false));
}

TEST(Prepared, NotWhatHasAnExtentOfTheRun) {
  GraphBuilder b;
  const Dim n = Dim("n").AtMost(64);
  Value w = b.Parameter("w", F32, {64}), x = b.Input("x", F32, {8, n});
  Value rows = Broadcast(Exp(w), {n, 64}, {1});
  const Graph graph = b.Build({{"y", Used(ReduceSum(rows, {0}, true) * rows, x)}}).value();
  EXPECT_THAT(GroupsOf(graph), Each(false));
}

TEST(Prepared, MayReadThroughReshapes) {
  GraphBuilder b;
  Value w = b.Parameter("w", F32, {64, 64}), x = b.Input("x", F32, {8, 64});
  Value weights = Reshape(ReduceSum(Exp(w) * 0.5, {0}, true) * w, {32, 2, 64});
  const Graph graph = b.Build({{"y", Used(Reshape(weights, {64, 64}), x)}}).value();
  const FusionPlan plan = Fuse(graph, X86Avx2(), {});
  const Prepared prepared(graph, plan);
  const ValueId data = graph.inputs()[1].value;
  for (const Group& group : plan.groups) {
    for (ValueId v : group.inputs) EXPECT_EQ(prepared.MayRead(v), v != data);
  }
  const Node& contraction = graph.nodes().back();
  ASSERT_EQ(graph.node(graph.producer(contraction.operands[1])).op, OpCode::kReshape);
  EXPECT_TRUE(prepared.MayRead(contraction.operands[1]));
  EXPECT_FALSE(Prepared().MayRead(graph.inputs()[0].value));
}

// A sum that another group adds up in parts stays in the step, whose parts it needs; so its results
// take room in the step's memory.
TEST(Prepared, NotSumsThatAnotherGroupAddsUp) {
  GraphBuilder b;
  Value w = b.Parameter("w", F32, {320, 520}), v = b.Parameter("v", F32, {320, 520});
  Value product = w * v, x = b.Input("x", F32, {8, 320});
  Value rows = product - ReduceSum(product, {1}, true);
  Value columns = ReduceMax(product, {0}, true) * 2;
  const Graph graph = b.Build({{"y", Used(rows, x) * columns}}).value();
  const FusionPlan plan = Fuse(graph, X86Avx2(), {});
  ASSERT_THAT(plan.ToString(graph), HasSubstr("adds up 1 columns for others"));
  const Prepared prepared(graph, plan);
  const memory::Timeline timeline(graph, plan);
  for (const auto& [host, hosted] : timeline.hosts) {
    for (int group : {host, hosted}) {
      EXPECT_FALSE(prepared.RunsGroup(group));
      for (int written : timeline.steps[group].writes) {
        EXPECT_GT(timeline.instances[written].bytes, 0);
      }
    }
  }
  EXPECT_EQ(timeline.hosts.size(), 1u);
}

}  // namespace
}  // namespace tenon::fuse
