// What the tests of lowering share: schedule a graph, run it in the kernel interpreter with several
// numbers of threads, and compare with values.
#ifndef TENON_TESTS_LOWER_SUPPORT_H_
#define TENON_TESTS_LOWER_SUPPORT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "gtest/gtest.h"
#include "tenon/ir/builder.h"
#include "tenon/ir/kernel/interpreter.h"
#include "tenon/ir/kernel/text.h"
#include "tenon/ir/kernel/verifier.h"
#include "tenon/passes/compile.h"

namespace tenon::lower {

inline ir::Literal Tensor(std::vector<int64_t> dims, std::vector<float> values) {
  return ir::Literal::FromSpan<float>(std::move(dims), absl::MakeConstSpan(values));
}

// Numbers that are neither equal nor special: multiples of 1/16 in a fixed pattern.
inline ir::Literal Pattern(ir::DType dtype, std::vector<int64_t> dims, int seed = 1) {
  ir::Literal literal(dtype, std::move(dims));
  uint32_t state = 2463534242u + static_cast<uint32_t>(seed) * 7919u;
  for (int64_t i = 0; i < literal.size(); ++i) {
    state = state * 1664525u + 1013904223u;
    const int step = static_cast<int>(state >> 24) - 128;
    literal.SetFromDouble(i, ir::IsFloat(dtype)          ? step / 16.0
                             : dtype == ir::DType::kBool ? (step & 1)
                                                         : step & 31);
  }
  return literal;
}

struct RunOptions {
  passes::PipelineOptions pipeline;
  std::vector<int64_t> extents;
};

// The outputs at 1, 2, 3 and 8 threads, which must agree to the bit, without a report.
inline std::vector<ir::Literal> RunProgram(const ir::Graph& graph,
                                           const std::vector<ir::Literal>& inputs,
                                           RunOptions options = {}) {
  options.pipeline.verify_after_each = true;
  absl::StatusOr<kernel::Program> program =
      passes::ScheduleProgram(graph, ir::X86Avx2(), options.pipeline);
  EXPECT_TRUE(program.ok()) << program.status();
  if (!program.ok()) return {};
  std::vector<ir::Literal> first;
  for (int threads : {1, 2, 3, 8}) {
    absl::StatusOr<kernel::InterpretResult> result =
        kernel::Interpret(*program, options.extents, inputs, {.threads = threads});
    EXPECT_TRUE(result.ok()) << result.status() << "\n" << kernel::Print(*program);
    if (!result.ok()) return {};
    EXPECT_EQ(result->status, 0);
    if (threads == 1) {
      first = result->outputs;
    } else {
      EXPECT_EQ(first, result->outputs) << threads << " threads";
    }
  }
  return first;
}

inline void ExpectNear(const ir::Literal& actual, const std::vector<double>& expected,
                       double tolerance) {
  ASSERT_EQ(actual.size(), static_cast<int64_t>(expected.size()));
  for (int64_t i = 0; i < actual.size(); ++i) {
    EXPECT_NEAR(actual.GetAsDouble(i), expected[i], tolerance) << "element " << i;
  }
}

}  // namespace tenon::lower

#endif  // TENON_TESTS_LOWER_SUPPORT_H_
