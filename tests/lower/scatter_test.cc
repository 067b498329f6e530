// Scatters over long axes: a copy, then strips of lanes that take the places in order.
#include "gmock/gmock.h"
#include "tests/lower/support.h"

namespace tenon::lower {
namespace {

using ir::F32;
using ir::Graph;
using ir::GraphBuilder;
using ir::Literal;
using ir::ScatterKind;
using ir::Value;

constexpr int64_t kRows = 60, kPlaces = 330;

// Places that repeat, in no order.
Literal Places() {
  Literal places(ir::DType::kI64, {kPlaces});
  for (int64_t i = 0; i < kPlaces; ++i) places.SetFromDouble(i, static_cast<double>(i * 37 % 53));
  return places;
}

Graph ScatterOf(ScatterKind kind, int64_t columns, bool donate) {
  GraphBuilder b;
  Value x = b.Input("x", F32, {kRows, columns});
  Value places = b.Input("places", ir::I64, {kPlaces});
  Value updates = b.Input("updates", F32, {kPlaces, columns});
  if (donate) b.Donate("y", "x");
  return b.Build({{"y", Scatter(kind, x, places, updates, 0)}}).value();
}

class ScatterTest : public testing::TestWithParam<std::tuple<ScatterKind, int64_t, bool>> {};

TEST_P(ScatterTest, StripsTakeThePlacesInOrder) {
  const auto [kind, columns, donate] = GetParam();
  const Literal x = Pattern(F32, {kRows, columns}), places = Places();
  const Literal updates = Pattern(F32, {kPlaces, columns}, 2);
  const Graph graph = ScatterOf(kind, columns, donate);
  const std::vector<Literal> y = RunProgram(graph, {x, places, updates});
  ASSERT_EQ(y.size(), 1u);
  for (int64_t c = 0; c < columns; ++c) {
    std::vector<float> expected;
    for (int64_t r = 0; r < kRows; ++r) {
      expected.push_back(static_cast<float>(x.GetAsDouble(r * columns + c)));
    }
    for (int64_t i = 0; i < kPlaces; ++i) {
      const auto u = static_cast<float>(updates.GetAsDouble(i * columns + c));
      float& e = expected[static_cast<int64_t>(places.GetAsDouble(i))];
      e = kind == ScatterKind::kSet ? u : kind == ScatterKind::kAdd ? e + u : std::max(e, u);
    }
    for (int64_t r = 0; r < kRows; ++r) {
      ASSERT_EQ(y[0].GetAsDouble(r * columns + c), expected[r]) << r << ", " << c;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, ScatterTest,
                         testing::Combine(testing::Values(ScatterKind::kSet, ScatterKind::kAdd,
                                                          ScatterKind::kMax),
                                          testing::Values(250, 256), testing::Bool()));

TEST(ScatterStripsTest, StripsAreFew) {
  const Graph graph = ScatterOf(ScatterKind::kAdd, 256, false);
  const auto program = passes::ScheduleProgram(graph, ir::X86Avx2(), {});
  ASSERT_TRUE(program.ok()) << program.status();
  ASSERT_EQ(program->kernels.size(), 2u) << kernel::Print(*program);
  EXPECT_EQ(program->kernels[0].name, "copy");
}

TEST(ScatterStripsTest, PlacesOutOfRangeAreReported) {
  const Graph graph = ScatterOf(ScatterKind::kAdd, 256, false);
  const auto program = passes::ScheduleProgram(graph, ir::X86Avx2(), {});
  ASSERT_TRUE(program.ok()) << program.status();
  Literal places = Places();
  places.SetFromDouble(7, kRows);
  const auto result = kernel::Interpret(
      *program, {}, {Pattern(F32, {kRows, 256}), places, Pattern(F32, {kPlaces, 256}, 2)},
      {.threads = 2});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_NE(result->status, 0);
}

}  // namespace
}  // namespace tenon::lower
