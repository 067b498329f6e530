// Reductions of the same rows: what becomes of them where one of them is used in another way than
// as the rows' own, and what they give.
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "tenon/ir/interpreter.h"
#include "tests/lower/support.h"

namespace tenon::lower {
namespace {

using ir::F32;
using ir::Graph;
using ir::GraphBuilder;
using ir::Literal;
using ir::Shape;
using ir::Value;

// What is computed in another order than the interpreter's adds up to some hundred terms that come
// to no more than 1,500 together: ten roundings of 2^-24 of that.
constexpr double kOtherOrder = 1e-3;

// The program gives what the graph does.
void ExpectAsInterpreted(GraphBuilder& b, std::vector<std::pair<std::string, Value>> outputs,
                         const std::vector<Literal>& inputs, double tolerance) {
  const absl::StatusOr<Graph> graph = b.Build(std::move(outputs));
  ASSERT_TRUE(graph.ok()) << graph.status();
  const absl::StatusOr<std::vector<Literal>> expected = ir::Interpret(*graph, inputs, {});
  ASSERT_TRUE(expected.ok()) << expected.status();
  const std::vector<Literal> results = RunProgram(*graph, inputs);
  ASSERT_EQ(results.size(), expected->size());
  for (size_t i = 0; i < results.size(); ++i) {
    std::vector<double> values;
    for (int64_t k = 0; k < (*expected)[i].size(); ++k) {
      values.push_back((*expected)[i].GetAsDouble(k));
    }
    ExpectNear(results[i], values, tolerance);
  }
}

constexpr int64_t kSide = 24;
const Shape& Square() {
  static const Shape* shape = new Shape{kSide, kSide};
  return *shape;
}
Value OfRows(Value v) { return Broadcast(v, Square(), {0}); }
Value OfColumns(Value v) { return Broadcast(v, Square(), {1}); }

// A kernel of rows that has all that a sum of these rows reads, and needs it at other places. Sums
// of a few multiples of 1/16 are exact in any order.
TEST(Siblings, AUserOfOtherRowsIsNone) {
  const std::vector<std::function<Value(Value)>> uses = {
      [](Value x) { return ReduceSum(Max(x, OfColumns(ReduceMin(x, {1}))), {1}); },
      [](Value x) { return x - OfRows(ReduceMax(x, {1})) + OfColumns(ReduceSum(x, {1})); },
      [](Value x) {
        return x - OfRows(ReduceMax(x, {1})) + OfRows(Reverse(ReduceSum(x, {1}), {0}));
      },
      [](Value x) {
        Value sums = ReduceSum(x, {1});
        return x - OfRows(ReduceMax(x, {1})) + OfRows(sums) * OfColumns(sums);
      },
      [](Value x) {
        Value sums = ReduceSum(x, {1});
        Value moved = ir::Concat({Slice(sums, {1}, {kSide}), Slice(sums, {0}, {1})}, 0);
        return x - OfRows(ReduceMax(x, {1})) + OfRows(moved);
      },
  };
  for (const auto& use : uses) {
    GraphBuilder b;
    Value y = use(b.Input("x", F32, Square()));
    ExpectAsInterpreted(b, {{"y", y}}, {Pattern(F32, {kSide, kSide})}, 0);
  }
}

TEST(Siblings, LossesOfRowsAndTheirGradient) {
  GraphBuilder b;
  Value x = b.Input("x", F32, Square()), keep = b.Input("keep", ir::Bool, {kSide});
  Value shifted = x - OfRows(ReduceMax(x, {1}));
  Value sums = ReduceSum(Exp(shifted), {1});
  Value weight = Select(keep, 0.5, 0);
  Value loss = ReduceSum(weight * (Log(sums) - ReduceSum(Max(shifted, -4), {1})), {0});
  Value gradient = Exp(shifted) * OfRows(weight / sums) - OfRows(weight);
  ExpectAsInterpreted(b, {{"loss", loss}, {"gradient", gradient}},
                      {Pattern(F32, {kSide, kSide}), Pattern(ir::DType::kBool, {kSide})},
                      kOtherOrder);
}

// Sums over rows that are taken in parts: whoever waits for them cannot be their host.
TEST(Siblings, AUserOfColumnSumsDoesNotHostThem) {
  const Shape shape = {1000, 67};
  GraphBuilder b;
  Value x = b.Input("x", F32, shape);
  Value centred = x - Broadcast(ReduceMean(x, {0}), shape, {1});
  ExpectAsInterpreted(b, {{"y", ReduceSum(centred, {1})}}, {Pattern(F32, {1000, 67})}, kOtherOrder);
}

}  // namespace
}  // namespace tenon::lower
