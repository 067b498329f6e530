// The reducer and its surgery, on graphs and questions that need no process.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tenon/ir/builder.h"
#include "tenon/ir/text.h"
#include "tenon/ir/verifier.h"
#include "tests/ir/graphs.h"
#include "tools/reduce_edit.h"
#include "tools/reduce_moves.h"
#include "tools/reducer.h"
#include "tools/retype.h"
#include "tools/shell_test.h"

namespace tenon::tools {
namespace {

using ir::Graph;
using ir::Model;

Graph ParseOrDie(const char* text) { return ir::Parse(text).value(); }

constexpr char kChain[] = R"(tenon graph 1
graph @chain(%a: f32[n<=9,28], state %s: f32[28] = zeros) -> (y: f32[n,28], s: f32[28] donates %s) {
  %0 = exp(%a)
  %1 = broadcast(%s) shape=[n,28] axes=[1]
  %2 = mul(%0, %1)
  %3 = tanh(%2)
  %4 = add(%3, %0)
  %5 = add(%s, %s)
  return %4, %5
})";

bool Has(const Graph& graph, ir::OpCode op) {
  return std::any_of(graph.nodes().begin(), graph.nodes().end(), [&](const ir::Node& node) {
    return node.op == op || std::any_of(node.regions.begin(), node.regions.end(),
                                        [&](const Graph& region) { return Has(region, op); });
  });
}

Reduction Looking(std::function<bool(const Graph&)> question) {
  return {.is_interesting = [question](const Model& model) -> absl::StatusOr<bool> {
    EXPECT_TRUE(ir::Verify(model.graph).ok());
    return question(model.graph);
  }};
}

TEST(ReduceEdit, WhatIsLeftOutLeavesInputsAndOutputs) {
  Edit edit;
  edit.left_out = {2};  // the product
  const Graph graph = Apply(ParseOrDie(kChain), edit).value();
  ASSERT_TRUE(ir::Verify(graph).ok());
  EXPECT_GE(graph.FindInput("in0"), 0);    // for tanh
  EXPECT_EQ(graph.FindOutput("out0"), 2);  // the broadcast, that the product alone used
  EXPECT_EQ(graph.outputs().size(), 3u);   // exp has another user
  EXPECT_EQ(graph.outputs()[1].donated_input, 1);
}

TEST(ReduceEdit, NothingIsNoGraph) {
  Edit edit;
  edit.outputs_left_out = {0, 1};
  EXPECT_FALSE(Apply(ParseOrDie(kChain), edit).has_value());
}

TEST(ReduceEdit, UnusedInputsGoAndDonationsStayRight) {
  const Graph graph = DropUnusedInputs(ParseOrDie(R"(tenon graph 1
graph @g(%unused: f32[2], %x: f32[2]) -> (y: f32[2] donates %x) {
  %0 = exp(%x)
  return %0
})"));
  ASSERT_TRUE(ir::Verify(graph).ok());
  ASSERT_EQ(graph.inputs().size(), 1u);
  EXPECT_EQ(graph.outputs()[0].donated_input, 0);
}

TEST(Retype, AnExtentChangesWhereverItStands) {
  const Graph graph = ParseOrDie(R"(tenon graph 1
graph @g(%x: f32[28,28]) -> (y: f32[784]) {
  %0 = constant f32[2,28]{0, ...}
  %1 = concat(%x, %0) axis=0
  %2 = slice(%1) start=[2,0] limit=[30,28] stride=[1,1]
  %3 = reshape(%2) shape=[784]
  return %3
})");
  EXPECT_FALSE(ChangeExtent(graph, {28, 4}).has_value());  // 784 is another number
  const auto flat = ParseOrDie(R"(tenon graph 1
graph @g(%x: f32[28,28]) -> (y: f32[784]) {
  %0 = reshape(%x) shape=[784]
  return %0
})");
  EXPECT_FALSE(ChangeExtent(flat, {28, 4}).has_value());
  const auto changed = ChangeExtent(flat, {28, 4, /*multiples=*/true});
  ASSERT_TRUE(changed.has_value());
  EXPECT_EQ(changed->type(changed->outputs()[0].value).ToString(), "f32[16]");
}

TEST(Retype, LiteralsAreCut) {
  ir::Literal literal(ir::DType::kI32, {2, 3});
  for (int i = 0; i < 6; ++i) literal.SetFromDouble(i, i);
  const auto cut = ChangeExtent(literal, {3, 2});
  ASSERT_TRUE(cut.has_value());
  EXPECT_THAT(cut->data<int32_t>(), testing::ElementsAre(0, 1, 3, 4));
  EXPECT_FALSE(ChangeExtent(literal, {2, 5}).has_value());
}

TEST(Retype, SymbolsBecomeNumbers) {
  const auto graph = ReplaceSymbol(ParseOrDie(kChain), "n", 3);
  ASSERT_TRUE(graph.has_value());
  EXPECT_TRUE(graph->Symbols().empty());
}

TEST(Reduce, KeepsWhatTheQuestionAsksForAndNoMore) {
  for (ir::OpCode op : {ir::OpCode::kExp, ir::OpCode::kTanh, ir::OpCode::kAdd}) {
    const Model reduced = Reduce({ParseOrDie(kChain), {}},
                                 Looking([op](const Graph& graph) { return Has(graph, op); }))
                              .value();
    EXPECT_EQ(reduced.graph.nodes().size(), 1u) << ir::Print(reduced.graph);
    EXPECT_TRUE(Has(reduced.graph, op));
    EXPECT_EQ(reduced.graph.inputs().size(), 1u);
    EXPECT_TRUE(reduced.graph.Symbols().empty());
  }
}

TEST(Reduce, KeepsWhatBelongsTogether) {
  const Model reduced =
      Reduce({ParseOrDie(kChain), {}}, Looking([](const Graph& graph) {
               return Has(graph, ir::OpCode::kExp) && Has(graph, ir::OpCode::kTanh) &&
                      graph.outputs().size() == 2 && graph.outputs()[1].donated_input >= 0;
             }))
          .value();
  EXPECT_LE(reduced.graph.nodes().size(), 3u) << ir::Print(reduced.graph);
}

// No single step leads on: what Reduce promises.
TEST(Reduce, IsMinimalForEveryExampleAndOp) {
  for (const Graph& graph : ir::test::SampleGraphs()) {
    for (const ir::OpCode op : {ir::OpCode::kAdd, ir::OpCode::kContract, ir::OpCode::kTanh}) {
      if (!Has(graph, op)) continue;
      const auto question = [op](const Graph& g) { return Has(g, op); };
      const Model reduced = Reduce({graph, {}}, Looking(question)).value();
      EXPECT_EQ(reduced.graph.CountNodes(), 1) << ir::Print(reduced.graph);
    }
  }
}

TEST(Reduce, GivesErrorsOn) {
  Reduction reduction;
  reduction.is_interesting = [](const Model&) -> absl::StatusOr<bool> {
    return absl::CancelledError("enough");
  };
  EXPECT_EQ(Reduce({ParseOrDie(kChain), {}}, reduction).status().message(), "enough");
}

TEST(ShellTest, NamesAreQuotedAndEndsAreSeen) {
  EXPECT_EQ(CommandFor("f", "a b"), "f 'a b'");
  EXPECT_EQ(CommandFor("f {} x {}", "it's"), "f 'it'\\''s' x 'it'\\''s'");
  EXPECT_TRUE(Succeeds("exit 0", 10).value());
  EXPECT_FALSE(Succeeds("exit 3", 10).value());
  EXPECT_FALSE(Succeeds("sleep 30", 1).value());
  EXPECT_FALSE(Succeeds("no-such-command", 10).ok());
}

}  // namespace
}  // namespace tenon::tools
