// Every function of ir/math.h of one argument, as compiled for this machine, at all 2^32 floats: to
// the bit what the interpreter gives. Native code has instructions of its own for parts of them.
#include <bit>
#include <cmath>
#include <cstdint>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "tenon/codegen/host.h"
#include "tenon/frontend/compile.h"
#include "tenon/frontend/instance.h"
#include "tenon/frontend/tensor.h"
#include "tenon/ir/builder.h"
#include "tenon/ir/math.h"
#include "tenon/ir/math_policy.h"

namespace tenon::math {
namespace {

constexpr int64_t kBlock = 1 << 16;

// The first of the bit patterns from `low` to `high` whose value differs, or -1.
template <ir::ScalarOp kOp, bool kFused>
int64_t FirstDifference(const Program& program, uint64_t low, uint64_t high) {
  Instance instance = program.NewInstance();
  Tensor x(ir::F32, {kBlock});
  EXPECT_TRUE(instance.BindInput("x", x).ok());
  ScalarPolicy<float, kFused> policy;
  std::vector<float> expected(kBlock);
  for (uint64_t start = low; start < high; start += kBlock) {
    float* arguments = x.mutable_data<float>().data();
    for (int64_t i = 0; i < kBlock; ++i) {
      arguments[i] = std::bit_cast<float>(static_cast<uint32_t>(start + i));
    }
    EXPECT_TRUE(instance.Run().ok());
    for (int64_t i = 0; i < kBlock; ++i) {
      expected[i] = Evaluate(policy, kOp, arguments[i], arguments[i]);
    }
    const float* found = instance.Output("y")->as<float>().data();
    for (int64_t i = 0; i < kBlock; ++i) {
      const bool same = std::bit_cast<uint32_t>(found[i]) == std::bit_cast<uint32_t>(expected[i]) ||
                        (std::isnan(found[i]) && std::isnan(expected[i]));
      if (!same) return static_cast<int64_t>(start + i);
    }
  }
  return -1;
}

template <ir::ScalarOp kOp>
void CheckAll(ir::Value (*op)(ir::Operand)) {
  ir::GraphBuilder g("all");
  const auto graph = g.Build({{"y", op(g.Input("x", ir::F32, {kBlock}))}});
  ASSERT_TRUE(graph.ok()) << graph.status();
  const auto program = Program::Compile(*graph);
  ASSERT_TRUE(program.ok()) << program.status();
  const bool fused = codegen::HostTarget().has_fma;
  const uint64_t threads = std::max(1u, std::thread::hardware_concurrency());
  const uint64_t share = (uint64_t{1} << 32) / kBlock / threads * kBlock;
  std::vector<int64_t> found(threads);
  std::vector<std::thread> team;
  for (uint64_t t = 0; t < threads; ++t) {
    const uint64_t high = t + 1 == threads ? uint64_t{1} << 32 : (t + 1) * share;
    team.emplace_back([&, t, high] {
      found[t] = fused ? FirstDifference<kOp, true>(*program, t * share, high)
                       : FirstDifference<kOp, false>(*program, t * share, high);
    });
  }
  for (std::thread& thread : team) thread.join();
  for (int64_t bits : found) {
    EXPECT_EQ(bits, -1) << std::hexfloat << std::bit_cast<float>(static_cast<uint32_t>(bits));
  }
}

TEST(ExhaustiveNative, Exp) { CheckAll<ir::ScalarOp::kExp>(&ir::Exp); }
TEST(ExhaustiveNative, Expm1) { CheckAll<ir::ScalarOp::kExpm1>(&ir::Expm1); }
TEST(ExhaustiveNative, Log) { CheckAll<ir::ScalarOp::kLog>(&ir::Log); }
TEST(ExhaustiveNative, Log1p) { CheckAll<ir::ScalarOp::kLog1p>(&ir::Log1p); }
TEST(ExhaustiveNative, Sin) { CheckAll<ir::ScalarOp::kSin>(&ir::Sin); }
TEST(ExhaustiveNative, Cos) { CheckAll<ir::ScalarOp::kCos>(&ir::Cos); }
TEST(ExhaustiveNative, Tanh) { CheckAll<ir::ScalarOp::kTanh>(&ir::Tanh); }
TEST(ExhaustiveNative, Sigmoid) { CheckAll<ir::ScalarOp::kSigmoid>(&ir::Sigmoid); }
TEST(ExhaustiveNative, Erf) { CheckAll<ir::ScalarOp::kErf>(&ir::Erf); }
TEST(ExhaustiveNative, Rsqrt) { CheckAll<ir::ScalarOp::kRsqrt>(&ir::Rsqrt); }

}  // namespace
}  // namespace tenon::math
