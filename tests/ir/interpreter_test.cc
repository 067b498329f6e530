// The graph interpreter: a few results worked out by hand, and what goes wrong at run time. The op
// suite (tests/ops) has the breadth.
#include "tenon/ir/interpreter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tenon/ir/builder.h"

namespace tenon::ir {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Literal F(std::vector<int64_t> dims, std::vector<float> values) {
  return Literal::FromSpan<float>(std::move(dims), values);
}
Literal I(std::vector<int64_t> dims, std::vector<int64_t> values) {
  return Literal::FromSpan<int64_t>(std::move(dims), values);
}
std::vector<double> Values(const Literal& l) {
  std::vector<double> out;
  for (int64_t i = 0; i < l.size(); ++i) out.push_back(l.GetAsDouble(i));
  return out;
}

std::vector<double> Results(GraphBuilder& b, Value y, std::vector<Literal> inputs) {
  absl::StatusOr<Graph> graph = b.Build({{"y", y}});
  EXPECT_TRUE(graph.ok()) << graph.status();
  if (!graph.ok()) return {};
  absl::StatusOr<std::vector<Literal>> out = Interpret(*graph, inputs);
  EXPECT_TRUE(out.ok()) << out.status();
  return out.ok() ? Values((*out)[0]) : std::vector<double>{};
}
std::string Fails(GraphBuilder& b, Value y, std::vector<Literal> inputs) {
  absl::StatusOr<Graph> graph = b.Build({{"y", y}});
  EXPECT_TRUE(graph.ok()) << graph.status();
  absl::StatusOr<std::vector<Literal>> out = Interpret(*graph, inputs);
  EXPECT_FALSE(out.ok());
  return std::string(out.status().message());
}

TEST(Interpreter, ContractsSymbolically) {
  GraphBuilder b;
  Value x = b.Input("x", F32, {Dim("n").AtMost(4), 2});
  Value y = Contract("nk,km->nm", x, b.Input("w", F32, {2, 2})) + 1;
  absl::StatusOr<Graph> graph = b.Build({{"y", y}});
  for (int n : {0, 1, 3}) {
    std::vector<float> values(2 * n, 1.0f);
    auto out = Interpret(*graph, {F({n, 2}, values), F({2, 2}, {1, 2, 3, 4})});
    ASSERT_TRUE(out.ok()) << out.status();
    EXPECT_EQ((*out)[0].dims(), (std::vector<int64_t>{n, 2}));
    for (int i = 0; i < n; ++i) EXPECT_EQ((*out)[0].GetAsDouble(2 * i + 1), 7);
  }
  auto out = Interpret(*graph, {F({5, 2}, std::vector<float>(10)), F({2, 2}, {1, 2, 3, 4})});
  EXPECT_THAT(
      std::string(out.status().message()),
      HasSubstr("input 'x', dimension 0: extent 5 makes n = 5, which is outside its bounds, "
                "0 to 4"));
}

TEST(Interpreter, MeanOverASymbol) {
  GraphBuilder b;
  Value x = b.Input("x", F32, {Dim("n").AtMost(8)});
  EXPECT_THAT(Results(b, ReduceMean(x), {F({4}, {1, 2, 3, 6})}), ElementsAre(3));
}

TEST(Interpreter, GathersAndFaults) {
  GraphBuilder b;
  Value x = b.Input("x", F32, {3, 2});
  Value i = b.Input("i", I64, {2});
  const int line = __LINE__ + 1;
  Value y = Gather(x, i, 0);
  absl::StatusOr<Graph> graph = b.Build({{"y", y}});
  const Literal table = F({3, 2}, {1, 2, 3, 4, 5, 6});
  auto out = Interpret(*graph, {table, I({2}, {2, 0})});
  EXPECT_THAT(Values((*out)[0]), ElementsAre(5, 6, 1, 2));
  out = Interpret(*graph, {table, I({2}, {2, 3})});
  const std::string message(out.status().message());
  EXPECT_THAT(message,
              HasSubstr("interpreter_test.cc:" + std::to_string(line) + ": gather: index 3"));
  EXPECT_THAT(message, HasSubstr("dimension 0 has extent 3"));
}

TEST(Interpreter, EmptyReductionsGiveTheIdentity) {
  GraphBuilder b;
  Value x = b.Input("x", F32, {2, 0});
  EXPECT_THAT(Results(b, Concat({ReduceSum(x, {1}), ReduceProd(x, {1}), ReduceMax(x, {1})}, 0),
                      {F({2, 0}, {})}),
              ElementsAre(0, 0, 1, 1, -INFINITY, -INFINITY));
}

TEST(Interpreter, ScansBothWays) {
  GraphBuilder b;
  Value x = b.Input("x", F32, {Dim("t").AtMost(5)});
  auto body = [](GraphBuilder&, std::vector<Value> v) -> std::vector<Value> {
    Value sum = v[0] * 2 + v[1];
    return {sum, sum};
  };
  Value zero = b.Scalar(F32, 0);
  std::vector<Value> forward = Scan({zero}, {x}, Dim("t"), body);
  std::vector<Value> backward = Scan({zero}, {x}, Dim("t"), body, /*reverse=*/true);
  EXPECT_THAT(Results(b, Concat({forward[1], backward[1]}, 0), {F({3}, {1, 2, 3})}),
              ElementsAre(1, 4, 11, 17, 8, 3));
}

TEST(Interpreter, WhileChecksItsTripCount) {
  for (int promised : {3, 4}) {
    GraphBuilder b;
    Value x = b.Input("x", F32, {});
    std::vector<Value> y = While(
        {x},
        [](GraphBuilder&, std::vector<Value> v) -> std::vector<Value> { return {Lt(v[0], 8)}; },
        [](GraphBuilder&, std::vector<Value> v) -> std::vector<Value> { return {v[0] * 2}; },
        Dim(promised));
    if (promised == 3) {
      EXPECT_THAT(Results(b, y[0], {F({}, {1})}), ElementsAre(8));
    } else {
      EXPECT_THAT(Fails(b, y[0], {F({}, {1})}), HasSubstr("3 rounds, but trip_count is 4"));
    }
  }
}

TEST(Interpreter, WindowsChooseTheFirstMaximum) {
  GraphBuilder b;
  Value x = b.Input("x", F32, {6});
  WindowIndexAttrs a;
  a.window = {3};
  a.stride = {2};
  a.pad_low = {1};
  Value index = WindowArgmax(x, a);
  Value chosen = WindowSelect(x, index, a);
  a.shape = x.shape();
  Value back = WindowUnselect(chosen, index, a);
  // Windows: (pad, 5, 5), (5, NaN, 1), (1, 7, 2).
  EXPECT_THAT(Results(b,
                      Concat({Cast(index, F32), Select(Ne(chosen, chosen), -1, chosen),
                              Select(Ne(back, back), -1, back)},
                             0),
                      {F({6}, {5, 5, NAN, 1, 7, 2})}),
              ElementsAre(1, 1, 1, 5, -1, 7, 5, 0, -1, 0, 7, 0));
}

TEST(Interpreter, ExtentsMustAgree) {
  GraphBuilder b;
  Value x = b.Input("x", F32, {Dim("n").AtMost(8)});
  Value y = b.Input("y", F32, {Dim("n") * Dim(2)});
  EXPECT_THAT(Fails(b, ReduceSum(x) + ReduceSum(y), {F({2}, {1, 2}), F({3}, {1, 2, 3})}),
              HasSubstr("input 'y', dimension 0: extent 3 where n*2 is 4 (n = 2)"));
  GraphBuilder c;
  Value z = c.Input("z", F32, {Dim("m").AtMost(8) * Dim(2) + Dim(1)});
  EXPECT_THAT(Fails(c, z, {F({4}, {1, 2, 3, 4})}), HasSubstr("extent 4 is no value of m*2+1"));
}

TEST(Interpreter, RandomBitsNumberElementsBySymbolicExtents) {
  GraphBuilder b;
  Value key = b.Input("key", I64, {});
  Value x = b.Input("x", F32, {Dim("n").AtMost(4), Dim("m").AtMost(4)});
  Value bits = RandomBits(key, x.shape(), 7);
  Value flat = RandomBits(key, {6}, 7);
  Value same = Eq(Reshape(bits, {Dim("n") * Dim("m")}), Reshape(bits, {Dim("n") * Dim("m")}));
  absl::StatusOr<Graph> graph = b.Build({{"bits", bits}, {"flat", flat}, {"same", same}});
  auto out = Interpret(*graph, {I({}, {42}), F({2, 3}, std::vector<float>(6))});
  ASSERT_TRUE(out.ok()) << out.status();
  EXPECT_EQ(Values((*out)[0]), Values((*out)[1]));
}

}  // namespace
}  // namespace tenon::ir
