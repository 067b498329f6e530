// Differentiation: what it accepts, what it refuses, and the shape of what it builds. The values of
// gradients are checked in grad_values_test.cc.
#include "tenon/passes/grad/grad.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tenon/ir/builder.h"
#include "tenon/ir/text.h"
#include "tenon/ir/verifier.h"

namespace tenon::passes {
namespace {

using ir::Dim;
using ir::F32;
using ir::F64;
using ir::Graph;
using ir::GraphBuilder;
using ir::I64;
using ir::Value;
using ::testing::HasSubstr;

Graph Mlp() {
  GraphBuilder b("mlp");
  Value x = b.Input("x", F32, {Dim("n").AtMost(32), 8});
  Value w = b.Parameter("w", F32, {8, 4}, ir::init::GlorotUniform());
  Value v = b.Parameter("v", F32, {4});
  Value h = Max(Contract("nk,km->nm", x, w) + v, 0);
  return b.Build({{"loss", ReduceSum(h * h)}, {"h", h}}).value();
}

TEST(DifferentiateTest, AppendsOneGradientForEachInputAskedFor) {
  const Graph graph = Mlp();
  const absl::StatusOr<Graph> result = Differentiate(graph, {.loss = "loss", .wrt = {"v", "w"}});
  ASSERT_TRUE(result.ok()) << result.status();
  ASSERT_TRUE(ir::Verify(*result).ok()) << ir::Verify(*result);
  ASSERT_EQ(result->inputs().size(), 3u);
  ASSERT_EQ(result->outputs().size(), 4u);
  EXPECT_EQ(result->outputs()[0].name, "loss");
  EXPECT_EQ(result->outputs()[1].name, "h");
  EXPECT_EQ(result->outputs()[2].name, "grad/v");
  EXPECT_EQ(result->outputs()[3].name, "grad/w");
  EXPECT_EQ(result->type(result->outputs()[3].value), graph.type(graph.inputs()[1].value));
}

TEST(DifferentiateTest, OpsOfGradientsCarryTheForwardOpsLine) {
  GraphBuilder b("g");
  Value x = b.Input("x", F32, {4});
  Value y = Tanh(x);
  const int line = __LINE__ - 1;
  const Graph graph = b.Build({{"loss", ReduceSum(y)}}).value();
  const Graph result = Differentiate(graph, {.loss = "loss", .wrt = {"x"}}).value();
  std::set<int> lines;
  for (const ir::Node& node : result.nodes()) {
    EXPECT_THAT(node.location.file, HasSubstr("grad_test.cc"));
    lines.insert(node.location.line);
  }
  int from_tanh = 0;
  for (const ir::Node& node : result.nodes()) from_tanh += node.location.line == line;
  EXPECT_GT(from_tanh, 1);
  EXPECT_LE(lines.size(), 3u);
}

TEST(DifferentiateTest, TouchesOnlyThePathToTheInputs) {
  GraphBuilder b("g");
  Value x = b.Input("x", F32, {4});
  Value z = b.Input("z", F32, {4});
  // Floor has no useful gradient and erf's would show: neither lies on a path from x.
  Value side = Erf(Floor(z));
  const Graph graph = b.Build({{"loss", ReduceSum(x * side)}}).value();
  const Graph result = Differentiate(graph, {.loss = "loss", .wrt = {"x"}}).value();
  for (const ir::Node& node : result.nodes()) EXPECT_NE(node.op, ir::OpCode::kExp);
}

TEST(DifferentiateTest, AnInputThatTheLossIgnoresHasZeros) {
  GraphBuilder b("g");
  Value x = b.Input("x", F32, {4});
  b.Input("z", F32, {Dim("n").AtMost(7), 2});
  const Graph graph = b.Build({{"loss", ReduceSum(x)}}).value();
  const absl::StatusOr<Graph> result = Differentiate(graph, {.loss = "loss", .wrt = {"z"}});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_TRUE(ir::Verify(*result).ok());
  EXPECT_EQ(result->type(result->outputs()[1].value), graph.type(graph.inputs()[1].value));
}

TEST(DifferentiateTest, NamesEverythingThatIsWrong) {
  GraphBuilder b("g");
  Value x = b.Input("x", F32, {4});
  Value i = b.Input("i", I64, {4});
  const Graph graph =
      b.Build({{"loss", ReduceSum(x)}, {"vector", x}, {"grad/x", x}, {"i", i}}).value();
  const absl::Status status =
      Differentiate(graph, {.loss = "vector", .wrt = {"x", "y", "i"}}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("\"vector\" must be a scalar"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("f32[4]"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("no input is named \"y\""));
  EXPECT_THAT(std::string(status.message()), HasSubstr("\"i\" is i64[4]"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("\"grad/x\" exists already"));
  EXPECT_THAT(std::string(Differentiate(graph, {.loss = "lost", .wrt = {"x"}}).status().message()),
              HasSubstr("no output is named \"lost\""));
}

TEST(DifferentiateTest, PreflightListsEveryOpWithoutAGradient) {
  GraphBuilder b("g");
  Value x = b.Input("x", F32, {4});
  // Two loops of unknown length, one inside a branch.
  auto loop = [](Value v) {
    return ir::While(
        {v},
        [](GraphBuilder&, std::vector<Value> c) -> std::vector<Value> {
          return {Lt(ReduceSum(c[0]), 10)};
        },
        [](GraphBuilder&, std::vector<Value> c) -> std::vector<Value> { return {c[0] * 2}; })[0];
  };
  Value y = loop(x);
  Value z = Cond(
      Gt(ReduceSum(y), 1), {y},
      [&](GraphBuilder&, std::vector<Value> c) -> std::vector<Value> { return {loop(c[0])}; },
      [](GraphBuilder&, std::vector<Value> c) -> std::vector<Value> { return {c[0]}; })[0];
  const Graph graph = b.Build({{"loss", ReduceSum(z)}}).value();
  const absl::Status status = Differentiate(graph, {.loss = "loss", .wrt = {"x"}}).status();
  const std::string message(status.message());
  size_t count = 0;
  for (size_t at = message.find("while has no gradient"); at != std::string::npos;
       at = message.find("while has no gradient", at + 1)) {
    ++count;
  }
  EXPECT_EQ(count, 2u) << message;
  EXPECT_THAT(message, HasSubstr("grad_test.cc:"));
}

TEST(DifferentiateTest, ADeepChainNeedsNoStackAndLinearTime) {
  for (const int depth : {5000, 10000}) {
    GraphBuilder b("deep");
    Value x = b.Input("x", F32, {3});
    Value y = x;
    for (int i = 0; i < depth; ++i) y = Sin(y);
    const Graph graph = b.Build({{"loss", ReduceSum(y)}}).value();
    const absl::StatusOr<Graph> result = Differentiate(graph, {.loss = "loss", .wrt = {"x"}});
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_LE(result->CountNodes(), 3 * depth + 10);
    EXPECT_GE(result->CountNodes(), 2 * depth);
  }
}

}  // namespace
}  // namespace tenon::passes
