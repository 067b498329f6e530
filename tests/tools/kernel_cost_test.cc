// Costs of launches against counts by hand, and how reports are written.
#include "tools/kernel_cost.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tenon/ir/kernel/text.h"
#include "tools/bench_report.h"

namespace tenon::tools {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

kernel::Program Parse(const std::string& text) {
  absl::StatusOr<kernel::Program> program = kernel::ParseProgram(text);
  EXPECT_TRUE(program.ok()) << program.status();
  return *std::move(program);
}

// x + y in chunks of 64, with a masked tail.
constexpr char kAdd[] = R"(program @vector_add

symbol n <= 1000
input x: f32[n]
input y: f32[n]
output z: f32[n]
buffer x: f32[n] = binding 0
buffer y: f32[n] = binding 1
buffer z: f32[n] = binding 2

kernel @add(x: f32 read, y: f32 read, z: f32 write) symbols(n) {
  %1 = symbol n : i64
  %2 = const 63 : i64
  %3 = const 64 : i64
  %4 = const 16 : i64
  %5 = add %1, %2 : i64
  %6 = div %5, %3 : i64
  parallel %7 < %6 {
    %8 = mul %7, %3 : i64
    %9 = add %8, %3 : i64
    %10 = min %9, %1 : i64
    for %11 = %8 to %10 step 16 {
      %12 = sub %1, %11 : i64
      %13 = min %12, %4 : i64
      %14 = load x[%11, lane_count %13] : f32<16>
      %15 = load y[%11, lane_count %13] : f32<16>
      %16 = add %14, %15 : f32<16>
      store %16, z[%11, lane_count %13]
    }
  }
}

step {
  launch @add(x, y, z) symbols(n)
}
)";

TEST(KernelCost, FollowsTheExtent) {
  const kernel::Program program = Parse(kAdd);
  for (const int64_t n : {0, 1, 16, 100, 1000}) {
    const LaunchCost cost = CostOf(program, program.step[0].launch, {{"n", n}});
    EXPECT_EQ(cost.f32_flops, static_cast<double>((n + 15) / 16 * 16)) << n;
    EXPECT_EQ(cost.bytes_read, 8.0 * static_cast<double>(n));
    EXPECT_EQ(cost.bytes_written, 4.0 * static_cast<double>(n));
    EXPECT_TRUE(cost.exact);
  }
}

// 70,000 chunks are more than are looked at one by one.
TEST(KernelCost, LongLoopsAreCountedByTheirEnds) {
  std::string text = kAdd;
  text.replace(text.find("1000"), 4, "9999999");
  const kernel::Program program = Parse(text);
  constexpr int64_t kN = 64 * 70000 - 5;
  const LaunchCost cost = CostOf(program, program.step[0].launch, {{"n", kN}});
  EXPECT_EQ(cost.f32_flops, 64.0 * 70000);
  EXPECT_EQ(cost.bytes(), 12.0 * kN);
}

// Fused multiply-adds count twice; an array read many times moves once; a branch that is known is
// taken, one that is not makes the count a guess.
TEST(KernelCost, CountsFmaReuseAndBranches) {
  const std::string text = R"(program @p

symbol n <= 100
input x: f64[8]
output z: f64[8]
buffer x: f64[8] = binding 0
buffer z: f64[8] = binding 1

kernel @k(x: f64 read, z: f64 write) symbols(n) {
  %1 = symbol n : i64
  %2 = const 0 : i64
  %3 = const 1 : i64
  %4 = const 0 : f64<8>
  parallel %5 < %3 {
    %6 = for %7 = %2 to %1 step 1 carry %8 = %4 : f64<8> {
      %9 = load x[%2] : f64<8>
      %10 = fma %9, %9, %8 : f64<8>
      yield %10
    }
    %11 = lt %1, %3 : bool
    if %11 {
      %12 = exp %6 : f64<8>
      store %12, z[%2]
    } else {
      store %6, z[%2]
    }
  }
}

step {
  launch @k(x, z) symbols(n)
}
)";
  const kernel::Program program = Parse(text);
  LaunchCost cost = CostOf(program, program.step[0].launch, {{"n", 10}});
  EXPECT_EQ(cost.f64_flops, 2.0 * 8 * 10);
  EXPECT_EQ(cost.f32_flops, 0);
  EXPECT_EQ(cost.bytes_read, 64);
  EXPECT_EQ(cost.bytes_written, 64);
  EXPECT_TRUE(cost.exact);
  cost = CostOf(program, program.step[0].launch, {{"n", 0}});
  EXPECT_EQ(cost.f64_flops, 8);  // exp
  cost = CostOf(program, program.step[0].launch, {});
  EXPECT_FALSE(cost.exact);
}

BenchReport Example() {
  BenchReport report;
  report.model = "m";
  report.threads = 2;
  report.extents = {{"n", 7}};
  report.warm = TimingOf({4e-6, 2e-6, 3e-6, 1e-6, 5e-6});
  report.clocked_seconds = 4e-6;
  LaunchReport launch;
  launch.kernel = "contract -> y";
  launch.seconds = 2e-6;
  launch.cost.f32_flops = 1e5;
  launch.cost.bytes_read = 4e3;
  launch.compute_seconds = 1e-6;
  launch.bandwidth = 1e10;
  report.launches.push_back(launch);
  launch = {};
  launch.is_barrier = true;
  report.launches.push_back(launch);
  return report;
}

TEST(BenchReport, QuartilesAreOfTheSorted) {
  const Timing t = TimingOf({4, 2, 3, 1, 5});
  EXPECT_EQ(t.median, 3);
  EXPECT_EQ(t.low, 2);
  EXPECT_EQ(t.high, 4);
  EXPECT_EQ(TimingOf({}).median, 0);
}

TEST(BenchReport, TextAndJsonSayTheSame) {
  const std::string text = BenchText(Example());
  // 1e5 operations in 2 us: 50 GFLOP/s, half of the peak; the bytes would take 0.4 us.
  EXPECT_THAT(text,
              AllOf(HasSubstr("@m on 2 threads"), HasSubstr("n=7"), HasSubstr("3 us (2 us-4 us)"),
                    HasSubstr("50.0%      50.0      2.0     50.0% compute  contract -> y"),
                    Not(HasSubstr("barrier ->"))));
  EXPECT_THAT(BenchJson(Example()), AllOf(HasSubstr("\"kernel\": \"contract -> y\""),
                                          HasSubstr("\"barrier\": true"), HasSubstr("\"n\": 7")));
}

}  // namespace
}  // namespace tenon::tools
