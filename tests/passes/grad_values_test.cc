// The values of gradients, against central differences: networks, control flow, second derivatives,
// symbolic extents. Each op by itself is in tests/ops.
#include <gtest/gtest.h>

#include "tenon/ir/builder.h"
#include "tests/passes/grad_check.h"
#include "tests/passes/support.h"

namespace tenon::passes {
namespace {

using ir::Call;
using ir::Dim;
using ir::F64;
using ir::Graph;
using ir::GraphBuilder;
using ir::Scan;
using ir::Value;
using ir::While;
using Values = std::vector<Value>;

::testing::AssertionResult Check(const Graph& graph, const std::vector<std::string>& wrt,
                                 const ir::Extents& extents = {}) {
  return CheckGradients(graph, wrt, RandomLiterals(graph, {.seed = 7, .extents = extents}));
}

TEST(GradValuesTest, Mlp) {
  GraphBuilder b("mlp");
  Value x = b.Input("x", F64, {5, 4});
  Value w1 = b.Parameter("w1", F64, {4, 6});
  Value w2 = b.Parameter("w2", F64, {6, 3});
  Value c = b.Parameter("c", F64, {6});
  Value h = Tanh(Contract("nk,km->nm", x, w1) + c);
  Value y = Contract("nm,mo->no", h, w2);
  Value p = Exp(y) / ReduceSum(Exp(y), {1}, true);
  EXPECT_TRUE(Check(b.Build({{"loss", -ReduceMean(Log(p))}}).value(), {"x", "w1", "w2", "c"}));
}

TEST(GradValuesTest, AValueUsedManyTimes) {
  GraphBuilder b("g");
  Value x = b.Input("x", F64, {3});
  Value y = Sin(x);
  Value z = y * y * x + y / (2 + y * y) - Exp(y) * x;
  EXPECT_TRUE(Check(b.Build({{"loss", ReduceSum(z * y)}}).value(), {"x"}));
}

TEST(GradValuesTest, TheLossIsAnInput) {
  GraphBuilder b("g");
  Value x = b.Input("x", F64, {});
  EXPECT_TRUE(Check(b.Build({{"loss", x}}).value(), {"x"}));
}

TEST(GradValuesTest, SymbolicExtents) {
  GraphBuilder b("g");
  const Dim n = Dim("n").AtMost(16);
  Value x = b.Input("x", F64, {n, 4});
  Value w = b.Parameter("w", F64, {4, 3});
  Value h = Sigmoid(Contract("nk,km->nm", x, w));
  // n is reduced over, contracted and scanned along.
  Value gram = Contract("na,nb->ab", h, h);
  Value loss = ReduceMean(h) + ReduceSum(Sin(gram));
  const Graph graph = b.Build({{"loss", loss}}).value();
  for (const int64_t extent : {1, 2, 7, 16}) {
    EXPECT_TRUE(Check(graph, {"x", "w"}, {{"n", extent}})) << extent;
  }
}

TEST(GradValuesTest, SymbolicExtentOfZero) {
  GraphBuilder b("g");
  Value x = b.Input("x", F64, {Dim("n").AtMost(4), 2});
  Value w = b.Parameter("w", F64, {2, 2});
  Value loss = ReduceSum(Tanh(Contract("nk,km->nm", x, w))) + ReduceSum(w * w);
  EXPECT_TRUE(Check(b.Build({{"loss", loss}}).value(), {"x", "w"}, {{"n", 0}}));
}

Graph Branches(double threshold) {
  GraphBuilder b("branches");
  Value x = b.Input("x", F64, {4});
  Value w = b.Input("w", F64, {4});
  Value s = ReduceSum(x) + threshold;
  Values y = Cond(
      Gt(s, 0), {x},
      [&](GraphBuilder&, Values a) -> Values {
        Value t = Sin(a[0]) * w;
        return {t * t, ReduceSum(t)};
      },
      [&](GraphBuilder&, Values a) -> Values {
        return {Exp(a[0] * 0.1) * a[0], ReduceSum(w)};
      });
  return b.Build({{"loss", ReduceSum(y[0]) * y[1]}}).value();
}

TEST(GradValuesTest, BothBranchesOfACond) {
  EXPECT_TRUE(Check(Branches(1000), {"x", "w"}));
  EXPECT_TRUE(Check(Branches(-1000), {"x", "w"}));
}

// h' = tanh(x W + h U + c), with all states stacked and the last one used.
Graph Rnn(const Dim& length, bool reverse) {
  GraphBuilder b("rnn");
  Value x = b.Input("x", F64, {length, 2, 3});
  Value h0 = b.Input("h0", F64, {2, 4});
  Value w = b.Parameter("w", F64, {3, 4});
  Value u = b.Parameter("u", F64, {4, 4});
  Value c = b.Parameter("c", F64, {4});
  Values out = Scan(
      {h0}, {x}, length,
      [&](GraphBuilder&, Values a) -> Values {
        Value h = Tanh(Contract("bi,ih->bh", a[1], w) + Contract("bh,hg->bg", a[0], u) + c);
        return {h, h * h};
      },
      reverse);
  return b.Build({{"loss", ReduceSum(out[0]) + ReduceSum(Sin(out[1]))}}).value();
}

TEST(GradValuesTest, Rnn) {
  for (const bool reverse : {false, true}) {
    EXPECT_TRUE(Check(Rnn(5, reverse), {"x", "h0", "w", "u", "c"}));
  }
}

TEST(GradValuesTest, RnnOfSymbolicLength) {
  const Graph graph = Rnn(Dim("t").AtMost(6), false);
  for (const int64_t t : {0, 1, 2, 6}) {
    EXPECT_TRUE(Check(graph, {"x", "h0", "w", "u"}, {{"t", t}})) << t;
  }
}

TEST(GradValuesTest, AScanWhoseCarryStartsAtAConstant) {
  GraphBuilder b("g");
  Value x = b.Input("x", F64, {5, 2});
  Values out = Scan({b.Full({F64, {2}}, 1), b.Full({F64, {}}, 0)}, {x}, 5,
                    [](GraphBuilder&, Values a) -> Values {
                      return {a[0] * a[2], a[1] + 1, Sin(a[0])};
                    });
  EXPECT_TRUE(Check(b.Build({{"loss", ReduceSum(out[0]) + ReduceSum(out[2])}}).value(), {"x"}));
}

TEST(GradValuesTest, AScanInsideAScanInsideACond) {
  GraphBuilder b("g");
  Value x = b.Input("x", F64, {3, 4, 2});
  Value w = b.Input("w", F64, {2});
  Values out = Cond(
      Lt(ReduceSum(x), 1e9), {x},
      [&](GraphBuilder& outer, Values a) -> Values {
        return {
            Scan({outer.Full({F64, {2}}, 0.5)}, {a[0]}, 3, [&](GraphBuilder&, Values s) -> Values {
              Values inner = Scan({s[0]}, {s[1]}, 4, [&](GraphBuilder&, Values t) -> Values {
                return {Sin(t[0] * w) + t[1]};
              });
              return {inner[0] * inner[0] * 0.3};
            })[0]};
      },
      [](GraphBuilder&, Values a) -> Values {
        return {ReduceSum(a[0], {0, 1})};
      });
  EXPECT_TRUE(Check(b.Build({{"loss", ReduceSum(out[0])}}).value(), {"x", "w"}));
}

// `depth` loops inside each other, whose carries hand their values round, so that every one of them
// needs several looks to find what is active.
Values Nest(GraphBuilder&, Values a, int depth) {
  if (depth == 0) return {Sin(a[0]), a[1] * 0.5, a[2] + a[0]};
  return Scan(a, {}, depth % 5 == 0 ? 2 : 1, [&](GraphBuilder& b, Values c) -> Values {
    const Values inner = Nest(b, c, depth - 1);
    return {inner[1], inner[2], inner[0]};
  });
}

TEST(GradValuesTest, DeeplyNestedLoops) {
  GraphBuilder b("g");
  Value x = b.Input("x", F64, {2});
  const Values out = Nest(b, {b.Full(x.type(), 1), b.Full(x.type(), 2), x}, 20);
  EXPECT_TRUE(Check(b.Build({{"loss", ReduceSum(out[0] * out[1] + out[2])}}).value(), {"x"}));
}

TEST(GradValuesTest, AWhileOfKnownLength) {
  GraphBuilder b("g");
  Value x = b.Input("x", F64, {3});
  Value w = b.Input("w", F64, {3});
  Value zero = b.Scalar(ir::I64, 0);
  Values out = While(
      {x, zero}, [](GraphBuilder&, Values a) -> Values { return {Lt(a[1], 4)}; },
      [&](GraphBuilder&, Values a) -> Values {
        return {Sin(a[0]) * w, a[1] + 1};
      },
      /*trip_count=*/4);
  EXPECT_TRUE(Check(b.Build({{"loss", ReduceSum(out[0])}}).value(), {"x", "w"}));
}

TEST(GradValuesTest, ACall) {
  GraphBuilder b("g");
  Value x = b.Input("x", F64, {3});
  Value w = b.Input("w", F64, {3});
  Values out = Call("f", {x}, [&](GraphBuilder&, Values a) -> Values {
    return {Sin(a[0]) * w,
            Call("g", {a[0]}, [](GraphBuilder&, Values c) -> Values { return {c[0] * c[0]}; })[0]};
  });
  EXPECT_TRUE(Check(b.Build({{"loss", ReduceSum(out[0] * out[1])}}).value(), {"x", "w"}));
}

// The graph with the output "second": the sum of squares of the gradient of "loss" to `wrt`, plus
// the loss: a gradient penalty.
Graph WithPenalty(const Graph& graph, const std::string& wrt) {
  const Graph first = Differentiate(graph, {.loss = "loss", .wrt = {wrt}}).value();
  const auto b = GraphBuilder::Continue(first);
  Value g = b->ValueOf(first.outputs().back().value);
  Value loss = b->ValueOf(first.outputs()[0].value);
  return b->Build({{"loss", loss + ReduceSum(g * g) * 0.5}}).value();
}

// d/dx of <d loss / d x, v>: a Hessian-vector product, as the output "loss" to differentiate.
Graph Directional(const Graph& graph, const std::string& wrt) {
  const Graph first = Differentiate(graph, {.loss = "loss", .wrt = {wrt}}).value();
  const auto b = GraphBuilder::Continue(first);
  Value g = b->ValueOf(first.outputs().back().value);
  Value v = Sin(b->Iota({F64, {g.type().NumElements()}}, 0) + 1);
  return b->Build({{"loss", ReduceSum(g * Reshape(v, g.shape()))}}).value();
}

TEST(GradValuesTest, HessianVectorProduct) {
  GraphBuilder b("g");
  Value x = b.Input("x", F64, {4});
  Value w = b.Input("w", F64, {4, 4});
  Value y = Tanh(Contract("k,km->m", x, w));
  const Graph graph = b.Build({{"loss", ReduceSum(y * y * x)}}).value();
  EXPECT_TRUE(Check(Directional(graph, "x"), {"x", "w"}));
  EXPECT_TRUE(Check(Directional(graph, "w"), {"x", "w"}));
}

TEST(GradValuesTest, GradientPenaltyOfAnMlp) {
  GraphBuilder b("g");
  Value x = b.Input("x", F64, {3, 4});
  Value w = b.Input("w", F64, {4, 5});
  Value u = b.Input("u", F64, {5});
  Value y = Contract("nm,m->n", Sigmoid(Contract("nk,km->nm", x, w)), u);
  const Graph graph = b.Build({{"loss", ReduceMean(y * y)}}).value();
  EXPECT_TRUE(Check(WithPenalty(graph, "x"), {"x", "w", "u"}));
}

TEST(GradValuesTest, SecondDerivativesThroughScanAndCond) {
  EXPECT_TRUE(Check(WithPenalty(Rnn(3, false), "x"), {"x", "w", "u", "h0"}));
  EXPECT_TRUE(Check(WithPenalty(Rnn(3, true), "u"), {"x", "u", "c"}));
  EXPECT_TRUE(Check(WithPenalty(Branches(1000), "x"), {"x", "w"}));
  EXPECT_TRUE(Check(WithPenalty(Branches(-1000), "x"), {"x", "w"}));
}

TEST(GradValuesTest, ThirdDerivatives) {
  GraphBuilder b("g");
  Value x = b.Input("x", F64, {2});
  Values out = Scan({x}, {}, 3, [](GraphBuilder&, Values a) -> Values { return {Sin(a[0])}; });
  const Graph graph = b.Build({{"loss", ReduceSum(out[0] * x)}}).value();
  EXPECT_TRUE(Check(WithPenalty(WithPenalty(graph, "x"), "x"), {"x"}));
}

TEST(GradValuesTest, AnExactGradient) {
  // d/dx sum(x^3) = 3 x^2 without any differences.
  GraphBuilder b("g");
  Value x = b.Input("x", F64, {3});
  const Graph graph = b.Build({{"loss", ReduceSum(x * x * x)}}).value();
  const Graph result = Differentiate(graph, {.loss = "loss", .wrt = {"x"}}).value();
  const double values[] = {1, -2, 0.5};
  const std::vector<ir::Literal> outputs =
      ir::Interpret(result, {ir::Literal::FromSpan<double>({3}, values)}).value();
  EXPECT_EQ(outputs[1].data<double>()[0], 3);
  EXPECT_EQ(outputs[1].data<double>()[1], 12);
  EXPECT_EQ(outputs[1].data<double>()[2], 0.75);
}

}  // namespace
}  // namespace tenon::passes
