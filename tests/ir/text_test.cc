// The text form: what is printed reads back as the same graph, and as the same text again.
#include "tenon/ir/text.h"

#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tenon/ir/attributes_util.h"
#include "tenon/ir/file.h"
#include "tests/ir/graphs.h"

namespace tenon::ir {
namespace {

using ::testing::HasSubstr;

// Parses, prints, parses and prints: the second text must be the first.
std::string Normal(const std::string& text) {
  absl::StatusOr<Graph> graph = Parse(text, "t.tn");
  EXPECT_TRUE(graph.ok()) << graph.status();
  if (!graph.ok()) return "";
  const std::string once = Print(*graph);
  absl::StatusOr<Graph> again = Parse(once, "again.tn");
  EXPECT_TRUE(again.ok()) << again.status() << "\n" << once;
  if (again.ok()) {
    EXPECT_EQ(Print(*again), once);
  }
  return once;
}

std::string Body(const std::string& inputs, const std::string& outputs, const std::string& body) {
  return absl::StrCat("tenon graph 1\n\ngraph @g(", inputs, ") -> (", outputs, ") {\n", body,
                      "}\n");
}

TEST(TextTest, CanonicalTextIsUnchanged) {
  const std::string text =
      "tenon graph 1\n\n"
      "graph @mlp(%x: f32[n<=32,784], parameter %w: f32[784,10] = glorot_uniform) -> (y: "
      "f32[n,10]) "
      "{\n"
      "  %0 = contract(%x, %w) \"mk,kn->mn\" : f32[n,10]  // mlp.cc:14\n"
      "  %1 = tanh(%0) : f32[n,10]\n"
      "  return %1\n"
      "}\n";
  EXPECT_EQ(Normal(text), text);
}

TEST(TextTest, FreeFormIsNormalised) {
  const std::string text = Normal(
      "tenon graph 1 graph @g(%x:f32[n<=8]) -> (out:f32[n]) { // hello\n"
      "%a=add(%x,%x)   %hidden/1 = mul(%a, %x): f32[ n ] return %hidden/1 }");
  EXPECT_EQ(text, Body("%x: f32[n<=8]", "out: f32[n]",
                       "  %0 = add(%x, %x) : f32[n]\n  %1 = mul(%0, %x) : f32[n]\n  return %1\n"));
}

TEST(TextTest, DonationAndInitialisersAndKinds) {
  const std::string text = Body(
      "%x: f32[3], parameter %w: f32[3] = uniform(-0.5, 0.5), state %m: f32[3] = constant(1e-08)",
      "w: f32[3] donates %w, \"layer/0/m\": f32[3] donates %m",
      "  %0 = add(%w, %x) : f32[3]\n  return %0, %x\n");
  EXPECT_EQ(Parse(text)->outputs()[0].donated_input, 1);
  EXPECT_EQ(Parse(text)->inputs()[2].init, (Initializer{InitKind::kConstant, 1e-8, 0}));
  EXPECT_THAT(Normal(text), HasSubstr("\"layer/0/m\": f32[3] donates %m"));
  EXPECT_THAT(Normal(text), HasSubstr("state %m: f32[3] = constant(1e-08)"));
}

TEST(TextTest, LocationsOfInputsAndOps) {
  Graph g("g");
  const TensorType type{DType::kF32, {3}};
  const ValueId x = g.AddInput("x", InputKind::kInput, type, {}, Location("a.cc", 3));
  const ValueId y =
      g.AddInput("y", InputKind::kInput, type, {}, Location("dir with space/b.cc", 4));
  g.AddNode(OpCode::kAdd, NoAttrs{}, {x, y}, {type}, {}, Location("weird\"quote :.cc", 5));
  g.AddOutput("z", ValueId{2});
  const std::string text = Print(g);
  absl::StatusOr<Graph> back = Parse(text);
  ASSERT_TRUE(back.ok()) << back.status() << text;
  EXPECT_EQ(back->inputs()[0].location.ToString(), "a.cc:3");
  EXPECT_EQ(back->inputs()[1].location.ToString(), "dir with space/b.cc:4");
  EXPECT_EQ(back->nodes()[0].location.ToString(), "weird\"quote :.cc:5");
  EXPECT_EQ(Print(*back), text);
  EXPECT_THAT(Print(*back, {.locations = false}), ::testing::Not(HasSubstr("//")));
}

TEST(TextTest, OrdinaryCommentsAreNoLocations) {
  absl::StatusOr<Graph> g = Parse(Body("%x: f32[3]", "y: f32[3]",
                                       "  %0 = neg(%x) // see section 3: below\n"
                                       "  // own line.cc:7\n  %1 = neg(%0)\n return %1\n"));
  ASSERT_TRUE(g.ok()) << g.status();
  EXPECT_FALSE(g->nodes()[0].location.known());
  EXPECT_FALSE(g->nodes()[1].location.known());
}

TEST(TextTest, UnusualNamesAreQuoted) {
  Graph g("a graph");
  const TensorType type{DType::kF32, {}};
  for (const char* name :
       {"0", "12", "a b", "q\"uote", "back\\slash", "dense/kernel", "->", "ü", "//"}) {
    g.AddInput(name, InputKind::kInput, type);
  }
  g.AddNode(OpCode::kAdd, NoAttrs{}, {ValueId{0}, ValueId{1}}, {type});
  g.AddOutput("out put", ValueId{9});
  g.AddOutput("0", ValueId{3});
  const std::string text = Print(g);
  absl::StatusOr<Graph> back = Parse(text);
  ASSERT_TRUE(back.ok()) << back.status() << text;
  for (size_t i = 0; i < g.inputs().size(); ++i) {
    EXPECT_EQ(back->inputs()[i].name, g.inputs()[i].name);
  }
  EXPECT_EQ(back->outputs()[0].name, "out put");
  EXPECT_EQ(back->outputs()[0].value.index, 9u);
  EXPECT_EQ(back->name(), "a graph");
  EXPECT_EQ(Print(*back), text);
}

TEST(TextTest, BoundsStandAtTheFirstOccurrence) {
  const std::string text = Normal(Body("%x: f32[(n<=64)*12+1], %y: f32[m<=8,n]",
                                       "a: f32[n*12+1], b: f32[m,n]", "return %x, %y\n"));
  EXPECT_THAT(text, HasSubstr("%x: f32[(n<=64)*12+1], %y: f32[m<=8,n]"));
  const std::string floors = Normal(Body("%x: f32[floor(((n<=64)+3)/2),n,n*n-n+2]",
                                         "a: f32[floor((n+3)/2),n,n*n+2-n]", "return %x\n"));
  EXPECT_THAT(floors, HasSubstr("/2)"));
}

TEST(TextTest, LiteralsKeepEveryBit) {
  const std::vector<std::string> types = {
      "f32[7]{0, -0, 1e-45, 3.4028235e+38, inf, -inf, nan}",
      "f32[2]{0xffc00000, 0x7f800001}",
      "f64[3]{0.1, 5e-324, nan}",
      "f64[1]{0xfff8000000000001}",
      "bf16[4]{0.10009766, -inf, nan, 0xffc0}",
      "f16[4]{65504, 6e-08, 0x7c01, nan}",
      "i8[2]{-128, 127}",
      "u8[2]{0, 255}",
      "i32[2]{-2147483648, 2147483647}",
      "i64[2]{-9223372036854775808, 9223372036854775807}",
      "bool[2]{true, false}",
      "f32[]{0.5}",
      "f32[0]{}",
      "f32[2,0,3]{}",
      "f32[1000,1000]{0.1, ...}",
      "i64[2,2]{1, 2, 3, 4}",
  };
  for (const std::string& literal : types) {
    const std::string type = literal.substr(0, literal.find('{'));
    const std::string text =
        Body("", absl::StrCat("c: ", type),
             absl::StrCat("  %0 = constant ", literal, " : ", type, "\n  return %0\n"));
    // Digits of bf16 and f16 may come out longer; all else is canonical already.
    const std::string normal = Normal(text);
    if (literal[0] != 'b' && literal.substr(0, 3) != "f16") {
      EXPECT_EQ(normal, text);
    }
    absl::StatusOr<Graph> a = Parse(text), b = Parse(normal);
    ASSERT_TRUE(a.ok() && b.ok()) << a.status();
    EXPECT_TRUE(AttributesEqual(a->nodes()[0].attributes, b->nodes()[0].attributes)) << normal;
  }
}

TEST(TextTest, EveryFloatBitPatternOfSixteenBitsSurvives) {
  for (DType dtype : {DType::kBF16, DType::kF16}) {
    Literal all(dtype, {65536});
    for (int i = 0; i < 65536; ++i) {
      const uint16_t bits = static_cast<uint16_t>(i);
      std::memcpy(all.mutable_bytes() + 2 * i, &bits, 2);
    }
    Graph g("g");
    g.AddNode(OpCode::kConstant, ConstantAttrs{all}, {}, {all.type()});
    g.AddOutput("c", ValueId{0});
    absl::StatusOr<Graph> back = Parse(Print(g));
    ASSERT_TRUE(back.ok()) << back.status();
    EXPECT_TRUE(back->nodes()[0].attrs<ConstantAttrs>().value == all);
  }
}

TEST(TextTest, BuilderMadeGraphsRoundTrip) {
  for (const Graph& graph : test::SampleGraphs()) {
    const std::string text = Print(graph);
    absl::StatusOr<Graph> back = Parse(text, graph.name());
    ASSERT_TRUE(back.ok()) << back.status() << "\n" << text;
    EXPECT_EQ(Print(*back), text);
    EXPECT_TRUE(test::GraphsEqual(graph, *back)) << text;
  }
}

TEST(TextTest, LongLiteralsCanBeCutForPeople) {
  Graph g("g");
  const Literal l = Literal::FromSpan<int32_t>({4}, {1, 2, 3, 4});
  g.AddNode(OpCode::kConstant, ConstantAttrs{l}, {}, {l.type()});
  g.AddOutput("c", ValueId{0});
  const std::string text = Print(g, {.max_elements = 2});
  EXPECT_THAT(text, HasSubstr("i32[4]{1, 2, <cut>}"));
  EXPECT_FALSE(Parse(text).ok());
}

// Each erroneous text with what its message must say.
struct Bad {
  const char* text;
  const char* message;
};

TEST(TextTest, ErrorsNameThePlaceAndTheThing) {
  const std::string in = "%x: f32[n<=8,3]";
  const std::string out = "y: f32[n,3]";
  const std::vector<Bad> bodies = {
      {"  %0 = contrct(%x, %x)\n  return %0\n",
       "4:8: unknown op 'contrct'; did you mean 'contract'?"},
      {"  %0 = neg(%y)\n return %0\n", "4:12: '%y' is not defined"},
      {"  %0 = neg(%1)\n  %1 = neg(%0)\n  return %1\n", "'%1' is used before it is defined"},
      {"  %0 = neg(%0)\n  return %0\n", "'%0' is not defined"},
      {"  %0 = neg(%x)\n  %0 = neg(%x)\n  return %0\n", "defined twice; first on line 4"},
      {"  %0 = neg(%x) : f32[n,4]\n  return %0\n", "the type is f32[n,3], not the one written"},
      {"  %0 = neg(%x, %x)\n  return %0\n", "takes 1 operand, not 2"},
      {"  %0, %1 = neg(%x)\n  return %0\n", "has 1 results, not 2"},
      {"  %0 = reduce(%x) kind=sum axis=[1]\n  return %0\n",
       "unknown attribute 'axis'; reduce has kind, axes; did you mean 'axes'?"},
      {"  %0 = reduce(%x) kind=sum kind=max\n  return %0\n", "'kind' is given twice"},
      {"  %0 = reduce(%x) kind=mean\n  return %0\n", "expected a reduction (none, sum, prod"},
      {"  %0 = reduce(%x) kind=sum axes=[1\n  return %0\n", "expected ']', found 'return'"},
      {"  %0 = neg(%x) \"spec\"\n  return %0\n", "neg takes no such attribute"},
      {"  %0 = cast(%x) dtype=f31\n  return %0\n",
       "unknown element type 'f31'; did you mean 'f32'?"},
      {"  %0 = neg(%x) : f32[m,3]\n  return %0\n", "symbol 'm' has no bound; write 'm<=BOUND'"},
      {"  %0 = neg(%x) : f32[n<=9,3]\n  return %0\n", "bounded by 9 here and by 8 before"},
      {"  %0 = reshape(%x) shape=[99999999999999999999]\n", "is no integer of 64 bits"},
      {"  %0 = reshape(%x) shape=[n*9223372036854775807*3]\n", "overflows 64 bits"},
      {"  %0 = constant f32[4611686018427387904]{0}\n", "4611686018427387904"},
      {"  %0 = constant f32[3000000000,3000000000,3000000000]{0, ...}\n", "overflows 64 bits"},
      {"  %0 = constant f32[90000000]{0, ...}\n", "fewer"},
      {"  %0 = constant f32[3]{1, 2}\n", "expected 3 elements as the literal's type says, found 2"},
      {"  %0 = constant f32[1]{1, 2}\n", "expected '}', found ','"},
      {"  %0 = constant f32[1]{1e99}\n", "out of the range of f32"},
      {"  %0 = constant i8[1]{128}\n", "128 is out of the range of i8"},
      {"  %0 = constant bf16[1]{0x12345}\n", "more bits than bf16"},
      {"  %0 = neg(%x\n  return %0\n", "5:3: expected ')', found 'return'"},
      {"  %0 = neg(%x)\n", "expected an op or 'return', found '}'"},
      {"  return %x, %x\n", "expected '}', found ','"},
      {"  %0 = neg(%x) \"open\n", "a string is not closed on its line"},
      {"  %0 = neg(%x) $\n", "a character that no token starts with"},
      {"  %0 = call(%x) \"f\" {\n graph @f(%a: f32[n,3]) -> (y: f32[n,3]) {\n return %x\n}\n}\n",
       "belongs to the graph around; pass it to the region as an operand"},
  };
  for (const Bad& bad : bodies) {
    absl::StatusOr<Graph> g = Parse(Body(in, out, bad.text), "bad.tn");
    ASSERT_FALSE(g.ok()) << bad.text;
    EXPECT_THAT(std::string(g.status().message()), HasSubstr(bad.message)) << bad.text;
    EXPECT_THAT(std::string(g.status().message()), ::testing::StartsWith("bad.tn:")) << bad.text;
  }
}

TEST(TextTest, ErrorsOfSignatures) {
  const std::vector<Bad> texts = {
      {"", "1:1: expected the header line 'tenon graph 1', found the end of the text"},
      {"tenon graph 99 graph @g() -> () { return }", "version 99; this program reads 1 to 1"},
      {"tenon graph 1 graph @g(%x: f32[2], %x: f32[2]) -> () { return }", "defined twice"},
      {"tenon graph 1 graph @g(weight %x: f32[2]) -> () { return }", "expected input, parameter"},
      {"tenon graph 1 graph @g(%x: f32[2] = zeros) -> () { return }", "only parameters and state"},
      {"tenon graph 1 graph @g(state %x: f32[2] = random) -> () { return }",
       "expected an initialiser"},
      {"tenon graph 1 graph @g(%x: f32[2]) -> (y: f32[3]) { return %x }",
       "output 'y' has type f32[3]"},
      {"tenon graph 1 graph @g(%x: f32[2]) -> (y: f32[2], y: f32[2]) { return %x, %x }",
       "two outputs are named 'y'"},
      {"tenon graph 1 graph @g(%x: f32[2]) -> (y: f32[2] donates %z) { return %x }", "'%z'"},
      {"tenon graph 1 graph @g(%x: f32[-1]) -> () { return }", "negative extent"},
      {"tenon graph 1 graph @g(%x: f32[1,1,1,1,1,1,1,1,1]) -> () { return }", "rank 9"},
      {"tenon graph 1 graph @g(%x: f32[4611686018427387904]) -> () { return }", "2^63 bytes"},
      {"tenon graph 1 graph @g() -> () { return } trailing", "expected the end of the text"},
  };
  for (const Bad& bad : texts) {
    absl::StatusOr<Graph> g = Parse(bad.text, "bad.tn");
    ASSERT_FALSE(g.ok()) << bad.text;
    EXPECT_THAT(std::string(g.status().message()), HasSubstr(bad.message)) << bad.text;
  }
}

TEST(TextTest, TheReferencePageIsRight) {
  absl::StatusOr<std::string> page = ReadFile(std::string(TENON_SOURCE_DIR) + "/docs/ir.md");
  ASSERT_TRUE(page.ok()) << page.status();
  int graphs = 0;
  const std::vector<std::string> parts = absl::StrSplit(*page, "```\n");
  for (size_t i = 1; i < parts.size(); i += 2) {
    const std::string& block = parts[i];
    const bool is_file = absl::StartsWith(block, "tenon graph 1\n\ngraph @mlp");
    const bool is_graph = absl::StartsWith(block, "graph @sgd");
    if (!is_file && !is_graph) continue;
    ++graphs;
    const std::string text = is_file ? block : "tenon graph 1\n\n" + block;
    EXPECT_EQ(Normal(text), text);
  }
  EXPECT_EQ(graphs, 2);
  // The blocks of ops, in a graph that has what they use.
  for (const char* op : {"%0 = neg(%x) : f32[4]", "%1 = reduce(%0) kind=sum axes=[0] : f32[]",
                         "%2, %3 = sort(%a, %b) axis=1 descending=true : f32[8,4], i64[8,4]",
                         "%4 = constant f32[2]{0.5, -1} : f32[2]"}) {
    EXPECT_THAT(*page, HasSubstr(op));
  }
  Normal(Body("%x: f32[4], %a: f32[8,4], %b: i64[8,4]", "y: f32[2]",
              "  %0 = neg(%x) : f32[4]\n  %1 = reduce(%0) kind=sum axes=[0] : f32[]\n"
              "  %2, %3 = sort(%a, %b) axis=1 descending=true : f32[8,4], i64[8,4]\n"
              "  %4 = constant f32[2]{0.5, -1} : f32[2]\n  return %4\n"));
}

TEST(TextTest, HostileNestingIsRefused) {
  std::string dim(100000, '(');
  EXPECT_FALSE(Parse("tenon graph 1 graph @g(%x: f32[" + dim).ok());
  std::string minus(100000, '-');
  EXPECT_FALSE(Parse("tenon graph 1 graph @g(%x: f32[" + minus).ok());
  std::string product = "n<=2";
  for (int i = 0; i < 1000; ++i) product += "*(n+1)";
  EXPECT_FALSE(Parse("tenon graph 1 graph @g(%x: f32[" + product + "]) -> () { return }").ok());
  std::string regions = "tenon graph 1 ";
  for (int i = 0; i < 10000; ++i) regions += "graph @g(%x: f32[]) -> (y: f32[]) { %0 = call(%x) {";
  absl::StatusOr<Graph> g = Parse(regions);
  ASSERT_FALSE(g.ok());
  EXPECT_THAT(std::string(g.status().message()), HasSubstr("regions nest too deep"));
}

TEST(TextTest, DamagedTextNeverCrashes) {
  // Every prefix of every sample, and every sample with one character replaced or removed.
  for (const Graph& graph : test::SampleGraphs()) {
    const std::string text = Print(graph);
    const size_t step = std::max<size_t>(1, text.size() / 400);
    for (size_t i = 0; i < text.size(); i += step) {
      (void)Parse(text.substr(0, i));
      for (const char* c : {"", "0", "-", ",", "]", "n", "99999999999", "\"", "%0"}) {
        std::string damaged = text;
        damaged.replace(i, 1, c);
        absl::StatusOr<Graph> parsed = Parse(damaged);
        if (parsed.ok()) {
          EXPECT_TRUE(Parse(Print(*parsed)).ok()) << damaged;
        }
      }
    }
  }
}

}  // namespace
}  // namespace tenon::ir
