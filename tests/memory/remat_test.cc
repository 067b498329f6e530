// Rematerialisation: at 75, 50 and 25% of the arena that a program takes by itself it either gives
// the same bits within the limit, or an error that names the tensors at the peak.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tenon/ir/binary.h"
#include "tenon/ir/target.h"
#include "tenon/ir/text.h"
#include "tenon/passes/compile.h"
#include "tenon/passes/grad/grad.h"
#include "tenon/passes/memory/plan.h"
#include "tests/memory/models.h"
#include "tests/memory/support.h"
#include "tests/passes/random_graph.h"

namespace tenon::tests {
namespace {

using ir::Literal;
using ::testing::HasSubstr;

constexpr double kFractions[] = {0.75, 0.5, 0.25};

struct Outcome {
  bool fits = false;
  passes::RematReport report;
};

// The outputs at a limit against those without one.
void ExpectSame(const ir::Graph& graph, const Compiled& free, const Compiled& limited,
                const ir::Extents& extents, bool native) {
  const std::vector<Literal> inputs =
      MakeInputs(graph, ModelFills(graph), extents, "remat").value();
  const auto expected = free.RunKernel(inputs, extents);
  const auto actual = limited.RunKernel(inputs, extents);
  ASSERT_TRUE(expected.ok()) << expected.status();
  ASSERT_TRUE(actual.ok()) << actual.status();
  for (size_t i = 0; i < expected->size(); ++i) {
    EXPECT_EQ(Difference((*expected)[i], (*actual)[i]), "") << graph.outputs()[i].name;
  }
  if (!native) return;
  for (int threads : {1, 3}) {
    const auto run = limited.RunNative(inputs, extents, threads, Guard::kAtEnd);
    ASSERT_TRUE(run.ok()) << run.status();
    for (size_t i = 0; i < expected->size(); ++i) {
      EXPECT_EQ(Difference((*expected)[i], (*run)[i]), "") << graph.outputs()[i].name;
    }
  }
}

Outcome TryLimit(const ir::Graph& graph, const Compiled& free, int64_t limit,
                 const ir::Extents& extents, bool native) {
  Outcome outcome;
  passes::PipelineOptions options;
  options.after_remat = [&](const passes::RematReport& report) { outcome.report = report; };
  const absl::StatusOr<Compiled> limited = CompileAt(graph, limit, native, options);
  if (!limited.ok()) {
    EXPECT_EQ(limited.status().code(), absl::StatusCode::kResourceExhausted) << limited.status();
    EXPECT_THAT(std::string(limited.status().message()), HasSubstr("Alive at its peak:\n  "));
    return outcome;
  }
  outcome.fits = true;
  EXPECT_LE(limited->program().arena_bytes, limit);
  EXPECT_EQ(outcome.report.arena_after, limited->program().arena_bytes);
  // Without a limit a plan may take up to a quarter more, for fewer barriers.
  EXPECT_LE(outcome.report.arena_before, free.program().arena_bytes);
  EXPECT_GT(outcome.report.arena_before, limit);
  ExpectSame(graph, free, *limited, extents, native);
  return outcome;
}

std::vector<Outcome> TryFractions(const ir::Graph& graph, const ir::Extents& extents, bool native) {
  const absl::StatusOr<Compiled> free = CompileAt(graph, 0, false);
  EXPECT_TRUE(free.ok()) << free.status();
  std::vector<Outcome> outcomes;
  for (double fraction : kFractions) {
    SCOPED_TRACE(fraction);
    const auto limit =
        static_cast<int64_t>(fraction * static_cast<double>(free->program().arena_bytes));
    outcomes.push_back(TryLimit(graph, *free, limit, extents, native));
    const passes::RematReport& r = outcomes.back().report;
    if (outcomes.back().fits) {
      std::printf("%.2f: arena %ld -> %ld, %ld values, %ld bytes, flops x %.3f\n", fraction,
                  r.arena_before, r.arena_after, r.values, r.bytes, r.flops_after / r.flops_before);
    } else {
      std::printf("%.2f: does not fit\n", fraction);
    }
  }
  return outcomes;
}

TEST(RematTest, DeepChain) {
  const std::vector<Outcome> outcomes = TryFractions(DeepChain(24, 16, 32), {}, true);
  for (const Outcome& outcome : outcomes) EXPECT_TRUE(outcome.fits);
  // A chain is computed again at most a few times over, and the less the more memory there is.
  EXPECT_LT(outcomes[0].report.flops_after, 1.25 * outcomes[0].report.flops_before);
  EXPECT_LT(outcomes[1].report.flops_after, 1.4 * outcomes[1].report.flops_before);
}

TEST(RematTest, Mlp) {
  // Three layers, of which two are alive at the peak whatever is computed again: the limits are met
  // or refused.
  TryFractions(MlpStep(64), {{"n", 5}}, true);
}

TEST(RematTest, Cnn) {
  const std::vector<Outcome> outcomes = TryFractions(CnnStep(16), {{"n", 7}}, true);
  EXPECT_TRUE(outcomes[0].fits);
}

TEST(RematTest, Transformer) {
  const std::vector<Outcome> outcomes = TryFractions(TransformerStep({.layers = 4}), {}, false);
  EXPECT_TRUE(outcomes[0].fits);
  EXPECT_TRUE(outcomes[1].fits);
}

TEST(RematTest, AnErrorNamesTensorsWithTheirLines) {
  const absl::StatusOr<Compiled> result = CompileAt(DeepChain(4, 16, 32), 1000, false);
  ASSERT_EQ(result.status().code(), absl::StatusCode::kResourceExhausted) << result.status();
  const std::string message(result.status().message());
  EXPECT_THAT(message, HasSubstr("the memory limit of 1000 bytes"));
  EXPECT_THAT(message, HasSubstr("f32[16,32] at "));
  EXPECT_THAT(message, HasSubstr("models.cc:"));
}

TEST(RematTest, AGenerousLimitChangesNothing) {
  const ir::Graph graph = DeepChain(6, 16, 32);
  const absl::StatusOr<Compiled> free = CompileAt(graph, 0, false);
  passes::PipelineOptions options;
  options.after_remat = [](const passes::RematReport&) { ADD_FAILURE(); };
  const auto limited = CompileAt(graph, free->program().arena_bytes, false, options);
  ASSERT_TRUE(limited.ok());
  EXPECT_EQ(limited->program().step.size(), free->program().step.size());
}

// Kernels have buffers of their own, so that an arena is larger than what is alive: that must not
// make a smaller limit easier to meet than a larger one.
TEST(RematTest, ALargerLimitFitsWhereASmallerOneDoes) {
  const absl::StatusOr<ir::Model> model =
      ir::LoadModel(absl::StrCat(TENON_SOURCE_DIR, "/examples/models/cnn_train.tn"));
  ASSERT_TRUE(model.ok()) << model.status();
  passes::PipelineOptions options;
  const auto free = passes::CompileToProgram(model->graph, ir::X86Avx512(), options);
  ASSERT_TRUE(free.ok()) << free.status();
  bool smaller_fits = false;
  for (int percent = 70; percent < 100; percent += 2) {
    options.memory_limit = free->arena_bytes * percent / 100;
    const auto program = passes::CompileToProgram(model->graph, ir::X86Avx512(), options);
    if (program.ok()) EXPECT_LE(program->arena_bytes, options.memory_limit);
    EXPECT_GE(program.ok(), smaller_fits) << percent << "%: " << program.status();
    smaller_fits |= program.ok();
  }
  EXPECT_TRUE(smaller_fits);
}

// How much of the arena the plan leaves unused at the moment when most of it is used. A limit of
// one byte less than the roomy plan's makes the tight one.
TEST(ArenaTest, LittleIsLeftUnused) {
  struct Row {
    const char* name;
    ir::Graph graph;
    double most;
  };
  const Row rows[] = {{"MLP", MlpStep(64), 1.02},
                      {"CNN", CnnStep(16), 1.10},
                      {"transformer", TransformerStep({.layers = 3}), 1.10},
                      {"chain", DeepChain(12, 16, 32), 1.01}};
  for (const Row& row : rows) {
    const Compiled free = CompileAt(row.graph, 0, false).value();
    const int64_t peak = memory::PeakBytes(free.program()).value();
    const absl::StatusOr<Compiled> tight =
        CompileAt(row.graph, free.program().arena_bytes - 1, false);
    const int64_t bytes = tight.ok() ? tight->program().arena_bytes : free.program().arena_bytes;
    std::printf("%s: %ld bytes, tight %ld, alive at once %ld\n", row.name,
                free.program().arena_bytes, bytes, peak);
    EXPECT_LE(static_cast<double>(bytes), row.most * static_cast<double>(peak)) << row.name;
    EXPECT_LE(static_cast<double>(free.program().arena_bytes),
              1.25 * row.most * static_cast<double>(peak))
        << row.name;
  }
}

ir::Extents ExtentsOf(const ir::Graph& graph) {
  ir::Extents extents;
  for (const auto& [name, bound] : graph.Symbols()) extents[name] = std::min<int64_t>(bound, 3);
  return extents;
}

// A random graph with the gradients of its loss.
absl::StatusOr<ir::Graph> RandomStep(uint64_t seed) {
  const ir::Graph graph =
      passes::RandomGraph({.seed = seed, .num_ops = 40, .loss = true, .depth = 1});
  std::vector<std::string> wrt;
  for (const ir::Input& input : graph.inputs()) {
    if (ir::IsFloat(graph.type(input.value).dtype)) wrt.push_back(input.name);
  }
  return passes::Differentiate(graph, {.loss = "loss", .wrt = wrt});
}

TEST(RematTest, RandomGraphsAndTheirGradients) {
  int fitted = 0, refused = 0, computed_again = 0;
  passes::PipelineOptions options;
  options.after_remat = [&](const passes::RematReport& r) { computed_again += r.values > 0; };
  // Unfused, nearly every value is stored; fused, groups are what they are in programs.
  for (uint64_t seed = 0; seed < 60; ++seed) {
    const absl::StatusOr<ir::Graph> graph = RandomStep(seed);
    ASSERT_TRUE(graph.ok()) << graph.status();
    options.disabled_passes = {};
    if (seed % 2 == 0) options.disabled_passes.insert("fuse");
    const absl::StatusOr<Compiled> free = CompileAt(*graph, 0, false, options);
    ASSERT_TRUE(free.ok()) << free.status();
    const ir::Extents extents = ExtentsOf(*graph);
    const auto inputs = MakeInputs(*graph, ModelFills(*graph), extents, "remat").value();
    const auto expected = free->RunKernel(inputs, extents);
    for (double fraction : kFractions) {
      const auto limit =
          static_cast<int64_t>(fraction * static_cast<double>(free->program().arena_bytes));
      if (limit == 0) continue;
      const absl::StatusOr<Compiled> limited = CompileAt(*graph, limit, false, options);
      if (!limited.ok()) {
        EXPECT_EQ(limited.status().code(), absl::StatusCode::kResourceExhausted)
            << limited.status();
        ++refused;
        continue;
      }
      ++fitted;
      const auto actual = limited->RunKernel(inputs, extents);
      ASSERT_EQ(expected.ok(), actual.ok()) << expected.status() << actual.status();
      if (!expected.ok()) continue;
      for (size_t i = 0; i < expected->size(); ++i) {
        EXPECT_EQ(Difference((*expected)[i], (*actual)[i]), "")
            << "seed " << seed << " at " << fraction << "\n"
            << ir::Print(*graph);
      }
    }
    if (HasFailure()) break;
  }
  std::printf("%d fitted, %d of them by computing again, %d refused\n", fitted, computed_again,
              refused);
  EXPECT_GT(computed_again, 10);
}

}  // namespace
}  // namespace tenon::tests
