// Every function of ir/math.h of one argument at all 2^32 floats, with FMA and without, against the
// C library's doubles (whose own errors are far below a thousandth of a float's ulp).
#include <bit>
#include <cmath>
#include <cstdint>

#include "gtest/gtest.h"
#include "tenon/ir/math.h"
#include "tenon/ir/math_policy.h"
#include "tests/math/ulp.h"

namespace tenon::math {
namespace {

// The function and its fusedness are template arguments so that the loop holds no dispatch.
template <ir::ScalarOp kOp, bool kFused>
void CheckAll() {
  double bound = 0;
  for (const Bound& b : kBounds) {
    if (b.op == kOp) bound = b.f32 + kReferenceError;
  }
  ScalarPolicy<float, kFused> policy;
  double worst = 0;
  float worst_x = 0;
  for (uint64_t i = 0; i < uint64_t{1} << 32; ++i) {
    const float x = std::bit_cast<float>(static_cast<uint32_t>(i));
    const float value = Evaluate(policy, kOp, x, x);
    const double reference = Reference<double>(kOp, x, x);
    // The common case first: correctly rounded.
    if (value == static_cast<float>(reference) && value != 0) continue;
    const double error = UlpError<float, double>(value, reference);
    if (error > worst) {
      worst = error;
      worst_x = x;
    }
  }
  testing::Test::RecordProperty("worst_ulp", std::to_string(worst));
  std::printf("worst error %.4f ULP at %a\n", worst, worst_x);
  EXPECT_LE(worst, bound) << "at " << std::hexfloat << worst_x;
}

#define TENON_EXHAUSTIVE(name)                                               \
  TEST(Exhaustive, name##Fused) { CheckAll<ir::ScalarOp::k##name, true>(); } \
  TEST(Exhaustive, name##Unfused) { CheckAll<ir::ScalarOp::k##name, false>(); }
TENON_EXHAUSTIVE(Exp)
TENON_EXHAUSTIVE(Expm1)
TENON_EXHAUSTIVE(Log)
TENON_EXHAUSTIVE(Log1p)
TENON_EXHAUSTIVE(Sin)
TENON_EXHAUSTIVE(Cos)
TENON_EXHAUSTIVE(Tanh)
TENON_EXHAUSTIVE(Sigmoid)
TENON_EXHAUSTIVE(Erf)
TENON_EXHAUSTIVE(Rsqrt)

}  // namespace
}  // namespace tenon::math
