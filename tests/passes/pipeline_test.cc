// The pass manager and the default pipeline: order, names, switches, reports, and linear work.
#include "tenon/passes/pipeline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tenon/ir/builder.h"
#include "tenon/ir/text.h"
#include "tenon/ir/verifier.h"
#include "tenon/passes/grad/grad.h"
#include "tenon/passes/pass_manager.h"

namespace tenon::passes {
namespace {

using ir::Dim;
using ir::F32;
using ir::Graph;
using ir::GraphBuilder;
using ir::OpCode;
using ir::Value;
using ::testing::HasSubstr;

Graph TrainingStep() {
  GraphBuilder b("mlp");
  Value x = b.Input("x", F32, {Dim("n").AtMost(32), 8});
  Value w = b.Parameter("w", F32, {8, 4}, ir::init::GlorotUniform());
  Value v = b.Parameter("v", F32, {4});
  Value h = Max(Contract("nk,km->nm", x, w) + v, 0);
  const Graph graph = b.Build({{"loss", ReduceMean(h * h)}}).value();
  return Differentiate(graph, {.loss = "loss", .wrt = {"w", "v"}}).value();
}

// How many elements all ops together give, at most.
int64_t Elements(const Graph& graph) {
  int64_t elements = 0;
  for (const ir::Node& node : graph.nodes()) {
    for (ir::ValueId v : node.results) {
      elements += graph.type(v).NumElements().UpperBound().value();
    }
  }
  return elements;
}

// A chain of `length` ops, some of which rules apply to, with its gradient.
Graph Chain(int length) {
  GraphBuilder b("chain");
  Value x = b.Input("x", F32, {16, 16});
  Value y = x;
  for (int i = 0; i < length; ++i) {
    switch (i % 5) {
      case 0:
        y = y * 1;
        break;
      case 1:
        y = Transpose(y, {1, 0});
        break;
      case 2:
        y = Tanh(y);
        break;
      case 3:
        y = Contract("mk,kn->mn", y, Transpose(x, {1, 0}));
        break;
      case 4:
        y = -(-y) + b.Full(y.type(), 2) * 3;
        break;
    }
  }
  return b.Build({{"loss", ReduceSum(y)}}).value();
}

int64_t Visits(const Graph& graph) {
  PassManager manager(DefaultPasses());
  EXPECT_TRUE(manager.Run(graph, {}, ir::X86Avx2()).ok());
  int64_t visits = 0;
  for (const PassReport& report : manager.reports()) visits += report.rule_visits;
  return visits;
}

int Count(const Graph& graph, OpCode op) {
  int count = 0;
  for (const ir::Node& node : graph.nodes()) count += node.op == op;
  return count;
}

TEST(PipelineTest, KeepsInputsAndOutputsAndVerifiesAfterEachPass) {
  const Graph graph = TrainingStep();
  PipelineOptions options;
  options.verify_after_each = true;
  std::vector<std::string> seen;
  options.after_pass = [&](const PassReport& report, const Graph&) {
    seen.push_back(std::string(report.pass));
  };
  const absl::StatusOr<Graph> result = Simplify(graph, options, ir::X86Avx2());
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(seen.size(), DefaultPasses().size());
  ASSERT_EQ(result->inputs().size(), graph.inputs().size());
  ASSERT_EQ(result->outputs().size(), graph.outputs().size());
  for (size_t i = 0; i < graph.outputs().size(); ++i) {
    EXPECT_EQ(result->outputs()[i].name, graph.outputs()[i].name);
    EXPECT_EQ(result->type(result->outputs()[i].value), graph.type(graph.outputs()[i].value));
  }
  EXPECT_LT(Elements(*result), Elements(graph));
  EXPECT_EQ(Count(*result, OpCode::kTranspose), 0) << ir::Print(*result);
}

TEST(PipelineTest, DisabledPassesAreLeftOut) {
  GraphBuilder b("g");
  Value x = b.Input("x", F32, {4});
  const Graph graph = b.Build({{"y", x * 1}}).value();
  EXPECT_EQ(Count(Simplify(graph, {}, ir::X86Avx2()).value(), OpCode::kMul), 0);
  PipelineOptions options;
  options.disabled_passes = {"algebra"};
  EXPECT_EQ(Count(Simplify(graph, options, ir::X86Avx2()).value(), OpCode::kMul), 1);
  for (const PassInfo& pass : AllPasses()) options.disabled_passes.insert(std::string(pass.name));
  EXPECT_EQ(Simplify(graph, options, ir::X86Avx2()).value().CountNodes(), graph.CountNodes());
}

TEST(PipelineTest, UnknownPassNamesListTheKnownOnes) {
  const absl::Status status = PassManager::FromNames({"cse", "csee"}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("\"csee\""));
  EXPECT_THAT(std::string(status.message()), HasSubstr("dce"));
}

// Rules that look far back do not go as deep as the graph is.
TEST(PipelineTest, SumsOfLongChains) {
  GraphBuilder b("g");
  Value x = b.Input("x", F32, {4, 3});
  Value added = x, mapped = x;
  for (int i = 0; i < 100000; ++i) {
    added = added + x;
    mapped = Tanh(mapped);
  }
  const Graph graph =
      b.Build({{"a", ReduceSum(added, {1})}, {"m", ReduceSum(ReduceSum(mapped, {1}), {0})}})
          .value();
  EXPECT_TRUE(Simplify(graph, {}, ir::X86Avx2()).ok());
}

TEST(PipelineTest, VisitsGrowLinearly) {
  const Graph small = Chain(5000);
  const Graph large = Chain(10000);
  EXPECT_LE(static_cast<double>(Visits(large)), 2.2 * static_cast<double>(Visits(small)));
  const GradOptions options{.loss = "loss", .wrt = {"x"}};
  EXPECT_LE(static_cast<double>(Visits(Differentiate(large, options).value())),
            2.2 * static_cast<double>(Visits(Differentiate(small, options).value())));
}

// Loops inside each other, with something for the control rules at every level.
std::vector<Value> Nest(std::vector<Value> carries, int depth) {
  if (depth == 0) return {Tanh(carries[0] * 1), carries[1], carries[2] + carries[2]};
  return ir::Scan(carries, {}, 3, [&](GraphBuilder& b, std::vector<Value> c) {
    c[0] = c[0] + b.Full(c[0].type(), depth);
    return Nest(c, depth - 1);
  });
}

int64_t VisitsOfNest(int depth) {
  GraphBuilder b("nest");
  Value x = b.Input("x", F32, {2});
  const std::vector<Value> out = Nest({x, b.Input("y", F32, {2}), b.Input("z", F32, {2})}, depth);
  return Visits(b.Build({{"y", out[0]}}).value());
}

TEST(PipelineTest, VisitsOfNestedLoopsArePolynomial) {
  // Each level rewrites the loops inside it a few times more, at most.
  EXPECT_LE(VisitsOfNest(24), 8 * VisitsOfNest(12));
}

}  // namespace
}  // namespace tenon::passes
