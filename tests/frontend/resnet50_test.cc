// The ResNet-50 of the benchmarks is the true one.
#include "benchmarks/resnet50.h"

#include <map>
#include <string>

#include "gtest/gtest.h"

namespace tenon {
namespace {

// Layers of the paper's table 1: the shapes that leave its stages.
TEST(ResNet50, HasTheShapesAndParametersOfThePaper) {
  const absl::StatusOr<Graph> graph = bench::BuildResNet50();
  ASSERT_TRUE(graph.ok()) << graph.status();
  int64_t parameters = 0, state = 0;
  for (const ir::Input& input : graph->inputs()) {
    const int64_t elements = graph->type(input.value).NumElements().constant();
    if (input.kind == ir::InputKind::kParameter) parameters += elements;
    if (input.kind == ir::InputKind::kState) state += elements;
  }
  EXPECT_EQ(parameters, 25557032);
  EXPECT_EQ(state, 53120);
  EXPECT_EQ(graph->type(graph->outputs()[0].value).ToString(), "f32[1,1000]");
  std::map<std::string, int> convolutions;  // by the shape that they give
  for (const ir::Node& node : graph->nodes()) {
    if (node.op == ir::OpCode::kConv) ++convolutions[graph->type(node.results[0]).ToString()];
  }
  const std::map<std::string, int> expected = {
      {"f32[1,112,112,64]", 1}, {"f32[1,56,56,64]", 6},   {"f32[1,56,56,256]", 4},
      {"f32[1,56,56,128]", 1},  {"f32[1,28,28,128]", 7},  {"f32[1,28,28,512]", 5},
      {"f32[1,28,28,256]", 1},  {"f32[1,14,14,256]", 11}, {"f32[1,14,14,1024]", 7},
      {"f32[1,14,14,512]", 1},  {"f32[1,7,7,512]", 5},    {"f32[1,7,7,2048]", 4}};
  EXPECT_EQ(convolutions, expected);
}

}  // namespace
}  // namespace tenon
