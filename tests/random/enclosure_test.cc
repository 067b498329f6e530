// The enclosures themselves: narrow where they can be, wide where they must be, and without a
// result that is only a little off.
#include "tests/random/enclosure.h"

#include <gtest/gtest.h>

#include "tenon/ir/builder.h"
#include "tests/ops/sample.h"

namespace tenon::tests {
namespace {

using ir::DType;
using ir::Literal;
using ir::Value;

// The enclosure of f(x) for x of the given elements.
template <typename F>
Enclosure EncloseOne(std::vector<float> x, F&& f) {
  ir::GraphBuilder b("one");
  const int64_t n = static_cast<int64_t>(x.size());
  absl::StatusOr<ir::Graph> graph = b.Build({{"y", f(b.Input("x", ir::F32, {n}))}});
  EXPECT_TRUE(graph.ok()) << graph.status();
  const Literal input = Literal::FromSpan<float>({n}, x);
  auto enclosures = Enclose(*graph, {input}, {});
  EXPECT_TRUE(enclosures.ok()) << enclosures.status();
  return (*enclosures)[0];
}

void ExpectNear(const Interval& e, double value, double width) {
  EXPECT_TRUE(e.Contains(value)) << e.low << " to " << e.high;
  EXPECT_LE(e.high - e.low, width);
  EXPECT_FALSE(e.nan);
}

TEST(Enclosure, IsNarrowWhereItCanBe) {
  const double u = 0x1p-24;
  ExpectNear(EncloseOne({3}, [](Value x) { return x * 2 + 1; }).elements[0], 7, 7 * 32 * u);
  ExpectNear(EncloseOne({0.5f}, [](Value x) { return ir::Exp(x); }).elements[0], std::exp(0.5),
             2 * 32 * u);
  ExpectNear(EncloseOne({1, 2, 3}, [](Value x) { return ir::ReduceSum(x); }).elements[0], 6,
             6 * 64 * u);
  ExpectNear(EncloseOne({-1, 2}, [](Value x) { return ir::Max(x, 0); }).elements[0], 0, 0);
  ExpectNear(EncloseOne({4, 1, 3}, [](Value x) { return ir::Sort({x}, 0)[0]; }).elements[1], 3, 0);
}

TEST(Enclosure, IsWideWhereItMustBe) {
  // Terms that cancel: the error is relative to them, not to their sum.
  const Interval sum =
      EncloseOne({1e8f, 1, -1e8f}, [](Value x) { return ir::ReduceSum(x); }).elements[0];
  EXPECT_TRUE(sum.Contains(0) && sum.Contains(1));
  // A comparison that roundings may turn round.
  const Interval either = EncloseOne({0.1f}, [](Value x) {
                            return ir::Select(ir::Gt(x * 3, 0.3f), x, x + 1);
                          }).elements[0];
  EXPECT_TRUE(either.Contains(0.1f) && either.Contains(1.1f));
  // A quotient by what may be zero.
  EXPECT_TRUE(EncloseOne({0.1f}, [](Value x) { return 1 / (x * 3 - 0.3f); }).elements[0].nan);
}

// The result of a contraction of 16-bit operands is rounded to their format.
TEST(Enclosure, HoldsTheRoundingsOf16Bits) {
  const Interval e =
      EncloseOne({1.0f, 0.0078125f, 0.00390625f}, [](Value x) {
        const Value narrow = ir::Cast(x, ir::BF16);
        return ir::Contract("k,k->", narrow, ir::BroadcastTo(ir::Slice(narrow, {0}, {1}), {3}));
      }).elements[0];
  EXPECT_TRUE(e.Contains(1.0078125) && e.Contains(1.015625)) << e.low << " to " << e.high;
}

TEST(Enclosure, SmallErrorsLieOutside) {
  const Enclosure e = EncloseOne({1, 2, 3, 4}, [](Value x) {
    return ir::Tanh(x * 0.25) + ir::BroadcastTo(ir::ReduceSum(x * x, {0}, true), {4});
  });
  Literal y(DType::kF32, {4});
  for (int i = 0; i < 4; ++i) y.SetFromDouble(i, std::tanh((i + 1) * 0.25) + 30);
  EXPECT_EQ(Outside(e, y), "");
  y.SetFromDouble(2, y.GetAsDouble(2) * (1 + 1e-5));
  EXPECT_NE(Outside(e, y), "");
}

}  // namespace
}  // namespace tenon::tests
