// The example models, training steps included, as scheduled programs under the sanitizer: no report
// whatever number of threads there is, at no example, one, and a ragged batch; the graph
// interpreter's values; and no barrier too many or too few.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "tenon/ir/interpreter.h"
#include "tenon/ir/kernel/interpreter.h"
#include "tenon/ir/target.h"
#include "tenon/ir/text.h"
#include "tenon/passes/compile.h"
#include "tests/mutate/mutate.h"

namespace tenon {
namespace {

using kernel::Mutation;

constexpr kernel::InterpretOptions kStrict = {.each_chunk_its_own_thread = true};

absl::StatusOr<ir::Graph> ReadModel(const std::string& name) {
  const std::string path = absl::StrCat(TENON_SOURCE_DIR, "/examples/models/", name, ".tn");
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return ir::Parse(text.str(), path);
}

// Small numbers in a fixed pattern; integers are labels of ten classes; states, which hold moments
// and rates, are not negative.
std::vector<ir::Literal> MakeInputs(const ir::Graph& graph, const ir::Extents& extents) {
  std::vector<ir::Literal> inputs;
  uint32_t state = 1;
  for (const ir::Input& input : graph.inputs()) {
    std::vector<int64_t> dims;
    for (const ir::Dim& d : graph.type(input.value).dims) dims.push_back(*d.Evaluate(extents));
    ir::Literal literal(graph.type(input.value).dtype, dims);
    for (int64_t i = 0; i < literal.size(); ++i) {
      state = state * 1664525u + 1013904223u;
      const double unit = (state >> 8) / static_cast<double>(1 << 24);
      const double real = input.kind == ir::InputKind::kState ? unit : (unit - 0.5) * 0.2;
      literal.SetFromDouble(i, ir::IsFloat(literal.dtype()) ? real : static_cast<int>(unit * 10));
    }
    inputs.push_back(std::move(literal));
  }
  return inputs;
}

class ModelsTest : public testing::TestWithParam<std::string> {};

TEST_P(ModelsTest, RunWithoutReports) {
  const absl::StatusOr<ir::Graph> graph = ReadModel(GetParam());
  ASSERT_TRUE(graph.ok()) << graph.status();
  passes::PipelineOptions options;
  options.numerics = passes::Numerics::kExact;
  options.verify_after_each = true;
  const auto program = passes::CompileToProgram(*graph, ir::X86Avx512(), options);
  ASSERT_TRUE(program.ok()) << program.status();
  for (int64_t n : {0, 1, 5}) {
    const ir::Extents extents = {{"n", n}};
    const std::vector<ir::Literal> inputs = MakeInputs(*graph, extents);
    const auto result = kernel::Interpret(*program, {n}, inputs, kStrict);
    ASSERT_TRUE(result.ok()) << "n = " << n << ": " << result.status();
    EXPECT_EQ(result->status, 0);
    const auto expected = ir::Interpret(*graph, inputs, {.extents = extents});
    ASSERT_TRUE(expected.ok()) << expected.status();
    ASSERT_EQ(result->outputs.size(), expected->size());
    for (size_t i = 0; i < expected->size(); ++i) {
      const ir::Literal& a = result->outputs[i];
      const ir::Literal& b = (*expected)[i];
      ASSERT_EQ(a.dims(), b.dims());
      for (int64_t e = 0; e < a.size(); ++e) {
        const double x = a.GetAsDouble(e), y = b.GetAsDouble(e);
        ASSERT_TRUE(x == y || (x != x && y != y)) << "n = " << n << ", " << graph->outputs()[i].name
                                                  << "[" << e << "]: " << x << ", not " << y;
      }
    }
  }
}

TEST_P(ModelsTest, EveryBarrierIsNeeded) {
  const absl::StatusOr<ir::Graph> graph = ReadModel(GetParam());
  ASSERT_TRUE(graph.ok()) << graph.status();
  const auto program = passes::CompileToProgram(*graph, ir::X86Avx512(), {});
  ASSERT_TRUE(program.ok()) << program.status();
  // Enough examples for every launch to have several chunks that may have them.
  const int64_t n = 37;
  const std::vector<ir::Literal> inputs = MakeInputs(*graph, {{"n", n}});
  const auto whole = kernel::Interpret(*program, {n}, inputs, kStrict);
  ASSERT_TRUE(whole.ok()) << whole.status();
  kernel::InterpretOptions options = kStrict;
  options.max_reports = 1;  // one is enough, and ends the run
  for (const Mutation& mutation : kernel::EnumerateMutations(*program)) {
    if (mutation.kind != Mutation::Kind::kBarrier) continue;
    EXPECT_FALSE(kernel::Interpret(kernel::Mutate(*program, mutation), {n}, inputs, options).ok())
        << kernel::Describe(*program, mutation);
  }
}

INSTANTIATE_TEST_SUITE_P(Examples, ModelsTest, testing::Values("mlp", "mlp_train", "cnn"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace tenon
