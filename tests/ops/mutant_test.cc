// The sanitizer sees: whatever barrier, mask or offset step is left out of a scheduled program of
// the op suite, the kernel interpreter reports it or gives other outputs, unless nothing that is
// written changes (tests/mutate/mutate.h).
#include <gtest/gtest.h>

#include <set>

#include "tenon/ir/target.h"
#include "tenon/passes/compile.h"
#include "tests/mutate/mutate.h"
#include "tests/ops/sample.h"

namespace tenon::tests {
namespace {

// The updates of these cover every row of the operand, so what is copied there first is never seen,
// wrong or right.
const std::set<std::string> kOverwritten = {"scatter/0/wide"};

std::vector<kernel::MutationInput> Inputs(const Sample& sample, const BuiltSample& built,
                                          const kernel::Program& program) {
  std::vector<kernel::MutationInput> inputs;
  for (const ir::Extents& extents : sample.extents) {
    kernel::MutationInput& input = inputs.emplace_back();
    for (const kernel::Symbol& symbol : program.symbols) {
      input.extents.push_back(extents.at(symbol.name));
    }
    auto literals = MakeInputs(built.graph, built.fills, extents, sample.name);
    EXPECT_TRUE(literals.ok()) << literals.status();
    if (literals.ok()) input.inputs = *std::move(literals);
  }
  return inputs;
}

void CheckMutants(const ir::TargetDesc& target, passes::Numerics numerics) {
  int total = 0, harmless = 0;
  for (const Sample& sample : AllSamples()) {
    if (kOverwritten.count(sample.name) > 0) continue;
    SCOPED_TRACE(sample.name);
    const absl::StatusOr<BuiltSample> built = BuildSample(sample);
    ASSERT_TRUE(built.ok()) << built.status();
    passes::PipelineOptions options;
    options.numerics = numerics;
    const auto program = passes::ScheduleProgram(built->graph, target, options);
    ASSERT_TRUE(program.ok()) << program.status();
    const kernel::MutationReport report =
        kernel::RunMutants(*program, Inputs(sample, *built, *program));
    EXPECT_TRUE(report.survivors.empty()) << report.ToString(*program);
    total += report.total;
    harmless += report.harmless;
  }
  // Else the check would be about nothing.
  EXPECT_GT(total, 4000);
  EXPECT_LT(harmless, total / 8);
}

TEST(Mutants, AreNoticedAtStandard) { CheckMutants(ir::X86Avx512(), passes::Numerics::kStandard); }
TEST(Mutants, AreNoticedAtExact) { CheckMutants(ir::X86Avx2(), passes::Numerics::kExact); }

}  // namespace
}  // namespace tenon::tests
