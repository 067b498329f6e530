// Sums over rows that the kernel of the rows adds up: when they are hosted, and what they give.
#include "gmock/gmock.h"
#include "tenon/ir/interpreter.h"
#include "tenon/passes/fuse/fuse.h"
#include "tenon/passes/grad/grad.h"
#include "tenon/passes/pipeline.h"
#include "tests/lower/support.h"

namespace tenon::lower {
namespace {

using ir::Dim;
using ir::F32;
using ir::Graph;
using ir::GraphBuilder;
using ir::Literal;
using ir::Shape;
using ir::Value;
using ::testing::HasSubstr;
using ::testing::Not;

std::string PlanOf(const Graph& graph, const passes::PipelineOptions& options = {}) {
  return fuse::Fuse(graph, ir::X86Avx2(), options).ToString(graph);
}

// The gradients of a layer norm by x, scale and shift.
Graph NormGradients(const Shape& shape) {
  GraphBuilder b;
  Value x = b.Input("x", F32, shape);
  const int last = static_cast<int>(shape.size()) - 1;
  Value scale = b.Input("scale", F32, {shape[last]}), shift = b.Input("shift", F32, {shape[last]});
  Value deviation = x - ReduceMean(x, {-1}, true);
  Value variance = ReduceMean(deviation * deviation, {-1}, true);
  Value y = deviation * Rsqrt(variance + 1e-5) * scale + shift;
  Value loss = ReduceSum(y * b.Input("dy", F32, shape));
  absl::StatusOr<Graph> graph =
      passes::Differentiate(b.Build({{"loss", loss}}).value(), {"loss", {"x", "scale", "shift"}});
  const std::vector<ir::Output> outputs = graph->outputs();
  auto rest = GraphBuilder::Continue(*std::move(graph));
  std::vector<std::pair<std::string, Value>> kept;
  for (size_t i = 1; i < outputs.size(); ++i) {
    kept.emplace_back(outputs[i].name, rest->ValueOf(outputs[i].value));
  }
  return passes::Simplify(rest->Build(kept).value(), {}, ir::X86Avx2()).value();
}

// Against the plan in which every op is a kernel of its own.
void ExpectSameAsUnfused(const Graph& graph, const std::vector<Literal>& inputs,
                         std::vector<int64_t> extents, double tolerance) {
  RunOptions apart{.extents = extents};
  apart.pipeline.disabled_passes = {"fuse"};
  const std::vector<Literal> expected = RunProgram(graph, inputs, apart);
  const std::vector<Literal> actual = RunProgram(graph, inputs, {.extents = extents});
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t o = 0; o < actual.size(); ++o) {
    ASSERT_EQ(actual[o].size(), expected[o].size());
    for (int64_t i = 0; i < actual[o].size(); ++i) {
      const double e = expected[o].GetAsDouble(i);
      ASSERT_NEAR(actual[o].GetAsDouble(i), e, tolerance * (1 + std::abs(e)))
          << "output " << o << ", element " << i;
    }
  }
}

TEST(ColumnsTest, GradientsOfANormAreOnePassOverTheRows) {
  const Graph graph = NormGradients({320, 520});
  const std::string plan = PlanOf(graph);
  EXPECT_THAT(plan, HasSubstr("adds up 2 columns for others"));
  // The rows, and what is left of the two sums.
  EXPECT_EQ(std::count(plan.begin(), plan.end(), '{'), 3) << plan;
  ExpectSameAsUnfused(graph,
                      {Pattern(F32, {320, 520}), Pattern(F32, {520}, 2), Pattern(F32, {520}, 3),
                       Pattern(F32, {320, 520}, 4)},
                      {}, 1e-4);
}

TEST(ColumnsTest, RowsOfTwoDimensionsAndColumnsOfTwo) {
  GraphBuilder b;
  Value x = b.Input("x", F32, {16, 8, 20, 70}), y = b.Input("y", F32, {16, 8, 20, 70});
  Value product = x * y;
  Value rows = ReduceSum(product, {2, 3}, true);
  const Graph graph =
      b.Build({{"z", product - rows}, {"columns", ReduceMax(product, {0, 1}) * 2}}).value();
  EXPECT_THAT(PlanOf(graph), HasSubstr("adds up 1 columns for others"));
  ExpectSameAsUnfused(graph, {Pattern(F32, {16, 8, 20, 70}), Pattern(F32, {16, 8, 20, 70}, 2)}, {},
                      1e-4);
}

TEST(ColumnsTest, ExtentsOfTheRun) {
  const Graph graph = NormGradients({Dim("n").AtMost(400), 450});
  EXPECT_THAT(PlanOf(graph), HasSubstr("adds up 2 columns for others"));
  for (int64_t n : {0, 1, 65, 400}) {
    ExpectSameAsUnfused(graph,
                        {Pattern(F32, {n, 450}), Pattern(F32, {450}, 2), Pattern(F32, {450}, 3),
                         Pattern(F32, {n, 450}, 4)},
                        {n}, 1e-4);
  }
}

TEST(ColumnsTest, LittleWorkIsNotWorthParts) {
  EXPECT_THAT(PlanOf(NormGradients({64, 100})), Not(HasSubstr("columns for others")));
}

TEST(ColumnsTest, ExactSumsAreNotTakenInParts) {
  passes::PipelineOptions exact;
  exact.numerics = passes::Numerics::kExact;
  EXPECT_THAT(PlanOf(NormGradients({320, 520}), exact), Not(HasSubstr("columns for others")));
}

TEST(ColumnsTest, ASumOfWhatWaitsForTheRowsIsNotHosted) {
  // What is summed depends on all rows, by way of the contraction.
  GraphBuilder b;
  Value x = b.Input("x", F32, {512, 512});
  Value y = x - ReduceMax(x, {1}, true);
  Value columns = ReduceSum(Contract("mk,kn->mn", y, y) * x, {0});
  const Graph graph = b.Build({{"y", y}, {"columns", columns}}).value();
  EXPECT_THAT(PlanOf(graph), Not(HasSubstr("columns for others")));
}

}  // namespace
}  // namespace tenon::lower
