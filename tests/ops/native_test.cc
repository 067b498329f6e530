// Every sample through the whole compiler: the kernel interpreter, which is a sanitizer, and native
// code agree to the bit, for any number of threads; both agree with the graph interpreter to the
// bit at `exact`, and within the reach of rounding at `standard`.
#include <gtest/gtest.h>

#include <cctype>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "tenon/codegen/host.h"
#include "tenon/ir/interpreter.h"
#include "tenon/ir/kernel/text.h"
#include "tenon/ir/roundoff.h"
#include "tenon/ir/text.h"
#include "tests/ops/sample.h"
#include "tests/ops/stages.h"

namespace tenon::tests {
namespace {

using ir::Literal;
using passes::Numerics;

// How far `standard` may be from `exact`, relative to the largest element: reordered sums of the
// samples' few hundred terms differ by some tens of roundings; the 16-bit formats differ by one
// rounding of their own.
double StandardTolerance(ir::DType dtype) {
  return (ir::ComputeType(dtype) == dtype ? 64 : 1) * ir::UnitRoundoff(dtype);
}

void ExpectEqual(const std::vector<Literal>& a, const std::vector<Literal>& b, const char* what) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(Difference(a[i], b[i]), "") << what << ", output " << i;
  }
}

void CheckRuns(const Compiled& compiled, const std::vector<Literal>& inputs,
               const ir::Extents& extents, const std::vector<Literal>& expected,
               Numerics numerics) {
  auto kernel = compiled.RunKernel(inputs, extents);
  ASSERT_TRUE(kernel.ok()) << "kernel interpreter: " << kernel.status();
  ASSERT_EQ(kernel->size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    const double tolerance =
        numerics == Numerics::kExact ? 0 : StandardTolerance(expected[i].dtype());
    EXPECT_EQ(tolerance == 0 ? Difference(expected[i], (*kernel)[i])
                             : Difference(expected[i], (*kernel)[i], tolerance),
              "")
        << "graph interpreter against kernel interpreter, output " << i;
  }
  for (int threads : {1, 2, 3, 8}) {
    auto native = compiled.RunNative(inputs, extents, threads,
                                     threads % 2 == 1 ? Guard::kAtEnd : Guard::kAtStart);
    ASSERT_TRUE(native.ok()) << "native code: " << native.status();
    ExpectEqual(*kernel, *native,
                absl::StrCat("kernel interpreter against native code, threads ", threads).c_str());
  }
}

class Native : public testing::TestWithParam<const Sample*> {};

void CheckSample(const Sample& sample, Numerics numerics,
                 const ir::TargetDesc& target = codegen::HostTarget()) {
  SetRunning(sample.name.c_str());
  absl::StatusOr<BuiltSample> built = BuildSample(sample);
  ASSERT_TRUE(built.ok()) << built.status();
  passes::PipelineOptions options;
  options.numerics = numerics;
  options.verify_after_each = true;
  absl::StatusOr<Compiled> compiled = Compiled::Make(built->graph, target, options);
  ASSERT_TRUE(compiled.ok()) << compiled.status() << "\n" << ir::Print(built->graph);
  for (const ir::Extents& extents : sample.extents) {
    SCOPED_TRACE(ExtentsToString(extents));
    absl::StatusOr<std::vector<Literal>> inputs =
        MakeInputs(built->graph, built->fills, extents, sample.name);
    ASSERT_TRUE(inputs.ok()) << inputs.status();
    absl::StatusOr<std::vector<Literal>> expected =
        ir::Interpret(built->graph, *inputs, {.has_fma = target.has_fma, .extents = extents});
    ASSERT_TRUE(expected.ok()) << expected.status();
    CheckRuns(*compiled, *inputs, extents, *expected, numerics);
    if (testing::Test::HasFailure()) {
      ADD_FAILURE() << ir::Print(built->graph);
      return;
    }
  }
}

TEST_P(Native, ExactAgreesToTheBit) { CheckSample(*GetParam(), Numerics::kExact); }
TEST_P(Native, StandardAgreesWithinRounding) { CheckSample(*GetParam(), Numerics::kStandard); }

// Without FMA the elementary functions take other steps, which the interpreter takes too.
TEST_P(Native, Sse2AgreesToTheBit) {
  const ir::TargetDesc target = ir::X86Sse2();
  if (!codegen::HostCanRun(target)) GTEST_SKIP() << "not an x86 machine";
  static int turn = 0;
  if (turn++ % 4 == 0) CheckSample(*GetParam(), Numerics::kExact, target);
}

// The same bits whatever the width of the target's vectors (as long as it has FMA).
TEST_P(Native, Avx2AndAvx512GiveTheSameBits) {
  const ir::TargetDesc narrow = ir::X86Avx2(), wide = ir::X86Avx512();
  if (!codegen::HostCanRun(narrow) || !codegen::HostCanRun(wide)) {
    GTEST_SKIP() << "this machine lacks AVX-512";
  }
  const Sample& sample = *GetParam();
  // A third of the samples keeps the ordinary suite short; neighbours differ in shape only.
  static int turn = 0;
  if (turn++ % 3 != 0) return;
  SetRunning(sample.name.c_str());
  absl::StatusOr<BuiltSample> built = BuildSample(sample);
  ASSERT_TRUE(built.ok()) << built.status();
  absl::StatusOr<Compiled> a = Compiled::Make(built->graph, narrow, {});
  absl::StatusOr<Compiled> b = Compiled::Make(built->graph, wide, {});
  ASSERT_TRUE(a.ok()) << a.status();
  ASSERT_TRUE(b.ok()) << b.status();
  for (const ir::Extents& extents : sample.extents) {
    SCOPED_TRACE(ExtentsToString(extents));
    absl::StatusOr<std::vector<Literal>> inputs =
        MakeInputs(built->graph, built->fills, extents, sample.name);
    ASSERT_TRUE(inputs.ok()) << inputs.status();
    auto x = a->RunNative(*inputs, extents, 2, Guard::kAtEnd);
    auto y = b->RunNative(*inputs, extents, 1, Guard::kAtEnd);
    ASSERT_TRUE(x.ok()) << x.status();
    ASSERT_TRUE(y.ok()) << y.status();
    ExpectEqual(*x, *y, "AVX2 against AVX-512");
  }
}

std::vector<const Sample*> Pointers() {
  std::vector<const Sample*> samples;
  for (const Sample& sample : AllSamples()) samples.push_back(&sample);
  return samples;
}

INSTANTIATE_TEST_SUITE_P(Ops, Native, testing::ValuesIn(Pointers()),
                         [](const testing::TestParamInfo<const Sample*>& info) {
                           std::string name = absl::StrCat(info.index, "_", info.param->name);
                           for (char& c : name) {
                             if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
                           }
                           return name;
                         });

// A donated pair is one slot: what still needs the old value, at other places too, must get it.
TEST(NativeDonation, OldValuesAreReadBeforeTheyAreOverwritten) {
  ir::GraphBuilder b;
  const ir::Dim n = ir::Dim("n").AtMost(70);
  ir::Value w = b.State("w", ir::F32, {n, 3}), v = b.State("v", ir::F32, {n, 3});
  ir::Value g = b.Input("g", ir::F32, {n, 3});
  ir::Value moved = w * 0.5 - ir::Reverse(w, {0});  // reads elements that others overwrite
  b.Donate("w", "w");
  b.Donate("v", "v");
  absl::StatusOr<ir::Graph> graph =
      b.Build({{"w", moved}, {"v", v * 0.9 + g * w}, {"old", ir::ReduceSum(w * v, {0})}});
  ASSERT_TRUE(graph.ok()) << graph.status();
  SetRunning("donation");
  for (Numerics numerics : {Numerics::kExact, Numerics::kStandard}) {
    passes::PipelineOptions options;
    options.numerics = numerics;
    absl::StatusOr<Compiled> compiled = Compiled::Make(*graph, codegen::HostTarget(), options);
    ASSERT_TRUE(compiled.ok()) << compiled.status();
    for (int64_t extent : {0, 1, 37, 70}) {
      const ir::Extents extents = {{"n", extent}};
      SCOPED_TRACE(ExtentsToString(extents));
      absl::StatusOr<std::vector<Literal>> inputs = MakeInputs(*graph, {}, extents, "donation");
      ASSERT_TRUE(inputs.ok()) << inputs.status();
      absl::StatusOr<std::vector<Literal>> expected = ir::Interpret(
          *graph, *inputs, {.has_fma = codegen::HostTarget().has_fma, .extents = extents});
      ASSERT_TRUE(expected.ok()) << expected.status();
      CheckRuns(*compiled, *inputs, extents, *expected, numerics);
    }
  }
}

// A gather out of range ends the run with the index, in both, for every number of threads.
TEST(NativeFaults, GatherOutOfRange) {
  SampleBuilder s;
  const ir::Value x = s.In(ir::F32, {5, 3}), indices = s.In(ir::I64, {40});
  const ir::Value y = ir::Gather(x, indices, 0);
  absl::StatusOr<ir::Graph> graph = s.builder().Build({{"y", y}});
  ASSERT_TRUE(graph.ok()) << graph.status();
  std::vector<Literal> inputs = {Literal::Filled(ir::F32, {5, 3}, 1),
                                 Literal::Filled(ir::I64, {40}, 2)};
  inputs[1].SetFromDouble(33, 5);
  absl::StatusOr<Compiled> compiled = Compiled::Make(*graph, codegen::HostTarget(), {});
  ASSERT_TRUE(compiled.ok()) << compiled.status();
  SetRunning("gather out of range");
  EXPECT_EQ(std::string(compiled->RunKernel(inputs, {}).status().message()), "status 1, value 5");
  for (int threads : {1, 3}) {
    EXPECT_EQ(
        std::string(compiled->RunNative(inputs, {}, threads, Guard::kAtEnd).status().message()),
        "status 1, value 5");
  }
}

}  // namespace
}  // namespace tenon::tests
