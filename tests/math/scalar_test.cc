// ir/scalar.h: what each operation means on each type, at the places where types differ.
#include "tenon/ir/scalar.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "gtest/gtest.h"

namespace tenon::ir {
namespace {

constexpr DType kAllTypes[] = {DType::kF32, DType::kF64, DType::kBF16, DType::kF16, DType::kI8,
                               DType::kU8,  DType::kI32, DType::kI64,  DType::kBool};
constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

double Eval(ScalarOp op, DType type, std::vector<double> values, bool has_fma = true) {
  ScalarValue args[3];
  for (size_t i = 0; i < values.size(); ++i) {
    const bool condition = op == ScalarOp::kSelect && i == 0;
    args[i] = ScalarValue::FromDouble(condition ? DType::kBool : type, values[i]);
  }
  return EvalScalarOp(op, ScalarResultType(op, type), has_fma, args).ToDouble();
}
int64_t EvalInt(ScalarOp op, DType type, std::vector<int64_t> values) {
  ScalarValue args[3];
  for (size_t i = 0; i < values.size(); ++i) args[i] = ScalarValue::FromInt(type, values[i]);
  return EvalScalarOp(op, ScalarResultType(op, type), true, args).ToInt();
}
double Cast(DType from, double value, DType to) {
  const ScalarValue arg = ScalarValue::FromDouble(from, value);
  return EvalScalarOp(ScalarOp::kCast, to, true, &arg).ToDouble();
}

TEST(ScalarTest, ArithmeticOnEveryNumber) {
  for (DType t : kAllTypes) {
    if (t == DType::kBool) continue;
    EXPECT_EQ(Eval(ScalarOp::kAdd, t, {5, 3}), 8) << DTypeName(t);
    EXPECT_EQ(Eval(ScalarOp::kSub, t, {5, 3}), 2);
    EXPECT_EQ(Eval(ScalarOp::kMul, t, {5, 3}), 15);
    EXPECT_EQ(Eval(ScalarOp::kDiv, t, {6, 3}), 2);
    EXPECT_EQ(Eval(ScalarOp::kRem, t, {7, 4}), 3);
    EXPECT_EQ(Eval(ScalarOp::kMax, t, {7, 4}), 7);
    EXPECT_EQ(Eval(ScalarOp::kMin, t, {7, 4}), 4);
    EXPECT_EQ(Eval(ScalarOp::kFma, t, {7, 4, 2}), 30);
    EXPECT_EQ(Eval(ScalarOp::kAbs, t, {7}), 7);
    EXPECT_EQ(Eval(ScalarOp::kSign, t, {7}), 1);
    EXPECT_EQ(Eval(ScalarOp::kFloor, t, {7}), 7);
    EXPECT_EQ(Eval(ScalarOp::kLt, t, {4, 7}), 1);
    EXPECT_EQ(Eval(ScalarOp::kGe, t, {4, 7}), 0);
    EXPECT_EQ(Eval(ScalarOp::kNe, t, {4, 4}), 0);
    EXPECT_EQ(Eval(ScalarOp::kIsFinite, t, {4}), 1);
    EXPECT_EQ(Eval(ScalarOp::kSelect, t, {1, 4, 5}), 4);
    EXPECT_EQ(Eval(ScalarOp::kSelect, t, {0, 4, 5}), 5);
  }
}

TEST(ScalarTest, IntegersWrapAndDivideByZero) {
  EXPECT_EQ(EvalInt(ScalarOp::kAdd, DType::kI8, {127, 1}), -128);
  EXPECT_EQ(EvalInt(ScalarOp::kMul, DType::kU8, {16, 17}), 16);
  EXPECT_EQ(EvalInt(ScalarOp::kNeg, DType::kU8, {1}), 255);
  EXPECT_EQ(EvalInt(ScalarOp::kMul, DType::kI32, {1 << 30, 6}), INT32_MIN);
  EXPECT_EQ(EvalInt(ScalarOp::kAdd, DType::kI64, {INT64_MAX, 1}), INT64_MIN);
  const std::pair<DType, int64_t> lowest[] = {
      {DType::kI8, INT8_MIN}, {DType::kI32, INT32_MIN}, {DType::kI64, INT64_MIN}};
  for (auto [t, low] : lowest) {
    EXPECT_EQ(EvalInt(ScalarOp::kDiv, t, {low, -1}), low);
    EXPECT_EQ(EvalInt(ScalarOp::kRem, t, {low, -1}), 0);
    EXPECT_EQ(EvalInt(ScalarOp::kAbs, t, {low}), low);
    EXPECT_EQ(EvalInt(ScalarOp::kDiv, t, {7, 0}), 0);
    EXPECT_EQ(EvalInt(ScalarOp::kRem, t, {7, 0}), 7);
    EXPECT_EQ(EvalInt(ScalarOp::kDiv, t, {-7, 2}), -3);
    EXPECT_EQ(EvalInt(ScalarOp::kRem, t, {-7, 2}), -1);
    EXPECT_EQ(EvalInt(ScalarOp::kSign, t, {-7}), -1);
  }
}

TEST(ScalarTest, ShiftsTakeTheirCountModuloTheWidth) {
  EXPECT_EQ(EvalInt(ScalarOp::kShl, DType::kI8, {1, 9}), 2);
  EXPECT_EQ(EvalInt(ScalarOp::kShl, DType::kI32, {1, 33}), 2);
  EXPECT_EQ(EvalInt(ScalarOp::kShl, DType::kI64, {1, 64}), 1);
  EXPECT_EQ(EvalInt(ScalarOp::kShrLogical, DType::kI8, {-1, 1}), 127);
  EXPECT_EQ(EvalInt(ScalarOp::kShrArithmetic, DType::kI8, {-2, 1}), -1);
  EXPECT_EQ(EvalInt(ScalarOp::kShrArithmetic, DType::kU8, {254, 1}), 255);  // as signed
  EXPECT_EQ(EvalInt(ScalarOp::kNot, DType::kI32, {0}), -1);
  EXPECT_EQ(EvalInt(ScalarOp::kNot, DType::kBool, {1}), 0);
  EXPECT_EQ(EvalInt(ScalarOp::kXor, DType::kBool, {1, 1}), 0);
}

TEST(ScalarTest, MaxAndMinPassNaN) {
  for (DType t : {DType::kF32, DType::kF64, DType::kBF16, DType::kF16}) {
    for (ScalarOp op : {ScalarOp::kMax, ScalarOp::kMin}) {
      EXPECT_TRUE(std::isnan(Eval(op, t, {kNaN, 1})));
      EXPECT_TRUE(std::isnan(Eval(op, t, {1, kNaN})));
    }
    // Equal zeros: the second one.
    EXPECT_FALSE(std::signbit(Eval(ScalarOp::kMax, t, {-0.0, 0.0})));
    EXPECT_TRUE(std::signbit(Eval(ScalarOp::kMax, t, {0.0, -0.0})));
    EXPECT_TRUE(std::isnan(Eval(ScalarOp::kSign, t, {kNaN})));
    EXPECT_TRUE(std::signbit(Eval(ScalarOp::kSign, t, {-0.0})));
    EXPECT_EQ(Eval(ScalarOp::kEq, t, {kNaN, kNaN}), 0);
    EXPECT_EQ(Eval(ScalarOp::kNe, t, {kNaN, kNaN}), 1);
    EXPECT_EQ(Eval(ScalarOp::kIsFinite, t, {kNaN}), 0);
    EXPECT_EQ(Eval(ScalarOp::kIsFinite, t, {-kInf}), 0);
    EXPECT_EQ(Eval(ScalarOp::kRound, t, {2.5}), 2);
    EXPECT_EQ(Eval(ScalarOp::kRound, t, {-3.5}), -4);
    EXPECT_EQ(Eval(ScalarOp::kRem, t, {-7.5, 2}), -1.5);
  }
}

TEST(ScalarTest, FmaRoundsOnceOnlyWhereFused) {
  const double a = 1 + 0x1p-12, product = a * a;  // needs 25 bits
  EXPECT_EQ(Eval(ScalarOp::kFma, DType::kF32, {a, a, -1}, true), static_cast<float>(product - 1));
  EXPECT_EQ(Eval(ScalarOp::kFma, DType::kF32, {a, a, -1}, false),
            static_cast<double>(static_cast<float>(product)) - 1);
}

TEST(ScalarTest, CastsToIntegersSaturate) {
  struct Row {
    DType type;
    int64_t low, high;
  };
  const Row rows[] = {{DType::kI8, INT8_MIN, INT8_MAX},
                      {DType::kU8, 0, UINT8_MAX},
                      {DType::kI32, INT32_MIN, INT32_MAX},
                      {DType::kI64, INT64_MIN, INT64_MAX}};
  for (const Row& row : rows) {
    for (DType from : {DType::kF32, DType::kF64, DType::kBF16}) {
      const auto cast = [&](double v) {
        const ScalarValue arg = ScalarValue::FromDouble(from, v);
        return EvalScalarOp(ScalarOp::kCast, row.type, true, &arg).ToInt();
      };
      EXPECT_EQ(cast(1e30), row.high);
      EXPECT_EQ(cast(kInf), row.high);
      EXPECT_EQ(cast(-1e30), row.low);
      EXPECT_EQ(cast(-kInf), row.low);
      EXPECT_EQ(cast(kNaN), 0);
      EXPECT_EQ(cast(2.9375), 2);
      EXPECT_EQ(cast(-0.9375), 0);
      EXPECT_EQ(cast(-2.9375), row.low == 0 ? 0 : -2);
    }
  }
}

TEST(ScalarTest, CastsRoundAndWrap) {
  EXPECT_EQ(Cast(DType::kI32, 257, DType::kU8), 1);
  EXPECT_EQ(Cast(DType::kI32, 200, DType::kI8), -56);
  EXPECT_EQ(Cast(DType::kI8, -1, DType::kU8), 255);
  EXPECT_EQ(Cast(DType::kI64, (1 << 24) + 1, DType::kF32), 1 << 24);
  EXPECT_EQ(Cast(DType::kF32, 1 + 0x1p-8, DType::kBF16), 1);
  EXPECT_EQ(Cast(DType::kF32, 65520, DType::kF16), kInf);
  EXPECT_EQ(Cast(DType::kF32, 0x1p-24, DType::kF16), 0x1p-24);
  EXPECT_EQ(Cast(DType::kF64, 1e300, DType::kF32), kInf);
  EXPECT_EQ(Cast(DType::kF32, 0.25, DType::kBool), 1);
  EXPECT_EQ(Cast(DType::kF32, kNaN, DType::kBool), 1);
  EXPECT_EQ(Cast(DType::kF32, -0.0, DType::kBool), 0);
  EXPECT_EQ(Cast(DType::kI64, 256, DType::kBool), 1);
  EXPECT_EQ(Cast(DType::kBool, 1, DType::kF16), 1);
}

TEST(ScalarTest, HalvesRoundEveryResult) {
  // 1 + 2^-8 lies between bf16's 1 and 1 + 2^-7: to even.
  EXPECT_EQ(Eval(ScalarOp::kAdd, DType::kBF16, {1, 0x1p-8}), 1);
  EXPECT_EQ(Eval(ScalarOp::kAdd, DType::kF16, {2048, 1}), 2048);
  EXPECT_EQ(Eval(ScalarOp::kMul, DType::kF16, {256, 256}), kInf);
  EXPECT_EQ(Eval(ScalarOp::kExp, DType::kBF16, {1}), BF16ToF32(F32ToBF16(std::exp(1.0f))));
}

TEST(ScalarTest, BitcastKeepsBits) {
  const ScalarValue one = ScalarValue::FromDouble(DType::kF32, 1);
  EXPECT_EQ(EvalScalarOp(ScalarOp::kBitcast, DType::kI32, true, &one).ToInt(), 0x3f800000);
}

// The array form with every mix of strides, in place too, and across the halves' blocks.
TEST(ScalarTest, ArraysBroadcastByStride) {
  constexpr int64_t kCount = 1000;
  std::vector<float> a(kCount), b(kCount), out(kCount);
  for (int64_t i = 0; i < kCount; ++i) a[i] = i, b[i] = 2 * i + 1;
  for (int64_t sa : {0, 1}) {
    for (int64_t sb : {0, 1}) {
      const ScalarArg args[] = {{a.data() + 3 * (1 - sa), sa}, {b.data() + 5 * (1 - sb), sb}};
      EvalScalarOp(ScalarOp::kSub, DType::kF32, DType::kF32, true, kCount, args, out.data());
      for (int64_t i = 0; i < kCount; ++i) {
        ASSERT_EQ(out[i], a[sa ? i : 3] - b[sb ? i : 5]) << i << sa << sb;
      }
    }
  }
  const ScalarArg in_place[] = {{a.data(), 1}, {a.data(), 1}};
  EvalScalarOp(ScalarOp::kAdd, DType::kF32, DType::kF32, true, kCount, in_place, a.data());
  EXPECT_EQ(a[77], 154);

  std::vector<uint16_t> h(kCount), sum(kCount);
  std::vector<uint8_t> less(kCount);
  for (int64_t i = 0; i < kCount; ++i) h[i] = F32ToF16(i);
  const ScalarArg halves[] = {{h.data(), 1}, {h.data() + 500, 0}};
  EvalScalarOp(ScalarOp::kAdd, DType::kF16, DType::kF16, true, kCount, halves, sum.data());
  EvalScalarOp(ScalarOp::kLt, DType::kF16, DType::kBool, true, kCount, halves, less.data());
  for (int64_t i = 0; i < kCount; ++i) {
    ASSERT_EQ(F16ToF32(sum[i]), i + 500);
    ASSERT_EQ(less[i], i < 500);
  }
}

}  // namespace
}  // namespace tenon::ir
