// Random graphs through the pipeline at the level exact: what comes out computes the same bits,
// with all passes, with a random subset of them, and for gradients. TENON_RANDOM_GRAPHS in the
// environment sets how many.
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "tenon/ir/interpreter.h"
#include "tenon/ir/text.h"
#include "tenon/ir/verifier.h"
#include "tenon/passes/grad/grad.h"
#include "tenon/passes/pass_manager.h"
#include "tenon/passes/pipeline.h"
#include "tests/passes/random_graph.h"
#include "tests/passes/support.h"

namespace tenon::passes {
namespace {

using ir::Graph;
using ir::Literal;

int NumGraphs() {
  const char* count = std::getenv("TENON_RANDOM_GRAPHS");
  return count != nullptr ? std::atoi(count) : 150;
}

// Empty if `graph` and `simplified` compute the same: to the bit for tolerance 0, nearly for one
// above, something for one below.
std::string Compare(const Graph& graph, const absl::StatusOr<Graph>& simplified, uint64_t seed,
                    double tolerance = 0) {
  if (!simplified.ok()) return simplified.status().ToString();
  for (const int64_t n : {0, 1, 3}) {
    ir::InterpretOptions interpret;
    interpret.extents = {{"n", n}};
    const std::vector<Literal> inputs = RandomLiterals(
        graph,
        {.seed = seed, .special = seed % 2 == 0 && tolerance == 0, .extents = interpret.extents});
    const auto before = ir::Interpret(graph, inputs, interpret);
    const auto after = ir::Interpret(*simplified, inputs, interpret);
    if (!before.ok() || !after.ok()) {
      if (before.status().code() == after.status().code()) continue;
      return before.status().ToString() + " and " + after.status().ToString();
    }
    if (tolerance < 0) continue;
    for (size_t i = 0; i < before->size(); ++i) {
      const std::string difference = Difference((*before)[i], (*after)[i], tolerance);
      if (!difference.empty()) {
        return "n = " + std::to_string(n) + ", output " + graph.outputs()[i].name + ", " +
               difference + "\n" + ir::Print(*simplified);
      }
    }
  }
  return "";
}

std::string Compare(const Graph& graph, const PipelineOptions& options, uint64_t seed,
                    double tolerance = 0) {
  return Compare(graph, Simplify(graph, options, ir::X86Avx2()), seed, tolerance);
}

// All passes but the one whose purpose is other bits.
std::vector<PassInfo> ExactPasses() {
  std::vector<PassInfo> passes;
  for (const PassInfo& pass : AllPasses()) {
    if (pass.id != PassId::kMixedPrecision) passes.push_back(pass);
  }
  return passes;
}

// A few passes in any order.
PassManager RandomPasses(uint64_t seed) {
  std::mt19937_64 rng(seed);
  const std::vector<PassInfo> all = ExactPasses();
  std::vector<PassId> passes;
  for (int i = 0; i < 4; ++i) passes.push_back(all[rng() % all.size()].id);
  return PassManager(passes);
}

PipelineOptions RandomSubset(uint64_t seed) {
  PipelineOptions options;
  options.numerics = Numerics::kExact;
  std::mt19937_64 rng(seed);
  for (const PassInfo& pass : ExactPasses()) {
    if (rng() % 2 == 0) options.disabled_passes.insert(std::string(pass.name));
  }
  return options;
}

TEST(RandomGraphTest, SimplifyKeepsTheBits) {
  for (int i = 0; i < NumGraphs(); ++i) {
    const uint64_t seed = static_cast<uint64_t>(i) + 1;
    const Graph graph = RandomGraph({.seed = seed});
    ASSERT_TRUE(ir::Verify(graph).ok()) << seed << ": " << ir::Verify(graph);
    PipelineOptions all;
    all.numerics = Numerics::kExact;
    all.verify_after_each = true;
    EXPECT_EQ(Compare(graph, all, seed), "") << "seed " << seed << "\n" << ir::Print(graph);
    EXPECT_EQ(Compare(graph, RandomSubset(seed), seed), "") << "a subset, seed " << seed << "\n"
                                                            << ir::Print(graph);
    EXPECT_EQ(Compare(graph, RandomPasses(seed).Run(graph, all, ir::X86Avx2()), seed), "")
        << "a few passes, seed " << seed << "\n"
        << ir::Print(graph);
    PipelineOptions standard;
    standard.verify_after_each = true;
    EXPECT_EQ(Compare(graph, standard, seed, -1), "") << "seed " << seed << "\n"
                                                      << ir::Print(graph);
    if (HasFailure()) break;
  }
}

TEST(RandomGraphTest, SimplifyAtStandardComputesNearlyTheSame) {
  for (int i = 0; i < NumGraphs(); ++i) {
    const uint64_t seed = static_cast<uint64_t>(i) + 2000001;
    const Graph graph = RandomGraph({.seed = seed, .smooth = true});
    PipelineOptions options;
    options.verify_after_each = true;
    // Two dozen ops, each of which adds a few roundings of f32 and amplifies earlier ones by the
    // number of elements of its sums, some dozens.
    EXPECT_EQ(Compare(graph, options, seed, 1e-3), "") << "seed " << seed << "\n"
                                                       << ir::Print(graph);
    if (HasFailure()) break;
  }
}

TEST(RandomGraphTest, SimplifyKeepsTheBitsOfGradients) {
  for (int i = 0; i < NumGraphs(); ++i) {
    const uint64_t seed = static_cast<uint64_t>(i) + 1000001;
    const Graph graph = RandomGraph({.seed = seed, .num_ops = 12, .loss = true});
    std::vector<std::string> wrt;
    for (const ir::Input& input : graph.inputs()) {
      if (ir::IsFloat(graph.type(input.value).dtype)) wrt.push_back(input.name);
    }
    const absl::StatusOr<Graph> gradient = Differentiate(graph, {.loss = "loss", .wrt = wrt});
    ASSERT_TRUE(gradient.ok()) << "seed " << seed << gradient.status() << ir::Print(graph);
    ASSERT_TRUE(ir::Verify(*gradient).ok()) << "seed " << seed << ir::Verify(*gradient);
    PipelineOptions all;
    all.numerics = Numerics::kExact;
    all.verify_after_each = true;
    EXPECT_EQ(Compare(*gradient, all, seed), "") << "seed " << seed << "\n" << ir::Print(*gradient);
    if (HasFailure()) break;
  }
}

}  // namespace
}  // namespace tenon::passes
