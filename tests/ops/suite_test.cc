// The op suite's checks that need no code generation: every op has samples, every sample builds and
// verifies, survives both file forms, and runs in the graph interpreter.
#include <gtest/gtest.h>

#include <set>

#include "tenon/ir/binary.h"
#include "tenon/ir/interpreter.h"
#include "tenon/ir/text.h"
#include "tenon/ir/verifier.h"
#include "tests/ops/sample.h"

namespace tenon::tests {
namespace {

bool Uses(const ir::Graph& graph, ir::OpCode op) {
  for (const ir::Node& node : graph.nodes()) {
    if (node.op == op) return true;
    for (const ir::Graph& region : node.regions) {
      if (Uses(region, op)) return true;
    }
  }
  return false;
}

TEST(OpSuite, EveryOpHasSamplesThatUseIt) {
  std::set<ir::OpCode> seen;
  std::set<std::string> names;
  for (const Sample& sample : AllSamples()) {
    EXPECT_TRUE(names.insert(sample.name).second) << sample.name << " twice";
    absl::StatusOr<BuiltSample> built = BuildSample(sample);
    ASSERT_TRUE(built.ok()) << sample.name << ": " << built.status();
    EXPECT_TRUE(Uses(built->graph, sample.op)) << sample.name;
    seen.insert(sample.op);
  }
  for (int i = 0; i < ir::kNumOps; ++i) {
    const auto op = static_cast<ir::OpCode>(i);
    EXPECT_TRUE(seen.count(op)) << "op '" << ir::OpName(op) << "' has no samples";
  }
}

// An op with a gradient rule has at least one sample on which it is checked.
TEST(OpSuite, EveryGradientHasSamples) {
  std::set<ir::OpCode> seen;
  for (const Sample& sample : AllSamples()) {
    if (sample.gradient) seen.insert(sample.op);
  }
  for (int i = 0; i < ir::kNumOps; ++i) {
    const ir::OpDef& def = ir::GetOpDef(static_cast<ir::OpCode>(i));
    if (def.differentiability != ir::Differentiability::kRule || def.code == ir::OpCode::kCast) {
      continue;  // the gradient of a cast rounds: gradient_test checks it by hand
    }
    EXPECT_TRUE(seen.count(def.code)) << "the gradient of '" << def.name << "' has no samples";
  }
}

TEST(OpSuite, SamplesVerifyAndSurviveBothForms) {
  for (const Sample& sample : AllSamples()) {
    SCOPED_TRACE(sample.name);
    absl::StatusOr<BuiltSample> built = BuildSample(sample);
    ASSERT_TRUE(built.ok()) << built.status();
    ASSERT_EQ(ir::Verify(built->graph), absl::OkStatus());
    const std::string text = ir::Print(built->graph);
    absl::StatusOr<ir::Graph> parsed = ir::Parse(text);
    ASSERT_TRUE(parsed.ok()) << parsed.status() << "\n" << text;
    EXPECT_EQ(ir::Print(*parsed), text);
    absl::StatusOr<std::string> bytes = ir::SerializeModel({built->graph, {}});
    ASSERT_TRUE(bytes.ok()) << bytes.status();
    absl::StatusOr<ir::Model> model = ir::ParseModel(*bytes);
    ASSERT_TRUE(model.ok()) << model.status();
    EXPECT_EQ(ir::Print(model->graph), text);
  }
}

TEST(OpSuite, SamplesRunInTheInterpreter) {
  for (const Sample& sample : AllSamples()) {
    SCOPED_TRACE(sample.name);
    absl::StatusOr<BuiltSample> built = BuildSample(sample);
    ASSERT_TRUE(built.ok()) << built.status();
    for (const ir::Extents& extents : sample.extents) {
      absl::StatusOr<std::vector<ir::Literal>> inputs =
          MakeInputs(built->graph, built->fills, extents, sample.name);
      ASSERT_TRUE(inputs.ok()) << inputs.status();
      absl::StatusOr<std::vector<ir::Literal>> outputs =
          ir::Interpret(built->graph, *inputs, {.extents = extents});
      ASSERT_TRUE(outputs.ok()) << outputs.status();
      // Parsing the text gives a graph that computes the same.
      absl::StatusOr<ir::Graph> parsed = ir::Parse(ir::Print(built->graph));
      ASSERT_TRUE(parsed.ok()) << parsed.status();
      absl::StatusOr<std::vector<ir::Literal>> again =
          ir::Interpret(*parsed, *inputs, {.extents = extents});
      ASSERT_TRUE(again.ok()) << again.status();
      for (size_t i = 0; i < outputs->size(); ++i) {
        EXPECT_EQ(Difference((*outputs)[i], (*again)[i]), "");
        absl::StatusOr<std::vector<int64_t>> dims =
            ir::EvaluateShape(built->graph.type(built->graph.outputs()[i].value).dims, extents);
        ASSERT_TRUE(dims.ok());
        EXPECT_EQ((*outputs)[i].dims(), *dims);
      }
    }
  }
}

}  // namespace
}  // namespace tenon::tests
