// What the tests of contractions share that run natively.
#ifndef TENON_TESTS_CONTRACT_NATIVE_H_
#define TENON_TESTS_CONTRACT_NATIVE_H_

#include <cmath>
#include <vector>

#include "tenon/codegen/artifact.h"
#include "tenon/codegen/jit.h"
#include "tests/codegen/harness.h"
#include "tests/contract/support.h"

namespace tenon::contract {

// Numbers with all their digits, so that the order of a sum shows.
inline ir::Literal Digits(ir::DType dtype, std::vector<int64_t> dims, double seed) {
  ir::Literal literal(dtype, std::move(dims));
  for (int64_t i = 0; i < literal.size(); ++i) {
    literal.SetFromDouble(i, std::sin(seed + 0.37 * static_cast<double>(i)));
  }
  return literal;
}

// What native runs are held to, beside each other. The interpreter takes its time.
enum class Oracle { kInterpreter, kNone };

// A target as if it loaded half as many vectors as it multiplies: tiles hold some of their rows.
inline ir::TargetDesc WithSlowLoads(ir::TargetDesc target) {
  target.fma_per_cycle = 2;
  target.vector_loads_per_cycle = 1;
  return target;
}

// Outputs of the graph as scheduled for `target`: to the bit the same on one, two and three
// threads, with the guard page behind each buffer or before it, and what the oracle gives.
inline std::vector<ir::Literal> RunNatively(const ir::Graph& graph, const ir::TargetDesc& target,
                                            const std::vector<int64_t>& extents,
                                            const std::vector<ir::Literal>& inputs,
                                            Oracle oracle = Oracle::kInterpreter) {
  absl::StatusOr<kernel::Program> program = passes::ScheduleProgram(graph, target, {});
  EXPECT_TRUE(program.ok()) << program.status();
  if (!program.ok()) return {};
  absl::StatusOr<codegen::Artifact> artifact = codegen::Compile(*program, target);
  EXPECT_TRUE(artifact.ok()) << artifact.status();
  if (!artifact.ok()) return {};
  auto loaded = codegen::Load(*artifact);
  EXPECT_TRUE(loaded.ok()) << loaded.status();
  if (!loaded.ok()) return {};
  std::vector<ir::Literal> first;
  for (int threads : {1, 2, 3}) {
    const auto run = codegen::RunNative(*program, *artifact, **loaded, extents, inputs, threads,
                                        /*guard_start=*/threads % 2 == 0);
    EXPECT_TRUE(run.ok()) << run.status();
    if (!run.ok()) return {};
    EXPECT_EQ(run->status, TENON_OK);
    if (first.empty()) first = run->outputs;
    EXPECT_EQ(first, run->outputs) << threads << " threads";
  }
  if (oracle == Oracle::kNone) return first;
  const auto expected = kernel::Interpret(*program, extents, inputs, {.threads = 2});
  EXPECT_TRUE(expected.ok()) << expected.status();
  if (expected.ok()) EXPECT_EQ(expected->outputs, first) << "native against interpreter";
  return first;
}

}  // namespace tenon::contract

#endif  // TENON_TESTS_CONTRACT_NATIVE_H_
