// The Transformer of the benchmarks is the true one: three steps of a tiny instance give the losses
// that JAX gives in f64 (benchmarks/peers_gpt2.py check).
#include "benchmarks/gpt2.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tenon/frontend/compile.h"

namespace tenon {
namespace {

constexpr double kLosses[] = {3.536688781861, 3.342137937514, 3.199883075684};

TEST(Gpt2, StepsAreThoseOfTheReference) {
  const bench::Gpt2Config config = bench::TinyGpt2();
  const absl::StatusOr<Graph> graph =
      bench::BuildGpt2Step(config, {.learning_rate = 0.01, .epsilon = 1e-8, .weight_decay = 0.1});
  ASSERT_TRUE(graph.ok()) << graph.status();
  const absl::StatusOr<Program> program = Program::Compile(*graph);
  ASSERT_TRUE(program.ok()) << program.status();
  std::vector<Tensor> tensors;
  int parameters = 0;
  for (const ir::Input& input : graph->inputs()) {
    tensors.push_back(bench::Gpt2InitialValue(input, graph->type(input.value), parameters, config));
    parameters += input.kind == ir::InputKind::kParameter;
  }
  Instance instance = program->NewInstance();
  for (size_t i = 0; i < tensors.size(); ++i) {
    const ir::Input& input = graph->inputs()[i];
    const absl::Status bound = input.kind == ir::InputKind::kInput
                                   ? instance.BindInput(input.name, tensors[i])
                                   : instance.BindMutable(input.name, tensors[i].mutable_view());
    ASSERT_TRUE(bound.ok()) << bound;
  }
  for (const double expected : kLosses) {
    ASSERT_TRUE(instance.Run().ok());
    // f32 throughout, some hundred roundings deep.
    EXPECT_NEAR(instance.Output("loss")->GetAsDouble(0), expected, 2e-6 * expected);
  }
}

TEST(Gpt2, HasAsManyParametersAsTheRealOne) {
  const absl::StatusOr<Graph> graph = bench::BuildGpt2Loss({});
  ASSERT_TRUE(graph.ok()) << graph.status();
  int64_t count = 0;
  for (const ir::Input& input : graph->inputs()) {
    if (input.kind == ir::InputKind::kParameter) {
      count += graph->type(input.value).NumElements().constant();
    }
  }
  EXPECT_EQ(count, 124439808);
}

}  // namespace
}  // namespace tenon
