// The builder: inference as one writes, broadcasting, collected errors with the user's lines,
// captures of regions, symbols.
#include "tenon/ir/builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tenon/ir/op.h"

namespace tenon::ir {
namespace {

using ::testing::HasSubstr;

TEST(Builder, InfersAndBroadcasts) {
  GraphBuilder b("mlp");
  Value x = b.Input("x", F32, {Dim("n").AtMost(64), 784});
  Value w = b.Parameter("w", F32, {784, 10}, init::GlorotUniform());
  Value y = Contract("nk,km->nm", x, w) + b.Parameter("b", F32, {10});
  EXPECT_EQ(y.type().ToString(true), "f32[n<=64,10]");
  Value z = ReduceMean(y * 2.0, {0});
  EXPECT_EQ(z.type().ToString(), "f32[10]");
  absl::StatusOr<Graph> graph = b.Build({{"y", y}, {"z", z}});
  ASSERT_TRUE(graph.ok()) << graph.status();
  int broadcasts = 0;
  for (const Node& node : graph->nodes()) broadcasts += node.op == OpCode::kBroadcast;
  EXPECT_GE(broadcasts, 2);
  EXPECT_EQ(graph->Symbols().size(), 1u);
}

TEST(Builder, InputsComeFirstWhereverTheyWereDeclared) {
  GraphBuilder b;
  Value x = b.Input("x", F32, {3});
  Value y = Exp(x);
  Value w = b.Parameter("w", F32, {3});
  absl::StatusOr<Graph> graph = b.Build({{"z", y * w}});
  ASSERT_TRUE(graph.ok()) << graph.status();
  EXPECT_EQ(graph->inputs()[1].value.index, 1u);
  EXPECT_EQ(graph->type(graph->outputs()[0].value).ToString(), "f32[3]");
}

TEST(Builder, ErrorsNameOpTypesAndLine) {
  GraphBuilder b;
  Value x = b.Input("x", F32, {2, 3});
  Value y = b.Input("y", F32, {4});
  const int line = __LINE__ + 1;
  Value sum = x + y;
  EXPECT_FALSE(sum.ok());
  Value later = Exp(sum) * 2 - x;  // passed over in silence
  EXPECT_FALSE(later.ok());
  Value other = Not(x);
  absl::StatusOr<Graph> graph = b.Build({{"later", later}, {"other", other}});
  ASSERT_FALSE(graph.ok());
  const std::string message(graph.status().message());
  EXPECT_THAT(message,
              HasSubstr("builder_test.cc:" + std::to_string(line) + ": add(f32[2,3], f32[4])"));
  EXPECT_THAT(message, HasSubstr("dimension -1 is 3 here and 4 there"));
  EXPECT_THAT(message, HasSubstr("not(f32[2,3]): bool or an integer type is needed, not f32"));
  EXPECT_EQ(std::count(message.begin(), message.end(), '\n'), 1) << message;
}

TEST(Builder, NumbersTakeTheOtherOperandsType) {
  GraphBuilder b;
  Value i = b.Input("i", I32, {3});
  EXPECT_EQ((i * 2).dtype(), I32);
  EXPECT_EQ((1 - b.Input("h", F16, {3})).dtype(), F16);
  EXPECT_FALSE((i * 0.5).ok());
  absl::StatusOr<Graph> graph = b.Build({{"i", i}});
  EXPECT_THAT(std::string(graph.status().message()), HasSubstr("0.5 is not a value of i32"));
}

TEST(Builder, SymbolsNeedOneBound) {
  GraphBuilder b;
  Value x = b.Input("x", F32, {Dim("n").AtMost(8)});
  Value y = b.Input("y", F32, {Dim("n")});  // gets the graph's
  EXPECT_TRUE((x + y).ok());
  EXPECT_EQ((x + y).type().ToString(true), "f32[n<=8]");
  b.Input("z", F32, {Dim("n").AtMost(9)});
  b.Input("w", F32, {Dim("m")});
  const std::string message(b.Build({{"x", x}}).status().message());
  EXPECT_THAT(message, HasSubstr("symbol 'n' has bound 9 here and 8 elsewhere"));
  EXPECT_THAT(message, HasSubstr("symbol 'm' has no bound"));
}

TEST(Builder, RegionsCapture) {
  GraphBuilder b;
  Value p = b.Input("p", Bool, {});
  Value x = b.Input("x", F32, {3});
  Value k = b.Input("k", F32, {3});
  Value late = b.Input("late", F32, {3});
  std::vector<Value> out = Cond(
      p, {x}, [&](GraphBuilder&, std::vector<Value> v) -> std::vector<Value> { return {v[0] * k}; },
      [&](GraphBuilder&, std::vector<Value> v) -> std::vector<Value> {
        std::vector<Value> r =
            Scan({v[0]}, {}, 4, [&](GraphBuilder&, std::vector<Value> c) -> std::vector<Value> {
              return {c[0] + late * k};
            });
        return {r[0]};
      });
  absl::StatusOr<Graph> graph = b.Build({{"out", out[0]}});
  ASSERT_TRUE(graph.ok()) << graph.status();
  const Node& cond = graph->nodes().back();
  ASSERT_EQ(cond.op, OpCode::kCond);
  EXPECT_EQ(cond.operands.size(), 4u);  // p, x, k, late
  EXPECT_EQ(cond.regions[0].inputs().size(), 3u);
  EXPECT_EQ(cond.regions[1].inputs().size(), 3u);
  EXPECT_EQ(cond.regions[1].nodes().back().op, OpCode::kScan);
}

TEST(Builder, ValuesOfAnotherGraphAreRefused) {
  GraphBuilder a, b;
  Value x = a.Input("x", F32, {3});
  Value y = b.Input("y", F32, {3});
  EXPECT_FALSE((x + y).ok());
  EXPECT_THAT(std::string(a.Build({{"x", x}}).status().message()),
              HasSubstr("not one of its regions"));
}

TEST(Builder, DonationChecksTypes) {
  GraphBuilder b;
  Value w = b.Parameter("w", F32, {3});
  b.Donate("s", "w");
  b.Donate("v", "w");
  b.Donate("s", "nothing");
  const std::string message(b.Build({{"s", ReduceSum(w)}, {"v", w * 2}}).status().message());
  EXPECT_THAT(message, HasSubstr("output 's' of type f32[] cannot take over input 'w'"));
  EXPECT_THAT(message, HasSubstr("'nothing', which does not exist"));
}

TEST(Ops, EveryRowIsComplete) {
  for (int i = 0; i < kNumOps; ++i) {
    const OpDef& def = GetOpDef(static_cast<OpCode>(i));
    EXPECT_EQ(FindOp(def.name), static_cast<OpCode>(i));
    EXPECT_FALSE(def.summary.empty()) << def.name;
    EXPECT_NE(def.infer, nullptr) << def.name;
    switch (def.differentiability) {
      case Differentiability::kRule:
        EXPECT_NE(def.gradient, nullptr) << def.name;
        break;
      case Differentiability::kZero:
      case Differentiability::kNone:
        EXPECT_FALSE(def.gradient_note.empty()) << def.name;
        break;
      case Differentiability::kControl:
        break;
    }
  }
}

TEST(Infer, MoreThanRank8AndOverflowAreRefused) {
  GraphBuilder b;
  Value x = b.Input("x", F32, {1});
  EXPECT_FALSE(Broadcast(x, {1, 1, 1, 1, 1, 1, 1, 1, 1}, {0}).ok());
  EXPECT_FALSE(Broadcast(x, {int64_t{1} << 40, int64_t{1} << 40}, {0}).ok());
  EXPECT_FALSE(Broadcast(x, {-3}, {0}).ok());
  const std::string message(b.Build({{"x", x}}).status().message());
  EXPECT_THAT(message, HasSubstr("rank 9; the highest is 8"));
  EXPECT_THAT(message, HasSubstr("overflows 64 bits"));
}

TEST(Infer, ConvolutionsFitEachOther) {
  GraphBuilder b;
  Value x = b.Input("x", F32, {Dim("n").AtMost(4), 9, 8, 6});
  Value f = b.Input("f", F32, {3, 2, 3, 4});
  ConvAttrs a{{2, 1}, {1, 2}, {1, 0}, {1, 1}, 2, {}};
  Value y = Conv(x, f, a);
  EXPECT_EQ(y.type().ToString(), "f32[n,5,7,4]");
  a.shape = x.shape();
  EXPECT_EQ(ConvTranspose(y, f, a).type(), x.type());
  a.shape = f.shape();
  EXPECT_EQ(ConvFilter(x, y, a).type(), f.type());
  EXPECT_EQ(b.Build({{"y", y}}).status(), absl::OkStatus());
}

}  // namespace
}  // namespace tenon::ir
