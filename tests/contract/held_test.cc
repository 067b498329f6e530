// Tiles that hold some rows of A for a group of steps, on targets that load fewer vectors than they
// multiply: which do, and that no bit depends on it.
#include "absl/strings/str_cat.h"
#include "tests/contract/native.h"

namespace tenon::contract {
namespace {

using ir::Graph;
using ir::GraphBuilder;
using ir::Literal;
using ir::Value;

ir::TargetDesc SlowLoads() { return WithSlowLoads(ir::X86Avx512()); }

bool Holds(const Graph& graph, const ir::TargetDesc& target) {
  const auto program = passes::ScheduleProgram(graph, target, {});
  EXPECT_TRUE(program.ok()) << program.status();
  return program.ok() && kernel::Print(*program).find("extract") != std::string::npos;
}

TEST(HeldRowsTest, AreThereWhereLoadsHoldATileUp) {
  // One vector of columns, and two.
  EXPECT_TRUE(Holds(GraphOf({"mk,kn->mn", 16, 16, 16}, ir::F32), SlowLoads()));
  EXPECT_TRUE(Holds(GraphOf({"mk,nk->mn", 64, 256, 10}, ir::F32), SlowLoads()));
  EXPECT_TRUE(Holds(GraphOf({"mk,kn->mn", 24, 100, 32}, ir::F32), SlowLoads()));
  // Tiles that have more products than loads; steps that do not lie next to each other; doubles;
  // machines that load as fast as they multiply.
  EXPECT_FALSE(Holds(GraphOf({"mk,kn->mn", 64, 64, 64}, ir::F32), SlowLoads()));
  EXPECT_FALSE(Holds(GraphOf({"km,kn->mn", 16, 16, 16}, ir::F32), SlowLoads()));
  EXPECT_FALSE(Holds(GraphOf({"mk,kn->mn", 16, 16, 16}, ir::F64), SlowLoads()));
  EXPECT_FALSE(Holds(GraphOf({"mk,kn->mn", 16, 16, 16}, ir::F32), ir::X86Avx512()));
}

void ExpectSameBits(const Graph& graph, const std::vector<int64_t>& extents,
                    const std::vector<Literal>& inputs) {
  for (const codegen::NamedTarget& t : codegen::RunnableTargets()) {
    SCOPED_TRACE(t.name);
    const std::vector<Literal> plain = RunNatively(graph, t.target, extents, inputs, Oracle::kNone);
    EXPECT_EQ(plain, RunNatively(graph, WithSlowLoads(t.target), extents, inputs));
  }
}

// Every tail of rows and of steps, columns of one vector and of two, whole and masked.
TEST(HeldRowsTest, ChangeNoBit) {
  for (const Product& c : {Product{"mk,kn->mn", 16, 16, 16}, Product{"mk,kn->mn", 37, 19, 16},
                           Product{"mk,nk->mn", 13, 66, 10}, Product{"mk,kn->mn", 9, 3, 12},
                           Product{"mk,kn->mn", 5, 129, 30}, Product{"mk,kn->mn", 33, 257, 129},
                           Product{"bmk,bkn->bmn", 20, 34, 17}}) {
    SCOPED_TRACE(testing::Message() << c);
    ExpectSameBits(GraphOf(c, ir::F32), {}, {Digits(ir::F32, c.a(), 1), Digits(ir::F32, c.b(), 2)});
  }
}

TEST(HeldRowsTest, OfRowsThatArePackedAndOfAnyNumber) {
  GraphBuilder g("packed");
  const ir::Dim rows = ir::Dim("n").AtMost(40);
  Value x = g.Input("x", ir::F32, {rows, 70}), w = g.Input("w", ir::F32, {70, 16});
  absl::StatusOr<Graph> graph = g.Build(
      {{"computed", Contract("mk,kn->mn", Tanh(x), w)}, {"plain", Contract("mk,kn->mn", x, w)}});
  ASSERT_TRUE(graph.ok()) << graph.status();
  EXPECT_TRUE(Holds(*graph, SlowLoads()));
  for (int64_t n : {0, 1, 16, 39}) {
    SCOPED_TRACE(n);
    ExpectSameBits(*graph, {n}, {Digits(ir::F32, {n, 70}, 1), Digits(ir::F32, {70, 16}, 2)});
  }
}

}  // namespace
}  // namespace tenon::contract
