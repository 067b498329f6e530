// Common subexpressions, dead code and inlining.
#include "tenon/passes/simplify/cse.h"

#include <gtest/gtest.h>

#include "tenon/ir/builder.h"
#include "tenon/ir/text.h"
#include "tenon/ir/verifier.h"
#include "tenon/passes/pass_manager.h"
#include "tenon/passes/simplify/inline.h"

namespace tenon::passes {
namespace {

using namespace ir;  // NOLINT: graphs read like mathematics
using Values = std::vector<Value>;

// The number of nodes left after `pass`.
int64_t NodesAfter(const std::string& pass, GraphBuilder& b, const Values& outputs) {
  std::vector<std::pair<std::string, Value>> named;
  for (Value v : outputs) named.emplace_back("y" + std::to_string(named.size()), v);
  const Graph graph = b.Build(named).value();
  const absl::StatusOr<Graph> result =
      PassManager::FromNames({pass}).value().Run(graph, {.verify_after_each = true}, X86Avx2());
  EXPECT_TRUE(result.ok()) << result.status();
  return result->CountNodes();
}

TEST(CseTest, EqualOpsAreOne) {
  GraphBuilder b("g");
  Value x = b.Input("x", F32, {4}), y = b.Input("y", F32, {4});
  EXPECT_EQ(NodesAfter("cse", b, {Exp(x), Exp(x), x + y, y + x, Gt(x, y), Lt(y, x)}), 3);
}

TEST(CseTest, WhatOnlyLooksEqualStays) {
  GraphBuilder b("g");
  Value x = b.Input("x", F32, {4}), y = b.Input("y", F32, {4});
  Value key = b.Input("key", I64, {});
  // x - y and y - x; which zero max gives depends on the order; streams and zeros of both signs.
  EXPECT_EQ(NodesAfter("cse", b,
                       {x - y, y - x, Max(x, y), Max(y, x), RandomBits(key, {4}, 0),
                        RandomBits(key, {4}, 1), b.Scalar(F32, 0.0), b.Scalar(F32, -0.0)}),
            8);
}

TEST(CseTest, ComparesAndEntersRegions) {
  GraphBuilder b("g");
  Value x = b.Input("x", F32, {4});
  auto body = [](GraphBuilder&, Values a) -> Values { return {Exp(a[0]) + Exp(a[0])}; };
  auto other = [](GraphBuilder&, Values a) -> Values { return {Sin(a[0])}; };
  const Values s = Scan({x}, {}, 3, body), t = Scan({x}, {}, 3, body), u = Scan({x}, {}, 3, other);
  // Two scans, with two ops in the one and one in the other.
  EXPECT_EQ(NodesAfter("cse", b, {s[0], t[0], u[0]}), 5);
}

TEST(DceTest, DropsWhatNoOutputNeedsInRegionsToo) {
  GraphBuilder b("g");
  Value x = b.Input("x", F32, {4});
  Exp(Sin(x));
  const Values s = Scan({x}, {}, 3, [](GraphBuilder&, Values a) -> Values {
    Tanh(a[0]);
    return {a[0] * a[0]};
  });
  EXPECT_EQ(NodesAfter("dce", b, {s[0]}), 2);
}

TEST(InlineTest, CallsInsideCallsAndRegions) {
  GraphBuilder b("g");
  Value x = b.Input("x", F32, {4});
  auto square = [](GraphBuilder&, Values a) -> Values { return {a[0] * a[0]}; };
  Value y = Call("outer", {x}, [&](GraphBuilder&, Values a) -> Values {
    return {Call("inner", {a[0]}, square)[0] + a[0]};
  })[0];
  Value z = Scan({y}, {}, 2, [&](GraphBuilder&, Values a) -> Values {
    return {Call("inner", {a[0]}, square)[0]};
  })[0];
  const Graph graph = b.Build({{"z", z}}).value();
  const Graph result = InlineCalls(graph);
  EXPECT_TRUE(Verify(result).ok());
  EXPECT_EQ(Print(result).find("call"), std::string::npos) << Print(result);
  EXPECT_EQ(result.CountNodes(), 4);
}

}  // namespace
}  // namespace tenon::passes
