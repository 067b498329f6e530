// Each invariant of ir/verifier.h, broken by hand.
#include "tenon/ir/verifier.h"

#include <limits>
#include <string>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/ir/graphs.h"

namespace tenon::ir {
namespace {

using ::testing::HasSubstr;

const TensorType kVector{DType::kF32, {3}};

std::string Message(const Graph& graph) { return std::string(Verify(graph).message()); }

// One input of the given type, and a graph that returns it.
Graph OneInput(const TensorType& type, InputKind kind = InputKind::kInput) {
  Graph g("g");
  g.AddInput("x", kind, type);
  g.AddOutput("y", ValueId{0});
  return g;
}

TEST(VerifierTest, AcceptsWhatBuildersMake) {
  for (const Graph& graph : test::SampleGraphs()) EXPECT_TRUE(Verify(graph).ok()) << Message(graph);
}

TEST(VerifierTest, OperandsComeFirst) {  // 2
  Graph g = OneInput(kVector);
  g.AddNode(OpCode::kAdd, NoAttrs{}, {ValueId{0}, ValueId{1}}, {kVector}, {}, Location("a.cc", 7));
  EXPECT_THAT(Message(g), HasSubstr("graph @g: %0 = add(f32[3], f32[3]) at a.cc:7: operand 1, "
                                    "value 1, is used before it is defined"));
  Graph h = OneInput(kVector);
  h.AddNode(OpCode::kNeg, NoAttrs{}, {ValueId{9}}, {kVector});
  EXPECT_THAT(Message(h), HasSubstr("operand 0 is no value of the graph"));
}

TEST(VerifierTest, AttributesAndCounts) {  // 3
  Graph g = OneInput(kVector);
  g.AddNode(OpCode::kNeg, ReduceAttrs{}, {ValueId{0}}, {kVector});
  EXPECT_THAT(Message(g), HasSubstr("attributes of another op"));
  Graph h = OneInput(kVector);
  h.AddNode(OpCode::kNeg, NoAttrs{}, {ValueId{0}, ValueId{0}}, {kVector});
  EXPECT_THAT(Message(h), HasSubstr("neg(f32[3], f32[3]): takes 1 operand, not 2"));
}

TEST(VerifierTest, TypesAreTheInferredOnes) {  // 4
  Graph g = OneInput(kVector);
  g.AddNode(OpCode::kNeg, NoAttrs{}, {ValueId{0}}, {TensorType{DType::kF32, {4}}});
  EXPECT_THAT(Message(g), HasSubstr("result 0 has type f32[4]; inferred is f32[3]"));
  Graph h = OneInput(kVector);
  h.AddNode(OpCode::kNeg, NoAttrs{}, {ValueId{0}}, {kVector, kVector});
  EXPECT_THAT(Message(h), HasSubstr("has 2 results; neg gives 1"));
}

TEST(VerifierTest, RanksAndSizes) {  // 5
  EXPECT_THAT(Message(OneInput({DType::kF32, Shape(9, Dim(1))})), HasSubstr("rank 9"));
  EXPECT_THAT(Message(OneInput({DType::kF32, {-1}})), HasSubstr("negative extent -1"));
  EXPECT_THAT(Message(OneInput({DType::kF32, {int64_t{1} << 61}})), HasSubstr("2^63 bytes"));
  EXPECT_THAT(Message(OneInput({DType::kI8, {Dim("n").AtMost(int64_t{1} << 40), Dim(1 << 30)}})),
              HasSubstr("2^63 bytes"));
  EXPECT_TRUE(Verify(OneInput({DType::kF32, {int64_t{1} << 60}})).ok());
  EXPECT_TRUE(Verify(OneInput({DType::kF32, {0}})).ok());
}

TEST(VerifierTest, SymbolsHaveOneBound) {  // 6
  EXPECT_THAT(Message(OneInput({DType::kF32, {Dim("n")}})), HasSubstr("symbol 'n' has no bound"));
  EXPECT_THAT(Message(OneInput({DType::kF32, {Dim("n").AtMost(3), Dim("n").AtMost(4)}})),
              HasSubstr("bounded by 4 here and by 3 elsewhere"));
  EXPECT_THAT(Message(OneInput({DType::kF32, {Dim("n m").AtMost(3)}})),
              HasSubstr("'n m' is not an identifier"));
}

TEST(VerifierTest, NamesAreDistinct) {  // 7
  Graph g = OneInput(kVector);
  g.AddOutput("y", ValueId{0});
  EXPECT_THAT(Message(g), HasSubstr("two outputs are named 'y'"));
  Graph h("g");
  h.AddInput("x", InputKind::kInput, kVector);
  h.AddInput("x", InputKind::kInput, kVector);
  EXPECT_THAT(Message(h), HasSubstr("two inputs are named 'x'"));
  Graph k("g");
  k.AddInput("a\nb", InputKind::kInput, kVector);
  EXPECT_THAT(Message(k), HasSubstr("control character"));
  Graph e("g");
  e.AddInput("", InputKind::kInput, kVector);
  EXPECT_THAT(Message(e), HasSubstr("no name"));
}

TEST(VerifierTest, OutputsAndDonations) {  // 8
  Graph g("g");
  g.AddInput("x", InputKind::kState, kVector);
  g.AddInput("s", InputKind::kState, {DType::kF32, {4}});
  Graph a = g;
  a.AddOutput("y", ValueId{5});
  EXPECT_THAT(Message(a), HasSubstr("output 'y' has no value"));
  Graph b = g;
  b.AddOutput("y", ValueId{0}, 1);
  EXPECT_THAT(Message(b), HasSubstr("of type f32[3] cannot take over input 's' of type f32[4]"));
  Graph c = g;
  c.AddOutput("y", ValueId{0}, 0);
  c.AddOutput("z", ValueId{0}, 0);
  EXPECT_THAT(Message(c), HasSubstr("donated to two outputs"));
  Graph d = g;
  d.AddOutput("y", ValueId{0}, 7);
  EXPECT_THAT(Message(d), HasSubstr("input 7, which does not exist"));
}

TEST(VerifierTest, RegionsArePlainGraphs) {  // 9
  Graph g = OneInput(kVector);
  g.AddNode(OpCode::kCall, CallAttrs{"f"}, {ValueId{0}}, {kVector},
            {OneInput(kVector, InputKind::kParameter)});
  EXPECT_THAT(Message(g), HasSubstr("parameter, which a region cannot have"));
  Graph inner = OneInput(kVector);
  for (int i = 0; i <= kMaxRegionDepth; ++i) {
    Graph outer("g");
    outer.AddInput("x", InputKind::kInput, kVector);
    outer.AddNode(OpCode::kCall, CallAttrs{"f"}, {ValueId{0}}, {kVector}, {std::move(inner)});
    outer.AddOutput("y", ValueId{1});
    inner = std::move(outer);
  }
  EXPECT_THAT(Message(inner), HasSubstr("nest more than"));
  EXPECT_TRUE(Verify(inner.nodes()[0].regions[0]).ok());
}

TEST(VerifierTest, Initialisers) {  // 10
  const Initializer normal{InitKind::kNormal, 0, 1};
  Graph g("g");
  g.AddInput("x", InputKind::kInput, kVector, normal);
  EXPECT_THAT(Message(g), HasSubstr("only parameters and state have"));
  Graph h("g");
  h.AddInput("x", InputKind::kState, kVector,
             {InitKind::kConstant, std::numeric_limits<double>::infinity(), 0});
  EXPECT_THAT(Message(h), HasSubstr("not finite"));
}

TEST(VerifierTest, BoolLiterals) {  // 11
  Literal l(DType::kBool, {1});
  l.mutable_bytes()[0] = std::byte{2};
  Graph g("g");
  g.AddNode(OpCode::kConstant, ConstantAttrs{l}, {}, {l.type()});
  EXPECT_THAT(Message(g), HasSubstr("bool literal holds the byte 2"));
}

}  // namespace
}  // namespace tenon::ir
