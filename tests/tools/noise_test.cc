// What random roundings do to results: as much as real ones may, also where nothing is left of the
// terms.
#include "tools/noise.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "tenon/ir/interpreter.h"
#include "tenon/ir/text.h"

namespace tenon::tools {
namespace {

using ir::Literal;

constexpr double kUnit = 0x1p-24;

// The noise of the outputs of a graph of one input, n numbers around 1.
std::vector<double> NoiseOf(const char* text, int64_t n) {
  const ir::Graph graph = ir::Parse(text).value();
  Literal x(ir::DType::kF32, {n});
  for (int64_t i = 0; i < n; ++i) x.SetFromDouble(i, 1 + 0.5 * std::sin(static_cast<double>(i)));
  const std::vector<Literal> inputs = {x};
  const std::vector<Literal> reference = ir::Interpret(graph, inputs).value();
  const auto noise = RoundingNoise(graph, inputs, {{"n", n}}, reference);
  EXPECT_TRUE(noise.ok()) << noise.status();
  EXPECT_EQ(noise.value(), RoundingNoise(graph, inputs, {{"n", n}}, reference).value());
  return *noise;
}

TEST(Noise, ASumThatCancelsIsHeldToItsTerms) {
  constexpr int64_t kCount = 4096;
  const std::vector<double> noise = NoiseOf(R"(tenon graph 1
graph @g(%x: f32[n<=4096]) -> (sum: f32[], none: f32[]) {
  %0 = reduce(%x) kind=sum axes=[0]
  %1 = reverse(%x) axes=[0]
  %2 = sub(%x, %1)
  %3 = reduce(%2) kind=sum axes=[0]
  return %0, %3
})",
                                            kCount);
  // n roundings of partial sums, of which the last ones are of order n.
  EXPECT_GT(noise[0], 0.1 * kUnit * kCount);
  EXPECT_LT(noise[0], 10 * kUnit * kCount);
  EXPECT_GT(noise[1], 0.05 * kUnit * kCount);  // the sum itself is 0
  EXPECT_LT(noise[1], 10 * kUnit * kCount);
}

TEST(Noise, WhatOnlyMovesIsExact) {
  const std::vector<double> noise = NoiseOf(R"(tenon graph 1
graph @g(%x: f32[n<=64]) -> (y: f32[n], z: i32[n], e: f32[n]) {
  %0 = reverse(%x) axes=[0]
  %1 = cast(%x) dtype=i32
  %2 = exp(%x)
  return %0, %1, %2
})",
                                            64);
  EXPECT_EQ(noise[0], 0);
  EXPECT_EQ(noise[1], 0);
  EXPECT_GT(noise[2], kUnit);
  EXPECT_LT(noise[2], 2 * kUnit * std::exp(1.5) + 2 * kUnit);
}

}  // namespace
}  // namespace tenon::tools
