// Which stores bypass the caches: large outputs that a kernel only writes.
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/lower/support.h"

namespace tenon::lower {
namespace {

using ir::F32;
using ir::Graph;
using ir::GraphBuilder;
using ir::Value;
using ::testing::HasSubstr;
using ::testing::Not;

// A machine on which 1,024 floats are found in a cache again.
ir::TargetDesc SmallCache() {
  ir::TargetDesc target = ir::X86Avx512();
  target.stream_bytes = 4096;
  return target;
}

std::string Scheduled(const Graph& graph, const std::vector<ir::Literal>& inputs,
                      std::vector<int64_t> extents = {}) {
  absl::StatusOr<kernel::Program> program =
      passes::ScheduleProgram(graph, SmallCache(), {.verify_after_each = true});
  EXPECT_TRUE(program.ok()) << program.status();
  if (!program.ok()) return "";
  absl::StatusOr<kernel::Program> plain = passes::ScheduleProgram(graph, ir::X86Avx512(), {});
  EXPECT_THAT(kernel::Print(*plain), Not(HasSubstr("non_temporal")));
  const auto expected = kernel::Interpret(*plain, extents, inputs, {.threads = 2});
  for (int threads : {1, 2, 3}) {
    const auto result = kernel::Interpret(*program, extents, inputs, {.threads = threads});
    EXPECT_TRUE(result.ok()) << result.status() << "\n" << kernel::Print(*program);
    if (result.ok()) EXPECT_EQ(result->outputs, expected->outputs);
  }
  return kernel::Print(*program);
}

Graph Doubled(ir::Dim n, bool donate) {
  GraphBuilder b;
  Value x = b.Input("x", F32, {n});
  if (donate) b.Donate("y", "x");
  return b.Build({{"y", x + x}}).value();
}

TEST(StreamTest, LargeOutputsBypassTheCaches) {
  const std::string text = Scheduled(Doubled(1037, false), {Pattern(F32, {1037})});
  EXPECT_THAT(text, HasSubstr("non_temporal"));
  EXPECT_THAT(text, HasSubstr("  }\n  fence\n}"));
}

TEST(StreamTest, WhatFitsTheCacheStaysThere) {
  EXPECT_THAT(Scheduled(Doubled(1024, false), {Pattern(F32, {1024})}), Not(HasSubstr("fence")));
}

TEST(StreamTest, WhatIsUpdatedInPlaceIsInTheCache) {
  EXPECT_THAT(Scheduled(Doubled(4096, true), {Pattern(F32, {4096})}), Not(HasSubstr("fence")));
}

TEST(StreamTest, ExtentsOfTheRunAreNotKnownToBeLarge) {
  EXPECT_THAT(Scheduled(Doubled(ir::Dim("n").AtMost(4096), false), {Pattern(F32, {2000})}, {2000}),
              Not(HasSubstr("fence")));
}

TEST(StreamTest, RowsAndTheirSums) {
  GraphBuilder b;
  Value x = b.Input("x", F32, {33, 100});
  Value sums = ReduceSum(x, {1}, /*keep_dims=*/true);
  const std::string text =
      Scheduled(b.Build({{"y", x - sums}, {"sums", sums}}).value(), {Pattern(F32, {33, 100})});
  EXPECT_THAT(text, HasSubstr("non_temporal"));
}

}  // namespace
}  // namespace tenon::lower
