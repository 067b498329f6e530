// The op suite on scheduled programs: every sample is lowered for every target and level of
// numerics, and run in the kernel interpreter with every chunk a thread of its own. There must be
// no report, and at `exact` the graph interpreter's bits.
#include <gtest/gtest.h>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "tenon/ir/interpreter.h"
#include "tenon/ir/kernel/interpreter.h"
#include "tenon/ir/kernel/text.h"
#include "tenon/ir/target.h"
#include "tenon/passes/compile.h"
#include "tests/ops/sample.h"

namespace tenon::tests {
namespace {

struct Setting {
  std::string name;
  ir::TargetDesc target;
  passes::Numerics numerics;
};

std::vector<Setting> Settings() {
  return {{"avx2 exact", ir::X86Avx2(), passes::Numerics::kExact},
          {"avx512 standard", ir::X86Avx512(), passes::Numerics::kStandard},
          {"sse2 standard", ir::X86Sse2(), passes::Numerics::kStandard}};
}

std::vector<int64_t> ExtentList(const kernel::Program& program, const ir::Extents& extents) {
  std::vector<int64_t> list;
  for (const kernel::Symbol& symbol : program.symbols) {
    auto it = extents.find(symbol.name);
    list.push_back(it == extents.end() ? 0 : it->second);
  }
  return list;
}

// Empty, or what is wrong.
std::string Check(const Sample& sample, const BuiltSample& built, const Setting& setting) {
  passes::PipelineOptions options;
  options.numerics = setting.numerics;
  options.verify_after_each = true;
  const absl::StatusOr<kernel::Program> program =
      passes::ScheduleProgram(built.graph, setting.target, options);
  if (!program.ok()) return program.status().ToString();
  for (const ir::Extents& extents : sample.extents) {
    const auto inputs = MakeInputs(built.graph, built.fills, extents, sample.name);
    if (!inputs.ok()) return inputs.status().ToString();
    const auto expected = ir::Interpret(built.graph, *inputs, {.extents = extents});
    if (!expected.ok()) return expected.status().ToString();
    const auto result = kernel::Interpret(*program, ExtentList(*program, extents), *inputs,
                                          {.each_chunk_its_own_thread = true});
    if (!result.ok()) return absl::StrCat(ExtentsToString(extents), result.status().ToString());
    if (result->status != 0) return absl::StrCat("fault ", result->status);
    for (size_t i = 0; i < expected->size(); ++i) {
      // `standard` changes the order of sums and products only: a few rounding errors of the
      // largest element, of f16 and bf16 as much as one unit in their last place.
      const ir::DType dtype = (*expected)[i].dtype();
      const double tolerance = dtype == ir::DType::kF64    ? 1e-13
                               : dtype == ir::DType::kF32  ? 1e-5
                               : dtype == ir::DType::kF16  ? 2e-3
                               : dtype == ir::DType::kBF16 ? 2e-2
                                                           : 0;
      const std::string difference =
          setting.numerics == passes::Numerics::kExact
              ? Difference(result->outputs[i], (*expected)[i])
              : Difference(result->outputs[i], (*expected)[i], tolerance);
      if (!difference.empty()) return absl::StrCat(ExtentsToString(extents), " ", difference);
    }
  }
  return "";
}

class Programs : public testing::TestWithParam<Sample> {};

TEST_P(Programs, RunInTheKernelInterpreter) {
  const absl::StatusOr<BuiltSample> built = BuildSample(GetParam());
  ASSERT_TRUE(built.ok()) << built.status();
  for (const Setting& setting : Settings()) {
    EXPECT_EQ(Check(GetParam(), *built, setting), "") << setting.name;
  }
}

INSTANTIATE_TEST_SUITE_P(Samples, Programs, testing::ValuesIn(AllSamples()),
                         [](const testing::TestParamInfo<Sample>& info) {
                           std::string name = info.param.name;
                           for (char& c : name) {
                             if (!absl::ascii_isalnum(static_cast<unsigned char>(c))) c = '_';
                           }
                           return name;
                         });

}  // namespace
}  // namespace tenon::tests
