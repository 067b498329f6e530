// The sanitizer notices every mutant of the sample programs that is not equivalent.
#include "tests/mutate/mutate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/kernel/samples.h"

namespace tenon::kernel {
namespace {

using ir::Literal;

Literal Ramp(std::vector<int64_t> dims, int seed) {
  Literal l(DType::kF32, std::move(dims));
  for (int64_t i = 0; i < l.size(); ++i) {
    l.mutable_data<float>()[i] = static_cast<float>((i * 37 + seed * 11) % 89 - 44) / 16;
  }
  return l;
}

TEST(MutateTest, VectorAdd) {
  const Program program = VectorAddProgram();
  const std::vector<MutationInput> inputs = {{{100}, {Ramp({100}, 1), Ramp({100}, 2)}},
                                             {{1}, {Ramp({1}, 1), Ramp({1}, 2)}}};
  const MutationReport report = RunMutants(program, inputs);
  EXPECT_GE(report.total, 3);  // three masks; offsets are the loop counter itself
  EXPECT_TRUE(report.survivors.empty()) << report.ToString(program);
}

TEST(MutateTest, PackedMatmul) {
  const Program program = PackedMatmulProgram(21, 13, 101);
  const MutationReport report =
      RunMutants(program, {{{}, {Ramp({21, 13}, 1), Ramp({13, 101}, 2)}}});
  EXPECT_GE(report.total, 13);
  EXPECT_TRUE(report.survivors.empty()) << report.ToString(program);
}

TEST(MutateTest, TileDot) {
  const Program program = TileDotProgram(21, 22);
  Literal x(DType::kBF16, {21, 44}), y(DType::kI32, {22, 16});
  for (int64_t i = 0; i < x.size(); ++i) x.SetFromDouble(i, static_cast<double>(i * 37 % 89) / 16);
  for (int64_t i = 0; i < y.size(); ++i) {
    // 1.0 and a little more in either half.
    y.mutable_data<int32_t>()[i] = 0x3f803f80 + static_cast<int32_t>(i % 7 + (i % 5 << 16));
  }
  const MutationReport report = RunMutants(program, {{{}, {x, y}}});
  EXPECT_GE(report.total, 6);  // four masks of loads, one of a store, and an offset
  EXPECT_TRUE(report.survivors.empty()) << report.ToString(program);
}

TEST(MutateTest, Softmax) {
  const Program program = SoftmaxProgram();
  const MutationReport report = RunMutants(program, {{{5}, {Ramp({5, 37}, 3)}}});
  EXPECT_GE(report.total, 9);
  EXPECT_TRUE(report.survivors.empty()) << report.ToString(program);
}

// A mask that never bites makes an equivalent mutant.
TEST(MutateTest, EquivalentMutantsAreHarmless) {
  const Program program = VectorAddProgram();
  const MutationReport report = RunMutants(program, {{{32}, {Ramp({32}, 1), Ramp({32}, 2)}}});
  EXPECT_EQ(report.harmless, report.total);
  EXPECT_TRUE(report.survivors.empty()) << report.ToString(program);
}

}  // namespace
}  // namespace tenon::kernel
