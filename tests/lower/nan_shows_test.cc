// Maxima of rows that need not care for NaN: which they are, and that the others do.
#include <cmath>
#include <functional>
#include <limits>
#include <random>
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
      {"an index",
       [](Value x) {
         Value m = ReduceMax(x, {1});
         Value table = x.builder()->Iota({F32, {200}}, 0);
         Value at = Cast(Select(IsFinite(m), m, 0) + 100, ir::I64);
         return Gather(table, at, 0) + Log(ReduceSum(Exp(x - OfRows(m)), {1}));
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

// Chains of operations on rows, drawn at random: what a step makes, later ones use.
Graph RandomRows(uint32_t seed) {
  std::mt19937 random(seed);
  const auto below = [&](size_t n) { return random() % n; };
  GraphBuilder b("random");
  Value x = b.Input("x", F32, {kRows, kColumns});
  std::vector<Value> full = {x}, rows = {ReduceMax(x, {1})};
  const auto any = [&](const std::vector<Value>& values) {
    // Mostly of the last ones, so that chains are long.
    return values[values.size() - 1 - below(std::min<size_t>(values.size(), 3))];
  };
  for (int step = 0; step < 9; ++step) {
    Value v = any(full), w = below(2) == 0 ? any(full) : OfRows(any(rows));
    switch (below(9)) {
      case 0:
        full.push_back(v - w);
        break;
      case 1:
        full.push_back(v * w);
        break;
      case 2:
        full.push_back(v / (Abs(w) + 1));
        break;
      case 3:
        full.push_back(Exp(-Abs(v)));
        break;
      case 4:
        full.push_back(below(3) == 0 ? Select(Lt(x, 0), v, w) : v + w);
        break;
      case 5:
        full.push_back(below(3) == 0 ? Reverse(v, {1}) : Exp(-Abs(v - w)));
        break;
      case 6:
        rows.push_back(ReduceSum(v, {1}));
        break;
      case 7:
        rows.push_back(below(2) == 0 ? ReduceMax(v, {1}) : ReduceMin(v, {1}));
        break;
      default:
        rows.push_back(Log(Abs(any(rows)) + 1) - any(rows));
        break;
    }
  }
  absl::StatusOr<Graph> graph =
      b.Build({{"y", full.back()}, {"z", below(2) == 0 ? rows.back() : full.back()}});
  EXPECT_TRUE(graph.ok()) << graph.status();
  return *std::move(graph);
}

TEST(NanShows, InRowsDrawnAtRandom) {
  RunOptions options;
  options.pipeline.numerics = passes::Numerics::kExact;  // every sum in order: bits can be compared
  int of_numbers = 0;
  for (uint32_t seed = 0; seed < 1000; ++seed) {
    SCOPED_TRACE(seed);
    const Graph graph = RandomRows(seed);
    const auto program = passes::ScheduleProgram(graph, ir::X86Avx2(), options.pipeline);
    ASSERT_TRUE(program.ok()) << program.status();
    of_numbers += absl::StrContains(kernel::Print(*program), "of_numbers") ? 1 : 0;
    const auto expected = ir::Interpret(graph, {Special()}, {});
    ASSERT_TRUE(expected.ok()) << expected.status();
    const std::vector<Literal> found = RunProgram(graph, {Special()}, options);
    ASSERT_EQ(found.size(), 2u);
    for (size_t o = 0; o < found.size(); ++o) {
      for (int64_t i = 0; i < found[o].size(); ++i) {
        const double a = found[o].GetAsDouble(i), b = (*expected)[o].GetAsDouble(i);
        ASSERT_TRUE(a == b || (std::isnan(a) && std::isnan(b)))
            << o << " " << i << " " << a << " " << b;
      }
    }
  }
  EXPECT_GT(of_numbers, 20) << "the rule was hardly looked at";
}

}  // namespace
}  // namespace tenon::lower
