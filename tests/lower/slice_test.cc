// A thin slice through everything: small graphs whose values can be worked out by hand.
#include <cmath>

#include "tests/lower/support.h"

namespace tenon::lower {
namespace {

using namespace ir;  // NOLINT: graphs read like mathematics

TEST(Slice, ElementwiseChainIsOneKernel) {
  GraphBuilder b("chain");
  Value x = b.Input("x", F32, {3, 5});
  Value bias = b.Input("bias", F32, {5});
  Value y = Max(x * 2 + BroadcastTo(bias, {3, 5}), 0);
  absl::StatusOr<Graph> g = b.Build({{"y", y}});
  ASSERT_TRUE(g.ok()) << g.status();
  const Literal lx = Pattern(F32, {3, 5}), lb = Pattern(F32, {5}, 2);
  std::vector<Literal> out = RunProgram(*g, {lx, lb});
  ASSERT_EQ(out.size(), 1u);
  std::vector<double> expected;
  for (int i = 0; i < 15; ++i) {
    expected.push_back(std::max(0.0, lx.GetAsDouble(i) * 2 + lb.GetAsDouble(i % 5)));
  }
  ExpectNear(out[0], expected, 0);
}

TEST(Slice, RowSums) {
  for (int64_t columns : {0, 1, 3, 16, 37, 100}) {
    GraphBuilder b("rows");
    Value x = b.Input("x", F32, {4, columns});
    absl::StatusOr<Graph> g = b.Build({{"y", ReduceSum(x * 2, {1})}});
    ASSERT_TRUE(g.ok()) << g.status();
    const Literal lx = Pattern(F32, {4, columns});
    std::vector<Literal> out = RunProgram(*g, {lx});
    ASSERT_EQ(out.size(), 1u);
    std::vector<double> expected(4);
    for (int i = 0; i < 4 * columns; ++i) expected[i / columns] += 2 * lx.GetAsDouble(i);
    ExpectNear(out[0], expected, 1e-3);
  }
}

TEST(Slice, Softmax) {
  GraphBuilder b("softmax");
  Value x = b.Input("x", F32, {7, 21});
  Value e = Exp(x - Broadcast(ReduceMax(x, {1}), {7, 21}, {0}));
  Value y = e / Broadcast(ReduceSum(e, {1}), {7, 21}, {0});
  absl::StatusOr<Graph> g = b.Build({{"y", y}});
  ASSERT_TRUE(g.ok()) << g.status();
  const Literal lx = Pattern(F32, {7, 21});
  std::vector<Literal> out = RunProgram(*g, {lx});
  ASSERT_EQ(out.size(), 1u);
  std::vector<double> expected;
  for (int r = 0; r < 7; ++r) {
    double sum = 0;
    for (int c = 0; c < 21; ++c) sum += std::exp(lx.GetAsDouble(r * 21 + c));
    for (int c = 0; c < 21; ++c) expected.push_back(std::exp(lx.GetAsDouble(r * 21 + c)) / sum);
  }
  ExpectNear(out[0], expected, 1e-6);
}

TEST(Slice, DenseLayer) {
  GraphBuilder b("dense");
  Value x = b.Input("x", F32, {6, 9});
  Value w = b.Input("w", F32, {9, 20});
  Value y = Contract("mk,kn->mn", x, w);
  absl::StatusOr<Graph> g = b.Build({{"y", Max(y, 0)}});
  ASSERT_TRUE(g.ok()) << g.status();
  const Literal lx = Pattern(F32, {6, 9}), lw = Pattern(F32, {9, 20}, 3);
  std::vector<Literal> out = RunProgram(*g, {lx, lw});
  ASSERT_EQ(out.size(), 1u);
  std::vector<double> expected;
  for (int m = 0; m < 6; ++m) {
    for (int n = 0; n < 20; ++n) {
      double sum = 0;
      for (int k = 0; k < 9; ++k) sum += lx.GetAsDouble(m * 9 + k) * lw.GetAsDouble(k * 20 + n);
      expected.push_back(std::max(0.0, sum));
    }
  }
  ExpectNear(out[0], expected, 1e-4);
}

TEST(Slice, SymbolicRowsAtSeveralExtents) {
  GraphBuilder b("symbolic");
  Value x = b.Input("x", F32, {Dim("n").AtMost(40), 5});
  Value y = ReduceSum(x, {0});
  absl::StatusOr<Graph> g = b.Build({{"y", y}, {"z", x + 1}});
  ASSERT_TRUE(g.ok()) << g.status();
  for (int64_t n : {0, 1, 7, 40}) {
    const Literal lx = Pattern(F32, {n, 5});
    std::vector<Literal> out = RunProgram(*g, {lx}, {.extents = {n}});
    ASSERT_EQ(out.size(), 2u);
    std::vector<double> sums(5), plus;
    for (int i = 0; i < 5 * n; ++i) {
      sums[i % 5] += lx.GetAsDouble(i);
      plus.push_back(lx.GetAsDouble(i) + 1);
    }
    ExpectNear(out[0], sums, 1e-4);
    ExpectNear(out[1], plus, 0);
  }
}

TEST(Slice, DonatedUpdateIsInPlace) {
  GraphBuilder b("update");
  Value w = b.Parameter("w", F32, {33});
  Value g = b.Input("g", F32, {33});
  b.Donate("w'", "w");
  absl::StatusOr<Graph> graph = b.Build({{"w'", w - g * 0.5}});
  ASSERT_TRUE(graph.ok()) << graph.status();
  const Literal lw = Pattern(F32, {33}), lg = Pattern(F32, {33}, 5);
  std::vector<Literal> out = RunProgram(*graph, {lw, lg});
  ASSERT_EQ(out.size(), 1u);
  std::vector<double> expected;
  for (int i = 0; i < 33; ++i) expected.push_back(lw.GetAsDouble(i) - lg.GetAsDouble(i) * 0.5);
  ExpectNear(out[0], expected, 0);
}

TEST(Slice, WhatDependsOnParametersAloneIsPrepared) {
  GraphBuilder b("prepare");
  Value x = b.Input("x", F32, {5, 4}), w = b.Parameter("w", F32, {4, 6});
  Value s = b.Parameter("s", F32, {4});
  Value scaled = w * Broadcast(Exp(s), {4, 6}, {0});
  absl::StatusOr<Graph> graph = b.Build({{"y", Contract("mk,kn->mn", x, scaled)}});
  ASSERT_TRUE(graph.ok()) << graph.status();
  absl::StatusOr<kernel::Program> program = passes::ScheduleProgram(*graph, X86Avx2(), {});
  ASSERT_TRUE(program.ok()) << program.status();
  EXPECT_FALSE(program->prepare.empty());
  EXPECT_GE(program->prepared_bytes, 4 * 6 * 4);
  const Literal lx = Pattern(F32, {5, 4}), lw = Pattern(F32, {4, 6}, 2), ls = Pattern(F32, {4}, 3);
  const std::vector<Literal> out = RunProgram(*graph, {lx, lw, ls});
  ASSERT_EQ(out.size(), 1u);
  std::vector<double> expected(30);
  for (int i = 0; i < 30; ++i) {
    for (int k = 0; k < 4; ++k) {
      expected[i] += lx.GetAsDouble(i / 6 * 4 + k) * lw.GetAsDouble(k * 6 + i % 6) *
                     std::exp(ls.GetAsDouble(k));
    }
  }
  for (int i = 0; i < 30; ++i) {
    // Four products in f32, of factors up to exp(8).
    EXPECT_NEAR(out[0].GetAsDouble(i), expected[i], 1e-5 * (1 + std::abs(expected[i])) * 100);
  }
}

// The index is reported; neither the load nor, of a scatter, the store happens.
TEST(Slice, IndicesOutOfRangeAreFaults) {
  for (bool scatter : {false, true}) {
    GraphBuilder b("fault");
    Value x = b.Input("x", F32, {5, 20}), i = b.Input("i", I64, {3});
    Value y =
        scatter ? Scatter(ScatterKind::kAdd, x, i, Slice(x, {0, 0}, {3, 20}), 0) : Gather(x, i, 0);
    absl::StatusOr<Graph> graph = b.Build({{"y", y}});
    ASSERT_TRUE(graph.ok()) << graph.status();
    absl::StatusOr<kernel::Program> program = passes::ScheduleProgram(*graph, X86Avx2(), {});
    ASSERT_TRUE(program.ok()) << program.status();
    for (int64_t bad : {int64_t{-1}, int64_t{5}, int64_t{1} << 40}) {
      const std::vector<Literal> inputs = {Pattern(F32, {5, 20}),
                                           Literal::FromSpan<int64_t>({3}, {0, bad, 4})};
      absl::StatusOr<kernel::InterpretResult> result = kernel::Interpret(*program, {}, inputs);
      ASSERT_TRUE(result.ok()) << result.status();
      EXPECT_EQ(result->status, TENON_INDEX_OUT_OF_RANGE);
      EXPECT_EQ(result->fault_value, bad);
      EXPECT_GE(result->fault_site, 0);
    }
  }
}

}  // namespace
}  // namespace tenon::lower
