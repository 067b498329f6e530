// Maxima of rows that need not care for NaN: which they are, and that the others do.
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "tenon/ir/interpreter.h"
#include "tests/lower/support.h"

namespace tenon::lower {
namespace {

using ir::F32;
using ir::Graph;
using ir::GraphBuilder;
using ir::Literal;
using ir::Value;

constexpr int64_t kRows = 12, kColumns = 40;

// Infinite elements, NaN first, in the middle, last, and all over a row; rows without.
Literal Special() {
  Literal x = Pattern(F32, {kRows, kColumns});
  const double inf = std::numeric_limits<double>::infinity(), nan = std::nan("");
  const auto set = [&](int64_t row, int64_t column, double value) {
    x.SetFromDouble(row * kColumns + column, value);
  };
  set(1, 0, nan);
  set(2, 17, nan);
  set(3, kColumns - 1, nan);
  for (int64_t c = 0; c < kColumns; ++c) set(4, c, nan);
  set(5, 3, inf);
  set(6, 3, inf);
  set(6, 20, nan);
  for (int64_t c = 0; c < kColumns; ++c) set(7, c, -inf);
  set(8, 9, -inf);
  set(8, 30, nan);
  return x;
}

struct Case {
  const char* name;
  std::function<Value(Value)> make;
  bool of_numbers;
};

Value OfRows(Value v) { return Broadcast(v, {kRows, kColumns}, {0}); }
Value FromMax(Value x) { return x - OfRows(ReduceMax(x, {1})); }

const std::vector<Case>& Cases() {
  static const auto* cases = new std::vector<Case>{
      {"softmax",
       [](Value x) {
         Value e = Exp(FromMax(x));
         return e / OfRows(ReduceSum(e, {1}));
       },
       true},
      {"softmax by a reciprocal",
       [](Value x) {
         Value e = Exp(FromMax(x));
         return e * OfRows(1 / ReduceSum(e, {1}));
       },
       true},
      {"log-softmax",
       [](Value x) {
         Value d = FromMax(x);
         return d - OfRows(Log(ReduceSum(Exp(d), {1})));
       },
       true},
      {"its sum",
       [](Value x) {
         Value d = FromMax(x);
         return ReduceSum(Log(ReduceSum(Exp(d), {1})) - ReduceSum(Select(Lt(d, -2), d, 0), {1}),
                          {0});
       },
       true},
      {"log of the sum, and the maximum again",
       [](Value x) {
         Value m = ReduceMax(x, {1});
         return m + Log(ReduceSum(Exp(x - OfRows(m)), {1}));
       },
       true},
      {"softmax of negated minima",
       [](Value x) {
         Value e = Exp(OfRows(ReduceMin(x, {1})) - x);
         return e / OfRows(ReduceSum(e, {1}));
       },
       true},
      {"the maximum itself", [](Value x) { return ReduceMax(x, {1}); }, false},
      {"exponentials, not divided", [](Value x) { return Exp(FromMax(x)); }, false},
      {"divided by another row's sum",
       [](Value x) {
         Value e = Exp(FromMax(x));
         return e / OfRows(Reverse(ReduceSum(e, {1}), {0}));
       },
       false},
      {"divided by sums of columns",
       [](Value x) {
         Value e = Exp(FromMax(x));
         return e / Broadcast(ReduceSum(e, {0}), {kRows, kColumns}, {1});
       },
       false},
      {"a sum of what hides NaN",
       [](Value x) {
         Value d = FromMax(x);
         Value e = Select(Lt(d, 0), Exp(d), 1);
         return e / OfRows(ReduceSum(e, {1}));
       },
       false},
      {"differences of other elements",
       [](Value x) {
         Value e = Exp(Reverse(x, {1}) - OfRows(ReduceMax(x, {1})));
         return e / OfRows(ReduceMax(e, {1}));
       },
       false},
      {"divided, and then hidden",
       [](Value x) {
         Value e = Exp(FromMax(x));
         Value y = e / OfRows(ReduceSum(e, {1}));
         return Select(Lt(y, 0.01), 0, y) + 0 * OfRows(ReduceMax(x, {1}));
       },
       false},
  };
  return *cases;
}

Graph GraphOf(const Case& c) {
  GraphBuilder b("rows");
  absl::StatusOr<Graph> graph = b.Build({{"y", c.make(b.Input("x", F32, {kRows, kColumns}))}});
  EXPECT_TRUE(graph.ok()) << graph.status();
  return *std::move(graph);
}

TEST(NanShows, WhereAllOfARowIsMadeWithASumOfIt) {
  for (const Case& c : Cases()) {
    SCOPED_TRACE(c.name);
    const auto program = passes::ScheduleProgram(GraphOf(c), ir::X86Avx512(), {});
    ASSERT_TRUE(program.ok()) << program.status();
    EXPECT_EQ(absl::StrContains(kernel::Print(*program), "of_numbers"), c.of_numbers);
  }
}

// The kernel interpreter gives a number where a NaN need not be passed on.
TEST(NanShows, NanAreWhereTheGraphHasThem) {
  for (const Case& c : Cases()) {
    SCOPED_TRACE(c.name);
    const Graph graph = GraphOf(c);
    const auto expected = ir::Interpret(graph, {Special()}, {});
    ASSERT_TRUE(expected.ok()) << expected.status();
    const std::vector<Literal> found = RunProgram(graph, {Special()});
    ASSERT_EQ(found.size(), 1u);
    for (int64_t i = 0; i < found[0].size(); ++i) {
      const double a = found[0].GetAsDouble(i), b = (*expected)[0].GetAsDouble(i);
      EXPECT_EQ(std::isnan(a), std::isnan(b)) << i;
      if (std::isfinite(b)) EXPECT_NEAR(a, b, 1e-4 * std::max(1.0, std::fabs(b))) << i;
    }
  }
}

}  // namespace
}  // namespace tenon::lower
