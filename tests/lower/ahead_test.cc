// Which loops ask for memory ahead of reading it: those that read another page at every step.
#include "gmock/gmock.h"
#include "tests/lower/support.h"

namespace tenon::lower {
namespace {

using ir::F32;
using ir::Graph;
using ir::GraphBuilder;
using ir::Literal;
using ir::Value;
using ::testing::HasSubstr;
using ::testing::Not;

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
}

TEST(AheadTest, RunningSumsAcrossRows) {
  GraphBuilder b;
  Value sums = Cumulative(ir::Combiner::kSum, b.Input("x", F32, {9, 600}), 0);
  EXPECT_THAT(Scheduled(b.Build({{"sums", sums}}).value(), {Pattern(F32, {9, 600})}),
              HasSubstr("prefetch x["));
}

}  // namespace
}  // namespace tenon::lower
