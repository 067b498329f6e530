// Every function of ir/math.h of one argument at all 2^32 floats, with FMA and without, against the
// C library's doubles (whose own errors are far below a thousandth of a float's ulp).
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "tenon/ir/math.h"
#include "tenon/ir/math_policy.h"
#include "tests/math/ulp.h"

namespace tenon::math {
namespace {

struct Worst {
  double error = 0;
  float x = 0;

  void Add(float argument, float value, double reference) {
    // The common case first: correctly rounded.
    if (value == static_cast<float>(reference) && value != 0) return;
    const double e = UlpError<float, double>(value, reference);
    if (e > error) *this = {e, argument};
  }
  void Add(const Worst& other) {
    if (other.error > error) *this = other;
  }
};

struct Both {
  Worst fused, unfused;
};

// Bit patterns from `low` to `high`, in blocks whose values are computed by loops without branches.
template <ir::ScalarOp kOp>
Both CheckRange(uint64_t low, uint64_t high) {
  constexpr int kBlock = 1024;
  ScalarPolicy<float, true> fused;
  ScalarPolicy<float, false> unfused;
  float x[kBlock], a[kBlock], b[kBlock];
  Both worst;
  for (uint64_t start = low; start < high; start += kBlock) {
    for (int i = 0; i < kBlock; ++i) x[i] = std::bit_cast<float>(static_cast<uint32_t>(start + i));
    for (int i = 0; i < kBlock; ++i) a[i] = Evaluate(fused, kOp, x[i], x[i]);
    for (int i = 0; i < kBlock; ++i) b[i] = Evaluate(unfused, kOp, x[i], x[i]);
    for (int i = 0; i < kBlock; ++i) {
      const double reference = Reference<double>(kOp, x[i], x[i]);
      worst.fused.Add(x[i], a[i], reference);
      worst.unfused.Add(x[i], b[i], reference);
    }
  }
  return worst;
}

template <ir::ScalarOp kOp>
void CheckAll() {
  const uint64_t threads = std::max(1u, std::thread::hardware_concurrency());
  const uint64_t share = (uint64_t{1} << 32) / 1024 / threads * 1024;
  std::vector<Both> found(threads);
  std::vector<std::thread> team;
  for (uint64_t t = 0; t < threads; ++t) {
    const uint64_t high = t + 1 == threads ? uint64_t{1} << 32 : (t + 1) * share;
    team.emplace_back([&found, t, share, high] { found[t] = CheckRange<kOp>(t * share, high); });
  }
  for (std::thread& thread : team) thread.join();
  Both worst;
  for (const Both& b : found) {
    worst.fused.Add(b.fused);
    worst.unfused.Add(b.unfused);
  }
  std::printf("worst: fused %.4f ULP at %a, unfused %.4f ULP at %a\n", worst.fused.error,
              worst.fused.x, worst.unfused.error, worst.unfused.x);
  for (const Bound& b : kBounds) {
    if (b.op != kOp) continue;
    EXPECT_LE(worst.fused.error, b.f32 + kReferenceError) << std::hexfloat << worst.fused.x;
    EXPECT_LE(worst.unfused.error, b.f32 + kReferenceError) << std::hexfloat << worst.unfused.x;
  }
}

TEST(Exhaustive, Exp) { CheckAll<ir::ScalarOp::kExp>(); }
TEST(Exhaustive, Expm1) { CheckAll<ir::ScalarOp::kExpm1>(); }
TEST(Exhaustive, Log) { CheckAll<ir::ScalarOp::kLog>(); }
TEST(Exhaustive, Log1p) { CheckAll<ir::ScalarOp::kLog1p>(); }
TEST(Exhaustive, Sin) { CheckAll<ir::ScalarOp::kSin>(); }
TEST(Exhaustive, Cos) { CheckAll<ir::ScalarOp::kCos>(); }
TEST(Exhaustive, Tanh) { CheckAll<ir::ScalarOp::kTanh>(); }
TEST(Exhaustive, Sigmoid) { CheckAll<ir::ScalarOp::kSigmoid>(); }
TEST(Exhaustive, Erf) { CheckAll<ir::ScalarOp::kErf>(); }
TEST(Exhaustive, Rsqrt) { CheckAll<ir::ScalarOp::kRsqrt>(); }

}  // namespace
}  // namespace tenon::math
