// Rows taken side by side: the same bits as one by one, whatever their number, and only where the
// tile of two is not gathered.
#include "gmock/gmock.h"
#include "tests/lower/support.h"

namespace tenon::lower {
namespace {

using ir::Dim;
using ir::F32;
using ir::Graph;
using ir::GraphBuilder;
using ir::Literal;
using ir::Shape;
using ir::Value;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kPair[] = "f32<2 x 16>";

Value Softmax(Value x) {
  Value e = Exp(x - ReduceMax(x, {-1}, true));
  return e / ReduceSum(e, {-1}, true);
}

std::string Scheduled(const Graph& graph) {
  absl::StatusOr<kernel::Program> program = passes::ScheduleProgram(graph, ir::X86Avx512(), {});
  EXPECT_TRUE(program.ok()) << program.status();
  return program.ok() ? kernel::Print(*program) : "";
}

// For a target whose registers hold the sums of two rows of four sets.
std::vector<Literal> RunWide(const Graph& graph, const std::vector<Literal>& inputs,
                             const std::vector<int64_t>& extents = {}) {
  absl::StatusOr<kernel::Program> program = passes::ScheduleProgram(graph, ir::X86Avx512(), {});
  EXPECT_TRUE(program.ok()) << program.status();
  if (!program.ok()) return {};
  const auto result = kernel::Interpret(*program, extents, inputs, {.threads = 2});
  EXPECT_TRUE(result.ok()) << result.status() << "\n" << kernel::Print(*program);
  return result.ok() ? result->outputs : std::vector<Literal>();
}

Graph SoftmaxOf(const Shape& shape) {
  GraphBuilder b;
  return b.Build({{"y", Softmax(b.Input("x", F32, shape))}}).value();
}

// A row has the same bits wherever it stands and whatever stands beside it.
TEST(RowsTest, EveryNumberOfRows) {
  const Literal all = Pattern(F32, {9, 200});
  const std::vector<Literal> nine = RunWide(SoftmaxOf({9, 200}), {all});
  ASSERT_EQ(nine.size(), 1);
  for (const int64_t rows : {1, 2, 3, 4, 7}) {
    Literal some(F32, {rows, 200});
    for (int64_t i = 0; i < some.size(); ++i) some.SetFromDouble(i, all.GetAsDouble(i));
    const Graph graph = SoftmaxOf({rows, 200});
    if (rows > 1) {
      EXPECT_THAT(Scheduled(graph), HasSubstr(kPair));
    } else {
      EXPECT_THAT(Scheduled(graph), Not(HasSubstr(kPair)));
    }
    const std::vector<Literal> result = RunWide(graph, {some});
    ASSERT_EQ(result.size(), 1);
    for (int64_t i = 0; i < some.size(); ++i) {
      ASSERT_EQ(result[0].GetAsDouble(i), nine[0].GetAsDouble(i)) << rows << " rows, element " << i;
    }
  }
}

TEST(RowsTest, ANumberOfRowsThatTheRunDecides) {
  const Graph graph = SoftmaxOf({Dim("n").AtMost(9), 37});
  EXPECT_THAT(Scheduled(graph), HasSubstr(kPair));
  const Literal all = Pattern(F32, {9, 37});
  const std::vector<Literal> nine = RunWide(graph, {all}, {9});
  for (const int64_t rows : {0, 1, 2, 5, 8}) {
    Literal some(F32, {rows, 37});
    for (int64_t i = 0; i < some.size(); ++i) some.SetFromDouble(i, all.GetAsDouble(i));
    const std::vector<Literal> result = RunWide(graph, {some}, {rows});
    ASSERT_EQ(result.size(), 1);
    for (int64_t i = 0; i < some.size(); ++i) {
      ASSERT_EQ(result[0].GetAsDouble(i), nine[0].GetAsDouble(i)) << rows << " rows, element " << i;
    }
  }
}

// Two outer dimensions make one loop; the mask needs the row's number within the inner one.
TEST(RowsTest, CausalRows) {
  GraphBuilder b;
  Value x = b.Input("x", F32, {3, 5, 40});
  Value seen = Le(b.Iota({ir::I64, {3, 5, 40}}, 2), b.Iota({ir::I64, {3, 5, 40}}, 1));
  const Graph graph = b.Build({{"y", Softmax(Select(seen, x, x * 0 - 1e30))}}).value();
  EXPECT_THAT(Scheduled(graph), HasSubstr(kPair));
  const Literal input = Pattern(F32, {3, 5, 40});
  const std::vector<Literal> result = RunWide(graph, {input});
  ASSERT_EQ(result.size(), 1);
  for (int64_t row = 0; row < 15; ++row) {
    double sum = 0;
    for (int64_t i = 0; i < 40; ++i) {
      const double p = result[0].GetAsDouble(row * 40 + i);
      EXPECT_EQ(p > 0, i <= row % 5) << row << ", " << i;
      sum += p;
    }
    EXPECT_NEAR(sum, 1, 1e-6);
  }
}

// The operand that a row of its own index names lies anywhere: it would be gathered lane by lane.
TEST(RowsTest, GatheredRowsGoOneByOne) {
  GraphBuilder b;
  Value rows = Gather(b.Input("table", F32, {11, 48}), b.Input("ids", ir::I32, {6}), 0);
  const Graph graph = b.Build({{"y", Softmax(rows)}}).value();
  EXPECT_THAT(Scheduled(graph), Not(HasSubstr(kPair)));
}

// Sixteen registers of eight floats would hold nothing but the sums.
TEST(RowsTest, RowsWhoseSumsFillTheRegistersGoOneByOne) {
  for (const auto& [length, pairs] : {std::pair(100, true), std::pair(200, false)}) {
    const Graph graph = SoftmaxOf({6, length});
    absl::StatusOr<kernel::Program> program = passes::ScheduleProgram(graph, ir::X86Avx2(), {});
    ASSERT_TRUE(program.ok()) << program.status();
    EXPECT_EQ(kernel::Print(*program).find(kPair) != std::string::npos, pairs) << length;
    // The bits are those of the wider target.
    const Literal input = Pattern(F32, {6, length});
    EXPECT_EQ(RunProgram(graph, {input}), RunWide(graph, {input}));
  }
}

// Nor are long ones worth it, which wait for little between their passes.
TEST(RowsTest, LongRowsGoOneByOne) {
  EXPECT_THAT(Scheduled(SoftmaxOf({6, 3000})), Not(HasSubstr(kPair)));
}

}  // namespace
}  // namespace tenon::lower
