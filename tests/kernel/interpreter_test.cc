// What hand-written kernels compute, against plain C++.
#include "tenon/ir/kernel/interpreter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/kernel/samples.h"

namespace tenon::kernel {
namespace {

using ir::Literal;

Literal Ramp(std::vector<int64_t> dims, int seed) {
  Literal l(DType::kF32, std::move(dims));
  for (int64_t i = 0; i < l.size(); ++i) {
    l.mutable_data<float>()[i] = static_cast<float>((i * 37 + seed * 11) % 101 - 50) / 16;
  }
  return l;
}

class ThreadsTest : public testing::TestWithParam<int> {
 protected:
  // 0 stands for the strictest reading.
  InterpretOptions Options() const {
    return {.threads = std::max(1, GetParam()), .each_chunk_its_own_thread = GetParam() == 0};
  }
};

TEST_P(ThreadsTest, VectorAdd) {
  const Program program = VectorAddProgram();
  for (int64_t n : {0, 1, 15, 16, 17, 64, 65, 1000}) {
    const Literal x = Ramp({n}, 1), y = Ramp({n}, 2);
    const auto result = Interpret(program, {n}, {x, y}, Options());
    ASSERT_TRUE(result.ok()) << result.status();
    for (int64_t i = 0; i < n; ++i) {
      ASSERT_EQ(result->outputs[0].data<float>()[i], x.data<float>()[i] + y.data<float>()[i]);
    }
  }
}

TEST_P(ThreadsTest, PackedMatmul) {
  constexpr int64_t kM = 21, kK = 13, kN = 101;
  const Literal a = Ramp({kM, kK}, 1), b = Ramp({kK, kN}, 2);
  const auto result = Interpret(PackedMatmulProgram(kM, kK, kN), {}, {a, b}, Options());
  ASSERT_TRUE(result.ok()) << result.status();
  for (int64_t i = 0; i < kM; ++i) {
    for (int64_t j = 0; j < kN; ++j) {
      float sum = 0;
      for (int64_t k = 0; k < kK; ++k) {
        sum = std::fma(a.data<float>()[i * kK + k], b.data<float>()[k * kN + j], sum);
      }
      ASSERT_EQ(result->outputs[0].data<float>()[i * kN + j], sum) << i << "," << j;
    }
  }
}

TEST_P(ThreadsTest, Softmax) {
  constexpr int64_t kColumns = 37;
  const Literal x = Ramp({5, kColumns}, 3);
  const auto result = Interpret(SoftmaxProgram(), {5}, {x}, Options());
  ASSERT_TRUE(result.ok()) << result.status();
  for (int64_t r = 0; r < 5; ++r) {
    const float* row = x.data<float>().data() + r * kColumns;
    double sum = 0, top = *std::max_element(row, row + kColumns);
    for (int64_t i = 0; i < kColumns; ++i) sum += std::exp(row[i] - top);
    for (int64_t i = 0; i < kColumns; ++i) {
      // exp to 1 ulp, 37 additions and a division in f32: 1e-6 relative holds with room.
      const double expected = std::exp(row[i] - top) / sum;
      EXPECT_NEAR(result->outputs[0].data<float>()[r * kColumns + i], expected, 1e-6 * expected);
    }
  }
}

TEST_P(ThreadsTest, TileDot) {
  constexpr int64_t kM = 21, kPairs = 22;
  Literal x(DType::kBF16, {kM, 2 * kPairs}), y(DType::kI32, {kPairs, 16});
  for (int64_t i = 0; i < x.size(); ++i) x.SetFromDouble(i, static_cast<double>(i * 37 % 31 - 15));
  const auto half = [](int64_t i) { return static_cast<float>(i * 29 % 17 - 8); };
  for (int64_t i = 0; i < y.size(); ++i) {
    y.mutable_data<int32_t>()[i] =
        ir::F32ToBF16(half(2 * i)) | static_cast<int32_t>(ir::F32ToBF16(half(2 * i + 1)) << 16);
  }
  const auto result = Interpret(TileDotProgram(kM, kPairs), {}, {x, y}, Options());
  ASSERT_TRUE(result.ok()) << result.status();
  for (int64_t i = 0; i < kM; ++i) {
    for (int64_t j = 0; j < 16; ++j) {
      double sum = 0;  // exact: small integers
      for (int64_t k = 0; k < 2 * kPairs; ++k) {
        sum += x.GetAsDouble(i * 2 * kPairs + k) * half((k / 2 * 16 + j) * 2 + k % 2);
      }
      ASSERT_EQ(result->outputs[0].data<float>()[i * 16 + j], sum) << i << "," << j;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, ThreadsTest, testing::Values(0, 1, 2, 3, 7));

// Low and high halves are added up apart, and denormals count as zero wherever they appear.
TEST(InterpreterTest, TileDotAddsInItsOrder) {
  const auto run = [](std::vector<float> x, std::vector<float> y) {
    Literal a = Literal::Filled(DType::kBF16, {1, static_cast<int64_t>(x.size())}, 0);
    Literal b = Literal::Filled(DType::kI32, {static_cast<int64_t>(x.size()) / 2, 16}, 0);
    for (size_t i = 0; i < x.size(); ++i) {
      a.SetFromDouble(static_cast<int64_t>(i), x[i]);
      b.mutable_data<int32_t>()[i / 2 * 16] |=
          static_cast<int32_t>(uint32_t{ir::F32ToBF16(y[i])} << (i % 2 * 16));
    }
    const auto result =
        Interpret(TileDotProgram(1, static_cast<int64_t>(x.size()) / 2), {}, {a, b});
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? result->outputs[0].data<float>()[0] : -1;
  };
  // 2^24 + 1 rounds to 2^24; -2^24 + 1 does not. One chain would give 2.
  EXPECT_EQ(run({4096, -4096, 1, 1}, {4096, 4096, 1, 1}), 1);
  EXPECT_EQ(run({0x1p-130f, 0}, {0x1p10f, 0}), 0);                        // a denormal operand
  EXPECT_EQ(run({0x1p-70f, 0}, {0x1p-60f, 0}), 0);                        // a denormal product
  EXPECT_EQ(run({0x1p-63f, -0x1.8p-63f}, {0x1p-63f, 0x1p-63f}), 0);       // a denormal sum
  EXPECT_EQ(run({0x1p-63f, 0x1p-63f}, {0x1p-63f, 0x1p-63f}), 0x1p-125f);  // all normal
}

TEST(InterpreterTest, RefusesWhatDoesNotFit) {
  const Program program = VectorAddProgram();
  const Literal x = Ramp({4}, 1);
  EXPECT_EQ(Interpret(program, {1001}, {x, x}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Interpret(program, {}, {x, x}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Interpret(program, {5}, {x, x}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Interpret(program, {4}, {x}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Interpret(program, {4}, {x, x, x}).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace tenon::kernel
