// Which loops ask for memory ahead of reading it: those that read another page at every step, and
// those that go through rows several times.
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "tests/lower/support.h"

namespace tenon::lower {
namespace {

using ir::F32;
using ir::Graph;
using ir::GraphBuilder;
using ir::Literal;
using ir::Value;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Eq;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

// The program's text; it runs as the interpreter checks it.
std::string Scheduled(const Graph& graph, const std::vector<Literal>& inputs) {
  RunProgram(graph, inputs);
  absl::StatusOr<kernel::Program> program = passes::ScheduleProgram(graph, ir::X86Avx512(), {});
  EXPECT_TRUE(program.ok()) << program.status();
  return program.ok() ? kernel::Print(*program) : "";
}

std::string SumOfColumns(int64_t rows, int64_t columns) {
  GraphBuilder b;
  Value sums = ReduceSum(b.Input("x", F32, {rows, columns}), {0});
  return Scheduled(b.Build({{"sums", sums}}).value(), {Pattern(F32, {rows, columns})});
}

TEST(AheadTest, ColumnsOfWideRows) {
  const std::string text = SumOfColumns(40, 600);
  EXPECT_THAT(text, HasSubstr("prefetch x["));
  EXPECT_THAT(text, HasSubstr("elements 64, level 1"));
  EXPECT_THAT(text, HasSubstr("elements 64, level 2"));
}

TEST(AheadTest, NarrowRowsFollowEachOther) {
  EXPECT_THAT(SumOfColumns(40, 100), Not(HasSubstr("prefetch")));
}

TEST(AheadTest, PanelsOfWideMatrices) {
  const auto product = [](int64_t n) {
    GraphBuilder b;
    Value left = b.Input("a", F32, {64, 64}), right = b.Input("b", F32, {64, n});
    return Scheduled(b.Build({{"y", MatMul(left, right)}}).value(),
                     {Pattern(F32, {64, 64}), Pattern(F32, {64, n})});
  };
  EXPECT_THAT(product(1024), HasSubstr("prefetch b["));
  EXPECT_THAT(product(256), Not(HasSubstr("prefetch")));
  // Rows that are near, and lie across lines; those of 17 lines do not.
  EXPECT_THAT(product(270), HasSubstr("prefetch b["));
  EXPECT_THAT(product(272), Not(HasSubstr("prefetch")));
}

TEST(AheadTest, RunningSumsAcrossRows) {
  GraphBuilder b;
  Value sums = Cumulative(ir::Combiner::kSum, b.Input("x", F32, {9, 600}), 0);
  EXPECT_THAT(Scheduled(b.Build({{"sums", sums}}).value(), {Pattern(F32, {9, 600})}),
              HasSubstr("prefetch x["));
}

// Where the text has each prefetch: behind how many loops over a row's elements.
std::vector<int> AskingLoops(const std::string& text) {
  std::vector<int> loops;
  int loop = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    if (absl::StrContains(line, "= for ") || absl::StrContains(line, " step 16 {")) ++loop;
    if (absl::StrContains(line, "prefetch") && !absl::StrContains(line, "to_write")) {
      loops.push_back(loop);
    }
  }
  return loops;
}

Value Spread(Value row, const ir::Shape& shape) { return Broadcast(row, shape, {0}); }

// x less its mean over each row, and that over its deviation.
struct Normalized {
  Value deviation, scale;
};
Normalized Normalize(Value x, const ir::Shape& shape) {
  Value d = x - Spread(ReduceSum(x, {1}) * (1.0 / 1024), shape);
  return {d, Spread(Rsqrt(ReduceSum(d * d, {1}) * (1.0 / 1024) + 1e-5), shape)};
}

// Sums of a few operations would wait for memory: the last loop, which stores, asks.
TEST(AheadTest, NormsAskWhereTheyStore) {
  const ir::Shape shape = {64, 1024};
  GraphBuilder b;
  const Normalized n = Normalize(b.Input("x", F32, shape), shape);
  const Graph graph = b.Build({{"y", n.deviation * n.scale}}).value();
  EXPECT_THAT(AskingLoops(Scheduled(graph, {Pattern(F32, {64, 1024})})), ElementsAre(3, 3));
}

// The exponentials hide it. The elements stored are theirs: x is not read again.
TEST(AheadTest, SoftmaxAsksWhereItComputesExponentials) {
  const ir::Shape shape = {64, 1024};
  GraphBuilder b;
  Value x = b.Input("x", F32, shape);
  Value e = Exp(x - Spread(ReduceMax(x, {1}), shape));
  const Graph graph = b.Build({{"y", e * Spread(1 / ReduceSum(e, {1}), shape)}}).value();
  EXPECT_THAT(AskingLoops(Scheduled(graph, {Pattern(F32, {64, 1024})})),
              AllOf(SizeIs(8), Each(Eq(2))));  // four tiles of two rows
}

// Two loops compute enough: one asks for the first row of each tile of two, the other for the
// second.
TEST(AheadTest, TheGradientOfANormAsksInTwoLoops) {
  const ir::Shape shape = {64, 1024};
  GraphBuilder b;
  Value dy = b.Input("dy", F32, shape);
  const Normalized n = Normalize(b.Input("x", F32, shape), shape);
  Value product = ReduceSum(dy * n.deviation * n.deviation, {1});
  Value other = ReduceSum(n.deviation * (n.deviation + dy), {1});
  Value dx = dy * n.scale + n.deviation * Spread(product + other, shape) * n.scale + dy * dy;
  const Graph graph = b.Build({{"dx", dx}}).value();
  const std::vector<int> loops =
      AskingLoops(Scheduled(graph, {Pattern(F32, {64, 1024}), Pattern(F32, {64, 1024})}));
  EXPECT_THAT(loops, UnorderedElementsAre(2, 2, 2, 2, 2, 2, 2, 2, 3, 3));
}

TEST(AheadTest, MachinesWithoutCachesAreNotAsked) {
  const ir::Shape shape = {64, 1024};
  GraphBuilder b;
  const Normalized n = Normalize(b.Input("x", F32, shape), shape);
  const Graph graph = b.Build({{"y", n.deviation * n.scale}}).value();
  const auto program = passes::ScheduleProgram(graph, ir::CortexM4(), {});
  ASSERT_TRUE(program.ok()) << program.status();
  EXPECT_THAT(kernel::Print(*program), Not(HasSubstr("prefetch")));
}

TEST(AheadTest, WhatTheFirstLevelHoldsIsNotAskedFor) {
  const ir::Shape shape = {4, 1024};
  GraphBuilder b;
  const Normalized n = Normalize(b.Input("x", F32, shape), shape);
  const Graph graph = b.Build({{"y", n.deviation * n.scale}}).value();
  EXPECT_THAT(Scheduled(graph, {Pattern(F32, {4, 1024})}), Not(HasSubstr("prefetch")));
}

// What is stored plainly is asked for one loop before; what is stored past the caches is not.
TEST(AheadTest, RowsAskForWhatTheyWrite) {
  for (int64_t rows : {64, 8192}) {
    const ir::Shape shape = {rows, 1024};
    GraphBuilder b;
    const Normalized n = Normalize(b.Input("x", F32, shape), shape);
    const Graph graph = b.Build({{"y", n.deviation * n.scale}}).value();
    absl::StatusOr<kernel::Program> program = passes::ScheduleProgram(graph, ir::X86Avx512(), {});
    ASSERT_TRUE(program.ok()) << program.status();
    const std::string text = kernel::Print(*program);
    const bool past_caches = absl::StrContains(text, "non_temporal");
    EXPECT_EQ(past_caches, rows == 8192);
    EXPECT_EQ(absl::StrContains(text, "to_write"), !past_caches);
  }
}

}  // namespace
}  // namespace tenon::lower
