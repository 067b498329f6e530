// Random graphs, forward and gradient, through the whole compiler: with all passes, with none, and
// with a random subset, at `exact` and at `standard`. Kernel interpreter and native code agree to
// the bit; at `exact` they give the graph interpreter's bits, at `standard` every element lies in
// the interval that the roundings allow (enclosure.h), and those of smooth graphs within a
// tolerance that is mostly narrower.
//
// A graph that fails is printed as text, with its seed. 300 graphs run in the ordinary suite,
// 11,000 with the slow ones (the disabled tests).
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tenon/codegen/host.h"
#include "tenon/ir/check.h"
#include "tenon/ir/interpreter.h"
#include "tenon/ir/text.h"
#include "tenon/passes/grad/grad.h"
#include "tenon/passes/pass.h"
#include "tests/ops/stages.h"
#include "tests/random/enclosure.h"
#include "tests/random/generator.h"

namespace tenon::tests {
namespace {

using ir::Literal;
using passes::Numerics;

// f64, values of order 1, some tens of ops: reordering moves the last digits only.
constexpr double kSmoothTolerance = 1e-9;

std::set<std::string, std::less<>> AllPassNames() {
  std::set<std::string, std::less<>> names = {"fuse"};
  for (const passes::PassInfo& pass : passes::AllPasses()) {
    // Calls must be inlined: lowering knows no other way to run them.
    if (pass.id != passes::PassId::kInline) names.insert(std::string(pass.name));
  }
  return names;
}

// The passes that are left out: none, all, or some.
std::set<std::string, std::less<>> Disabled(int variant, uint64_t seed) {
  if (variant == 0) return {};
  std::set<std::string, std::less<>> names = AllPassNames();
  if (variant == 1) return names;
  uint64_t bits = (seed + 1) * 0x9e3779b97f4a7c15;
  for (auto it = names.begin(); it != names.end();) {
    it = (bits = bits * 6364136223846793005 + 1442695040888963407) >> 63 ? names.erase(it)
                                                                         : std::next(it);
  }
  return names;
}

std::string Compare(const std::vector<Literal>& expected, const std::vector<Literal>& actual,
                    double tolerance) {
  for (size_t i = 0; i < expected.size(); ++i) {
    const std::string difference = tolerance == 0 ? Difference(expected[i], actual[i])
                                                  : Difference(expected[i], actual[i], tolerance);
    if (!difference.empty()) return absl::StrCat("output ", i, ": ", difference);
  }
  return "";
}

// One graph at the extents of one run, and what may come out.
struct Run {
  ir::Extents extents;
  std::vector<Literal> inputs;
  std::vector<Literal> exact;
  std::vector<Enclosure> bounds;
};

// How many elements of floats have been enclosed, and how many closely: within a thousandth of the
// values' order of magnitude.
struct Closeness {
  int64_t elements = 0, close = 0;
} closeness;

void CountClose(const Enclosure& enclosure) {
  if (!ir::IsFloat(enclosure.dtype)) return;
  for (const Interval& e : enclosure.elements) {
    ++closeness.elements;
    closeness.close += e.high - e.low <= 1e-3 * std::max(1.0, e.magnitude());
  }
}

absl::StatusOr<std::vector<Run>> PrepareRuns(const ir::Graph& graph, const RandomGraph& random,
                                             uint64_t seed, bool has_fma) {
  std::vector<Run> runs;
  for (const ir::Extents& extents : random.extents) {
    Run run{extents, {}, {}, {}};
    TENON_ASSIGN_OR_RETURN(run.inputs,
                           MakeInputs(graph, random.fills, extents, absl::StrCat(seed)));
    TENON_ASSIGN_OR_RETURN(
        run.exact, ir::Interpret(graph, run.inputs, {.has_fma = has_fma, .extents = extents}));
    TENON_ASSIGN_OR_RETURN(run.bounds, Enclose(graph, run.inputs, extents));
    for (size_t i = 0; i < run.exact.size(); ++i) {
      CountClose(run.bounds[i]);
      const std::string outside = Outside(run.bounds[i], run.exact[i]);
      if (outside.empty()) continue;
      return absl::InternalError(
          absl::StrCat("exact, output ", i, ": ", outside, " at ", ExtentsToString(extents)));
    }
    runs.push_back(std::move(run));
  }
  return runs;
}

// Whether the results of one run are what the numerics promise: empty, or what differs.
std::string CheckResults(const Run& run, const std::vector<Literal>& results,
                         passes::Numerics numerics, bool smooth) {
  if (numerics == Numerics::kExact) return Compare(run.exact, results, 0);
  for (size_t i = 0; i < results.size(); ++i) {
    const std::string outside = Outside(run.bounds[i], results[i]);
    if (!outside.empty()) return absl::StrCat("output ", i, ": ", outside);
  }
  return smooth ? Compare(run.exact, results, kSmoothTolerance) : "";
}

// One graph, one setting: empty, or what went wrong.
std::string CheckSetting(const ir::Graph& graph, const std::vector<Run>& runs,
                         const passes::PipelineOptions& options, bool smooth, bool native) {
  const ir::TargetDesc target = codegen::HostTarget();
  absl::StatusOr<Compiled> compiled = Compiled::Make(graph, target, options, native);
  if (!compiled.ok()) return absl::StrCat("compiling: ", compiled.status().ToString());
  for (const Run& run : runs) {
    const std::string at = absl::StrCat(" at ", ExtentsToString(run.extents));
    auto kernel = compiled->RunKernel(run.inputs, run.extents);
    if (!kernel.ok()) return absl::StrCat("kernel interpreter: ", kernel.status().ToString(), at);
    const std::string wrong = CheckResults(run, *kernel, options.numerics, smooth);
    if (!wrong.empty()) return absl::StrCat("graph against kernel IR: ", wrong, at);
    if (!native) continue;
    for (int threads : {1, 3}) {
      auto result = compiled->RunNative(run.inputs, run.extents, threads,
                                        threads == 1 ? Guard::kAtEnd : Guard::kAtStart);
      if (!result.ok()) return absl::StrCat("native: ", result.status().ToString(), at);
      const std::string difference = Compare(*kernel, *result, 0);
      if (!difference.empty()) {
        return absl::StrCat("kernel IR against native on ", threads, " threads: ", difference, at);
      }
    }
  }
  return "";
}

// The graph with the gradients of the sum of its outputs; an error where an op has none.
absl::StatusOr<ir::Graph> WithGradients(const ir::Graph& graph) {
  std::unique_ptr<ir::GraphBuilder> b = ir::GraphBuilder::Continue(graph);
  std::vector<std::pair<std::string, ir::Value>> outputs;
  ir::Value loss;
  for (const ir::Output& out : graph.outputs()) {
    const ir::Value v = b->ValueOf(out.value);
    outputs.emplace_back(out.name, v);
    const ir::Value sum = ir::ReduceSum(v);
    loss = loss.builder() == nullptr ? sum : loss + sum;
  }
  outputs.emplace_back("loss", loss);
  absl::StatusOr<ir::Graph> with_loss = b->Build(std::move(outputs));
  if (!with_loss.ok()) return with_loss;
  std::vector<std::string> wrt;
  for (const ir::Input& in : with_loss->inputs()) {
    if (ir::IsFloat(with_loss->type(in.value).dtype)) wrt.push_back(in.name);
  }
  return passes::Differentiate(*with_loss, {.loss = "loss", .wrt = wrt});
}

// The derivative along one random direction against a central difference.
std::string CheckDirection(const ir::Graph& graph, const RandomGraph& random, uint64_t seed) {
  const ir::Extents& extents = random.extents[0];
  absl::StatusOr<std::vector<Literal>> inputs =
      MakeInputs(graph, random.fills, extents, absl::StrCat(seed));
  if (!inputs.ok()) return inputs.status().ToString();
  std::vector<Fill> directions(random.fills.size(), Uniform(-1, 1));
  absl::StatusOr<std::vector<Literal>> direction =
      MakeInputs(graph, directions, extents, absl::StrCat("direction", seed));
  auto base = ir::Interpret(graph, *inputs, {.extents = extents});
  if (!base.ok()) return base.status().ToString();
  const int loss = graph.FindOutput("loss");
  constexpr double kStep = 1e-5;
  double along = 0, values[2], magnitude = 1;
  for (int side = 0; side < 2; ++side) {
    std::vector<Literal> moved = *inputs;
    for (size_t i = 0; i < moved.size(); ++i) {
      const int gradient = graph.FindOutput("grad/" + graph.inputs()[i].name);
      if (gradient < 0) continue;
      for (int64_t e = 0; e < moved[i].size(); ++e) {
        const double d = (*direction)[i].GetAsDouble(e);
        moved[i].SetFromDouble(e, moved[i].GetAsDouble(e) + (side == 0 ? kStep : -kStep) * d);
        if (side == 0) {
          const double product = (*base)[gradient].GetAsDouble(e) * d;
          along += product;
          magnitude += std::abs(product);
        }
      }
    }
    auto out = ir::Interpret(graph, moved, {.extents = extents});
    if (!out.ok()) return out.status().ToString();
    values[side] = (*out)[loss].GetAsDouble(0);
  }
  const double difference = (values[0] - values[1]) / (2 * kStep);
  // Truncation: the third derivative of chains of ten or more functions reaches the thousands.
  const double tolerance = 1e-5 * magnitude + 1e-10 * std::abs(values[0]) / kStep;
  if (std::abs(difference - along) <= tolerance) return "";
  return absl::StrCat("the derivative along a direction is ", along, ", by differences ",
                      difference);
}

// How many of a graph's settings get native code, whose generation takes most of the time.
enum class Share : uint8_t { kOne, kAll };

std::string CheckSeed(uint64_t seed, Share share) {
  absl::StatusOr<RandomGraph> random = Generate(seed);
  if (!random.ok()) return absl::StrCat("generator: ", random.status().ToString());
  absl::StatusOr<ir::Graph> gradient = WithGradients(random->graph);
  if (!gradient.ok()) return absl::StrCat("gradient: ", gradient.status().ToString());
  if (random->smooth) {
    std::string problem = CheckDirection(*gradient, *random, seed);
    if (!problem.empty()) return absl::StrCat(problem, "\n", ir::Print(*gradient));
  }
  int setting = 0;
  for (const ir::Graph* graph : {&random->graph, &*gradient}) {
    absl::StatusOr<std::vector<Run>> runs =
        PrepareRuns(*graph, *random, seed, codegen::HostTarget().has_fma);
    if (!runs.ok()) return absl::StrCat(runs.status().ToString(), "\n", ir::Print(*graph));
    for (int variant = 0; variant < 6; ++variant) {
      passes::PipelineOptions options;
      options.numerics = variant < 3 ? Numerics::kExact : Numerics::kStandard;
      options.disabled_passes = Disabled(variant % 3, seed);
      options.verify_after_each = true;
      const bool turn = setting++ % 6 == static_cast<int>(seed % 6);
      const std::string problem =
          CheckSetting(*graph, *runs, options, random->smooth, share == Share::kAll || turn);
      if (problem.empty()) continue;
      return absl::StrCat(variant < 3 ? "exact" : "standard", ", without passes {",
                          absl::StrJoin(options.disabled_passes, ","), "}: ", problem, "\n",
                          ir::Print(*graph));
    }
  }
  return "";
}

void CheckSeeds(uint64_t first, uint64_t count, Share share) {
  int failures = 0;
  closeness = {};
  for (uint64_t seed = first; seed < first + count && failures < 10; ++seed) {
    static std::string name;
    name = absl::StrCat("random graph of seed ", seed);
    SetRunning(name.c_str());
    const std::string problem = CheckSeed(seed, share);
    if (problem.empty()) continue;
    ++failures;
    ADD_FAILURE() << "seed " << seed << ": " << problem;
  }
  // Nearly 90 in 100 are: bounds that any result would meet show nothing.
  EXPECT_GE(closeness.close * 10, closeness.elements * 8) << "elements enclosed closely";
}

// TENON_RANDOM_GRAPHS in the environment sets how many in place of 300, as for the passes' own
// test.
TEST(RandomGraphs, Ordinary) {
  const char* count = std::getenv("TENON_RANDOM_GRAPHS");
  CheckSeeds(0, count != nullptr ? std::strtoull(count, nullptr, 10) : 300, Share::kOne);
}
TEST(RandomGraphs, DISABLED_TenThousand) { CheckSeeds(1000, 10000, Share::kOne); }
TEST(RandomGraphs, DISABLED_ThousandInFull) { CheckSeeds(20000, 1000, Share::kAll); }

}  // namespace
}  // namespace tenon::tests
