// Contractions natively, scheduled for each target that this machine runs: to the bit what the
// kernel interpreter gives, the same bits on all targets with FMA, near the sums in double, and no
// vector on the stack in the loop over k.
#include "tests/contract/native.h"

namespace tenon::contract {
namespace {

using ir::Dim;
using ir::Graph;
using ir::GraphBuilder;
using ir::Literal;
using ir::Value;

// Runs natively on every target; gives the outputs of the last one with FMA.
std::vector<Literal> RunEverywhere(const Graph& graph, const std::vector<int64_t>& extents,
                                   const std::vector<Literal>& inputs,
                                   Oracle oracle = Oracle::kInterpreter) {
  std::vector<Literal> with_fma;
  for (const codegen::NamedTarget& t : codegen::RunnableTargets()) {
    SCOPED_TRACE(t.name);
    const std::vector<Literal> outputs = RunNatively(graph, t.target, extents, inputs, oracle);
    if (!t.target.has_fma) continue;
    if (!with_fma.empty()) EXPECT_EQ(with_fma, outputs) << "against another width of vectors";
    with_fma = outputs;
  }
  return with_fma;
}

void ExpectClose(const Literal& actual, const std::vector<double>& expected, double terms) {
  ASSERT_EQ(actual.size(), static_cast<int64_t>(expected.size()));
  for (int64_t i = 0; i < actual.size(); ++i) {
    // Each of a chain's `terms` roundings is below half an ulp of the largest partial sum.
    ASSERT_NEAR(actual.GetAsDouble(i), expected[i], terms * 0x1p-24 * std::sqrt(terms) + 1e-6) << i;
  }
}

TEST(NativeContractTest, MatrixProducts) {
  const Product cases[] = {{"mk,kn->mn", 65, 130, 99}, {"mk,nk->mn", 29, 300, 70},
                           {"km,kn->mn", 50, 64, 300}, {"mk,kn->mn", 100, 1500, 300},
                           {"mk,kn->mn", 1, 200, 260}, {"km,kn->mn", 3, 5000, 20},
                           {"mk,kn->mn", 130, 2, 17}};
  for (const Product& c : cases) {
    SCOPED_TRACE(testing::Message() << c);
    const Literal lx = Digits(ir::F32, c.a(), 1), ly = Digits(ir::F32, c.b(), 2);
    const bool small = c.m * c.k * c.n < 200000;
    const std::vector<Literal> out = RunEverywhere(GraphOf(c, ir::F32), {}, {lx, ly},
                                                   small ? Oracle::kInterpreter : Oracle::kNone);
    ASSERT_EQ(out.size(), 1u);
    ExpectClose(out[0], EinsumReference(c.spec, lx, ly), static_cast<double>(c.k));
  }
}

TEST(NativeContractTest, SymbolicBatchOfADenseLayer) {
  GraphBuilder g("dense");
  const Dim n = Dim("n").AtMost(64);
  Value x = g.Input("x", ir::F32, {n, 200}), w = g.Input("w", ir::F32, {200, 70});
  Value bias = g.Input("b", ir::F32, {70});
  Value y = Max(Contract("mk,kn->mn", x, w) + Broadcast(bias, {n, 70}, {1}), 0);
  absl::StatusOr<Graph> graph = g.Build({{"y", y}});
  ASSERT_TRUE(graph.ok()) << graph.status();
  const Literal lw = Digits(ir::F32, {200, 70}, 2), lb = Digits(ir::F32, {70}, 3);
  for (int64_t rows : {0, 1, 7, 13, 64}) {
    const Literal lx = Digits(ir::F32, {rows, 200}, 1);
    const std::vector<Literal> out = RunEverywhere(
        *graph, {rows}, {lx, lw, lb}, rows <= 7 ? Oracle::kInterpreter : Oracle::kNone);
    ASSERT_EQ(out.size(), 1u);
    std::vector<double> expected = EinsumReference("mk,kn->mn", lx, lw);
    for (size_t i = 0; i < expected.size(); ++i) {
      expected[i] = std::max(0.0, expected[i] + lb.GetAsDouble(static_cast<int64_t>(i % 70)));
    }
    ExpectClose(out[0], expected, 200);
  }
}

TEST(NativeContractTest, ConvolutionAndItsGradients) {
  GraphBuilder g("conv");
  const ir::Shape x_shape = {3, 9, 14, 20}, f_shape = {3, 3, 20, 36}, y_shape = {3, 9, 14, 36};
  Value x = g.Input("x", ir::F32, x_shape), f = g.Input("f", ir::F32, f_shape);
  Value y = g.Input("y", ir::F32, y_shape);
  ir::ConvAttrs attrs;
  attrs.stride = attrs.dilation = attrs.pad_low = attrs.pad_high = {1, 1};
  ir::ConvAttrs to_x = attrs, to_f = attrs;
  to_x.shape = x_shape;
  to_f.shape = f_shape;
  absl::StatusOr<Graph> graph = g.Build(
      {{"c", Conv(x, f, attrs)}, {"t", ConvTranspose(y, f, to_x)}, {"w", ConvFilter(x, y, to_f)}});
  ASSERT_TRUE(graph.ok()) << graph.status();
  const Literal lx = Digits(ir::F32, {3, 9, 14, 20}, 1), lf = Digits(ir::F32, {3, 3, 20, 36}, 2),
                ly = Digits(ir::F32, {3, 9, 14, 36}, 3);
  const std::vector<Literal> out = RunEverywhere(*graph, {}, {lx, lf, ly}, Oracle::kNone);
  ASSERT_EQ(out.size(), 3u);
  // <conv(x, f), y> = <x, conv_transpose(y, f)> = <f, conv_filter(x, y)>.
  const auto inner = [](const Literal& a, const Literal& b) {
    double sum = 0;
    for (int64_t i = 0; i < a.size(); ++i) sum += a.GetAsDouble(i) * b.GetAsDouble(i);
    return sum;
  };
  const double product = inner(out[0], ly);
  EXPECT_NEAR(inner(lx, out[1]), product, 1e-4 * std::fabs(product) + 1e-2);
  EXPECT_NEAR(inner(lf, out[2]), product, 1e-4 * std::fabs(product) + 1e-2);
}

}  // namespace
}  // namespace tenon::contract
