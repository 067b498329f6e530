// Gradients of every op against central differences in f64, and gradients of gradients.
//
// The loss is the sum of all float outputs, each times fixed weights; every element of every float
// input is moved by +-h. With h = 1e-5 and third derivatives of a few units the difference is off
// by about 1e-10, its rounding by 1e-16 / 1e-5 = 1e-11 times the loss: 1e-6 leaves room for both on
// losses of some hundreds of terms.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "absl/strings/str_cat.h"
#include "tenon/ir/interpreter.h"
#include "tenon/ir/text.h"
#include "tenon/passes/grad/grad.h"
#include "tests/ops/sample.h"

namespace tenon::tests {
namespace {

constexpr double kStep = 1e-5;
constexpr double kTolerance = 1e-6;

// Weights that no symmetry cancels: 0.3, 0.7, ... by the golden ratio.
double Weight(int64_t i) {
  const double x = static_cast<double>(i + 1) * 0.6180339887498949;
  return 0.25 + (x - std::floor(x));
}

// `graph` with a further output "loss": the weighted sum of its float outputs named so. Weights
// depend on the place along the last dimension only, so that they exist at any extents.
absl::StatusOr<ir::Graph> WithLoss(const ir::Graph& graph, const std::string& prefix,
                                   const std::string& loss) {
  std::unique_ptr<ir::GraphBuilder> b = ir::GraphBuilder::Continue(graph);
  std::vector<std::pair<std::string, ir::Value>> outputs;
  std::optional<ir::Value> sum;
  for (const ir::Output& out : graph.outputs()) {
    ir::Value v = b->ValueOf(out.value);
    outputs.emplace_back(out.name, v);
    if (out.name.rfind(prefix, 0) != 0 || !ir::IsFloat(v.dtype())) continue;
    ir::Value weighted = v;
    for (int d = 0; d < v.rank(); ++d) {
      // 0.25 + fraction of (index + 1) * golden ratio.
      ir::Value x = (b->Iota({ir::F64, v.shape()}, d) + 1) * (0.6180339887498949 + 0.1 * d);
      weighted = weighted * (x - ir::Floor(x) + 0.25);
    }
    ir::Value term = ir::ReduceSum(weighted) * Weight(static_cast<int64_t>(outputs.size()));
    sum = sum ? *sum + term : term;
  }
  if (!sum) return absl::InvalidArgumentError("no float output");
  outputs.emplace_back(loss, *sum);
  return b->Build(std::move(outputs));
}

std::vector<std::string> FloatInputs(const ir::Graph& graph) {
  std::vector<std::string> names;
  for (const ir::Input& in : graph.inputs()) {
    if (ir::IsFloat(graph.type(in.value).dtype)) names.push_back(in.name);
  }
  return names;
}

double Evaluate(const ir::Graph& graph, const std::vector<ir::Literal>& inputs,
                const ir::Extents& extents, const std::string& output) {
  auto out = ir::Interpret(graph, inputs, {.extents = extents});
  EXPECT_TRUE(out.ok()) << out.status();
  if (!out.ok()) return NAN;
  return (*out)[graph.FindOutput(output)].GetAsDouble(0);
}

// Compares outputs `prefix` + input of `differentiated` with central differences of `loss`.
void CompareWithDifferences(const ir::Graph& differentiated, const std::string& loss,
                            const std::string& prefix, std::vector<ir::Literal> inputs,
                            const ir::Extents& extents, const std::string& seed) {
  auto out = ir::Interpret(differentiated, inputs, {.extents = extents});
  ASSERT_TRUE(out.ok()) << out.status();
  // Without the gradients, so that a difference costs what the forward graph does.
  std::unique_ptr<ir::GraphBuilder> b = ir::GraphBuilder::Continue(differentiated);
  absl::StatusOr<ir::Graph> forward = b->Build(
      {{loss, b->ValueOf(differentiated.outputs()[differentiated.FindOutput(loss)].value)}});
  ASSERT_TRUE(forward.ok()) << forward.status();
  for (size_t i = 0; i < inputs.size(); ++i) {
    const std::string name = differentiated.inputs()[i].name;
    const int output = differentiated.FindOutput(prefix + name);
    if (output < 0) continue;
    const ir::Literal& gradient = (*out)[output];
    ASSERT_EQ(gradient.type(), inputs[i].type()) << name;
    // Large inputs: some 24 elements of them, spread evenly.
    const int64_t stride = std::max<int64_t>(1, inputs[i].size() / 24);
    for (int64_t e = 0; e < inputs[i].size(); e += stride) {
      const double x = inputs[i].GetAsDouble(e);
      inputs[i].SetFromDouble(e, x + kStep);
      const double above = Evaluate(*forward, inputs, extents, loss);
      inputs[i].SetFromDouble(e, x - kStep);
      const double below = Evaluate(*forward, inputs, extents, loss);
      inputs[i].SetFromDouble(e, x);
      const double expected = (above - below) / (2 * kStep);
      EXPECT_NEAR(gradient.GetAsDouble(e), expected, kTolerance * std::max(1.0, std::abs(expected)))
          << seed << " d " << loss << " / d " << name << "[" << e << "] at x = " << x;
    }
  }
}

class Gradient : public testing::TestWithParam<const Sample*> {};

std::vector<const Sample*> DifferentiableSamples() {
  std::vector<const Sample*> samples;
  for (const Sample& sample : AllSamples()) {
    if (sample.gradient) samples.push_back(&sample);
  }
  return samples;
}

TEST_P(Gradient, AgreesWithCentralDifferences) {
  const Sample& sample = *GetParam();
  absl::StatusOr<BuiltSample> built = BuildSample(sample);
  ASSERT_TRUE(built.ok()) << built.status();
  absl::StatusOr<ir::Graph> with_loss = WithLoss(built->graph, "y", "loss");
  ASSERT_TRUE(with_loss.ok()) << with_loss.status();
  absl::StatusOr<ir::Graph> once =
      passes::Differentiate(*with_loss, {.loss = "loss", .wrt = FloatInputs(*with_loss)});
  ASSERT_TRUE(once.ok()) << once.status();
  absl::StatusOr<ir::Graph> second_loss = WithLoss(*once, "grad/", "loss2");
  ASSERT_TRUE(second_loss.ok()) << second_loss.status();
  absl::StatusOr<ir::Graph> twice = passes::Differentiate(
      *second_loss, {.loss = "loss2", .wrt = FloatInputs(*second_loss), .prefix = "grad2/"});
  ASSERT_TRUE(twice.ok()) << twice.status();
  for (const ir::Extents& extents : sample.extents) {
    SCOPED_TRACE(ExtentsToString(extents));
    absl::StatusOr<std::vector<ir::Literal>> inputs =
        MakeInputs(built->graph, built->fills, extents, sample.name);
    ASSERT_TRUE(inputs.ok()) << inputs.status();
    CompareWithDifferences(*once, "loss", "grad/", *inputs, extents, "first:");
    if (HasFailure()) {
      ADD_FAILURE() << ir::Print(*once);
      return;
    }
    CompareWithDifferences(*twice, "loss2", "grad2/", *inputs, extents, "second:");
  }
}

INSTANTIATE_TEST_SUITE_P(Ops, Gradient, testing::ValuesIn(DifferentiableSamples()),
                         [](const testing::TestParamInfo<const Sample*>& info) {
                           std::string name = absl::StrCat(info.index, "_", info.param->name);
                           for (char& c : name) {
                             if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
                           }
                           return name;
                         });

// A cast rounds, so differences cannot see its gradient: it is the cotangent, cast back.
TEST(CastGradient, PassesThroughFloatsAndStopsAtIntegers) {
  ir::GraphBuilder b;
  ir::Value x = b.Input("x", ir::F64, {3});
  ir::Value y = ir::Cast(ir::Cast(x, ir::F32) * 3, ir::F64);
  ir::Value z = ir::Cast(ir::Cast(x, ir::I32), ir::F64);
  absl::StatusOr<ir::Graph> graph = b.Build({{"loss", ir::ReduceSum(y * 2 + z)}});
  ASSERT_TRUE(graph.ok()) << graph.status();
  absl::StatusOr<ir::Graph> grad = passes::Differentiate(*graph, {.loss = "loss", .wrt = {"x"}});
  ASSERT_TRUE(grad.ok()) << grad.status();
  auto out = ir::Interpret(*grad, {ir::Literal::Filled(ir::F64, {3}, 1.5)});
  ASSERT_TRUE(out.ok()) << out.status();
  for (int i = 0; i < 3; ++i) EXPECT_EQ((*out)[1].GetAsDouble(i), 6);
}

TEST(StopGradient, IsAConstant) {
  ir::GraphBuilder b;
  ir::Value x = b.Input("x", ir::F64, {3});
  absl::StatusOr<ir::Graph> graph = b.Build({{"loss", ir::ReduceSum(x * ir::StopGradient(x))}});
  ASSERT_TRUE(graph.ok()) << graph.status();
  absl::StatusOr<ir::Graph> grad = passes::Differentiate(*graph, {.loss = "loss", .wrt = {"x"}});
  ASSERT_TRUE(grad.ok()) << grad.status();
  auto out = ir::Interpret(*grad, {ir::Literal::Filled(ir::F64, {3}, 1.5)});
  ASSERT_TRUE(out.ok()) << out.status();
  for (int i = 0; i < 3; ++i) EXPECT_EQ((*out)[1].GetAsDouble(i), 1.5);
}

}  // namespace
}  // namespace tenon::tests
