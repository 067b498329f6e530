// ir/math.h on samples of its arguments: the stated bounds, with and without FMA, and what Annex F
// says of special arguments. The exhaustive counterpart is tests/math_exhaustive.
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include "gtest/gtest.h"
#include "tenon/ir/math.h"
#include "tenon/ir/math_policy.h"
#include "tests/math/ulp.h"

namespace tenon::math {
namespace {

using ir::ScalarOp;

template <typename T, bool kFused>
T Call(ScalarOp op, T x, T y = 1) {
  ScalarPolicy<T, kFused> policy;
  return Evaluate(policy, op, x, y);
}

const char* Name(ScalarOp op) {
  switch (op) {
#define TENON_SCALAR_OP(enumerator, spelling, arity) \
  case ScalarOp::enumerator:                         \
    return spelling;
#include "tenon/ir/scalar_ops.def"
  }
  return "";
}

template <typename T, bool kFused>
void CheckBound(ScalarOp op, double bound, const std::vector<T>& xs, const std::vector<T>& ys) {
  using R = std::conditional_t<sizeof(T) == 4, double, long double>;
  double worst = 0;
  T worst_x = 0, worst_y = 0;
  for (size_t i = 0; i < xs.size(); ++i) {
    const T value = Call<T, kFused>(op, xs[i], ys[i]);
    const double error = UlpError<T, R>(value, Reference<R>(op, xs[i], ys[i]));
    if (error > worst) {
      worst = error;
      worst_x = xs[i];
      worst_y = ys[i];
    }
  }
  EXPECT_LE(worst, bound + kReferenceError)
      << Name(op) << " in " << sizeof(T) * 8 << " bits, fused " << kFused << ", at "
      << std::hexfloat << worst_x << ", " << worst_y;
}

template <typename T>
void CheckBounds(const std::vector<T>& xs, const std::vector<T>& ys) {
  for (const Bound& b : kBounds) {
    const double bound = sizeof(T) == 4 ? b.f32 : b.f64;
    CheckBound<T, true>(b.op, bound, xs, ys);
    CheckBound<T, false>(b.op, bound, xs, ys);
  }
}

TEST(FunctionsTest, BoundsHoldOnAStrideOfAllFloats) {
  std::vector<float> xs;
  for (uint64_t i = 17; i < uint64_t{1} << 32; i += 40009) {
    xs.push_back(std::bit_cast<float>(static_cast<uint32_t>(i)));
  }
  CheckBounds<float>(xs, std::vector<float>(xs.size(), 2.5f));
}

template <typename T>
std::vector<T> Samples(uint64_t seed, int count) {
  using I = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> unit(-1, 1);
  std::vector<T> xs;
  for (int i = 0; i < count; ++i) {
    xs.push_back(std::bit_cast<T>(static_cast<I>(random())));
    xs.push_back(static_cast<T>(2 * unit(random)));
    xs.push_back(static_cast<T>((sizeof(T) == 4 ? 105 : 750) * unit(random)));
    xs.push_back(static_cast<T>(1 + std::ldexp(unit(random), -static_cast<int>(random() % 50))));
    xs.push_back(static_cast<T>(std::ldexp(unit(random), -static_cast<int>(random() % 60))));
  }
  return xs;
}

TEST(FunctionsTest, BoundsHoldOnSamplesOfFloats) {
  const std::vector<float> xs = Samples<float>(1, 4000);
  CheckBounds<float>(xs, std::vector<float>(xs.size(), -0.75f));
}

TEST(FunctionsTest, BoundsHoldOnSamplesOfDoubles) {
  const std::vector<double> xs = Samples<double>(2, 4000);
  CheckBounds<double>(xs, std::vector<double>(xs.size(), 1.0 / 3));
}

// Multiples of pi/2, rounded, are where the reduction cancels most.
TEST(FunctionsTest, SinAndCosNearMultiplesOfHalfPi) {
  std::vector<double> xs;
  std::vector<float> fs;
  for (int e = 0; e < 1023; ++e) {
    const long double k = std::floor(std::ldexp(1.3L, e));
    xs.push_back(static_cast<double>(k * 1.57079632679489661923132169163975144L));
    if (e < 127) fs.push_back(static_cast<float>(xs.back()));
  }
  for (int k = 1; k < 5000; ++k) {
    xs.push_back(static_cast<double>(k * 1.57079632679489661923132169163975144L));
    fs.push_back(static_cast<float>(xs.back()));
  }
  xs.push_back(6381956970095103.0 * 0x1p797);  // the double nearest to a multiple of pi/2
  // Large floats near one, on either side of it: the worst of all floats, before the fraction was
  // split by its magnitude and exactly.
  fs.insert(fs.end(), {0x1.0f79ap+59f, 0x1.b08c4ap+111f, -0x1.0f79ap+59f, -0x1.b08c4ap+111f});
  for (ScalarOp op : {ScalarOp::kSin, ScalarOp::kCos}) {
    CheckBound<double, true>(op, 1, xs, xs);
    CheckBound<double, false>(op, 1, xs, xs);
    CheckBound<float, true>(op, 1, fs, fs);
    CheckBound<float, false>(op, 1, fs, fs);
  }
}

template <typename T>
void PowOverTheRange() {
  std::mt19937_64 random(3);
  std::uniform_real_distribution<double> unit(-1, 1);
  std::vector<T> xs, ys;
  for (int i = 0; i < 30000; ++i) {
    double x = std::exp2((i % 2 == 0 ? 40 : 1) * unit(random));
    const double limit = (sizeof(T) == 4 ? 150 : 1080) / (std::fabs(std::log2(x)) + 1e-9);
    double y = limit * unit(random);
    if (i % 5 == 0) {
      x = -x;
      y = std::nearbyint(y);
    }
    xs.push_back(static_cast<T>(x));
    ys.push_back(static_cast<T>(y));
  }
  CheckBound<T, true>(ScalarOp::kPow, 1, xs, ys);
  CheckBound<T, false>(ScalarOp::kPow, 1, xs, ys);
}
TEST(FunctionsTest, PowOverTheRangeF32) { PowOverTheRange<float>(); }
TEST(FunctionsTest, PowOverTheRangeF64) { PowOverTheRange<double>(); }

template <typename T>
std::vector<T> Specials() {
  using L = std::numeric_limits<T>;
  std::vector<T> values = {0,
                           L::denorm_min(),
                           L::min(),
                           T(0.5),
                           1,
                           T(1.5),
                           2,
                           3,
                           T(1e4),
                           5,
                           L::max(),
                           T(1e7),
                           T(0x1p23),
                           T(0x1p23 + 1),
                           T(0x1p24 - 1),
                           1e30f,
                           L::infinity()};
  const size_t n = values.size();
  for (size_t i = 0; i < n; ++i) values.push_back(-values[i]);
  values.push_back(L::quiet_NaN());
  return values;
}

template <typename T>
void SpecialArguments() {
  std::vector<T> xs, ys;
  for (T x : Specials<T>()) {
    for (T y : Specials<T>()) {
      xs.push_back(x);
      ys.push_back(y);
    }
  }
  CheckBounds<T>(xs, ys);
}
TEST(FunctionsTest, SpecialArgumentsF32) { SpecialArguments<float>(); }
TEST(FunctionsTest, SpecialArgumentsF64) { SpecialArguments<double>(); }

TEST(FunctionsTest, ExpIsMonotonicAroundOverflowAndUnderflow) {
  EXPECT_EQ((Call<float, true>(ScalarOp::kExp, 0x1.62e430p+6f)), INFINITY);
  EXPECT_LT((Call<float, true>(ScalarOp::kExp, 0x1.62e42ep+6f)), INFINITY);
  EXPECT_EQ((Call<float, true>(ScalarOp::kExp, -104.0f)), 0);
  EXPECT_EQ((Call<float, true>(ScalarOp::kExp, -103.5f)), 0x1p-149f);
  EXPECT_EQ((Call<float, true>(ScalarOp::kExp, 0.0f)), 1);
}

// Known answers of Random123's own test vectors (kat_vectors, philox4x32 10).
TEST(PhiloxTest, KnownAnswers) {
  ScalarPolicy<double, true> p;
  EXPECT_EQ(Philox(p, 0, 0, 0), 0x6627e8d5u);
  EXPECT_EQ(Philox(p, ~uint64_t{0}, ~uint64_t{0}, ~uint64_t{0}), 0x408f276du);
  // counter 243f6a88 85a308d3 13198a2e 03707344, key a4093822 299f31d0
  EXPECT_EQ(Philox(p, 0x299f31d0a4093822u, 0x85a308d3243f6a88u, 0x0370734413198a2eu), 0xd16cfe09u);
}

}  // namespace
}  // namespace tenon::math
