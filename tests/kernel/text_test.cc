#include "tenon/ir/kernel/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <limits>
#include <sstream>

#include "tenon/ir/kernel/interpreter.h"
#include "tenon/ir/kernel/verifier.h"
#include "tests/kernel/samples.h"

namespace tenon::kernel {
namespace {

using ir::Dim;
using testing::HasSubstr;

void ExpectFixedPoint(const Program& program) {
  const std::string text = Print(program);
  const absl::StatusOr<Program> parsed = ParseProgram(text);
  ASSERT_TRUE(parsed.ok()) << parsed.status() << "\n" << text;
  EXPECT_EQ(Print(*parsed), text);
}

TEST(TextTest, SamplesAreFixedPoints) {
  ExpectFixedPoint(VectorAddProgram());
  ExpectFixedPoint(SoftmaxProgram());
  ExpectFixedPoint(PackedMatmulProgram(21, 13, 101));
  ExpectFixedPoint(TileDotProgram(21, 22));
}

TEST(TextTest, ParsedProgramsRunAlike) {
  const Program program = PackedMatmulProgram(9, 5, 50);
  const absl::StatusOr<Program> parsed = ParseProgram(Print(program));
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_TRUE(Verify(*parsed).ok()) << Verify(*parsed);
  const std::vector<ir::Literal> inputs = {ir::Literal::Filled(DType::kF32, {9, 5}, 1.25),
                                           ir::Literal::Filled(DType::kF32, {5, 50}, 0.1)};
  const auto a = Interpret(program, {}, inputs), b = Interpret(*parsed, {}, inputs);
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_TRUE(a->outputs[0] == b->outputs[0]);
}

TEST(TextTest, NamesAreMadeUnique) {
  KernelBuilder k("same name");
  const int a = k.AddParam({.name = "t"});
  const int b = k.AddParam({.name = "t", .written = true});
  k.Parallel(k.ConstI64(1), [&](ValueId c) {
    k.Store(k.Load(DType::kF32, 1, 1, {.buffer = a, .offset = c}), {.buffer = b, .offset = c});
  });
  const std::string text = Print(k.Finish());
  EXPECT_THAT(text, HasSubstr("kernel @\"same name\"(t: f32 read, t.1: f32 read write) {"));
  const auto parsed = ParseKernel(text);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(Print(*parsed), text);
}

TEST(TextTest, ConstantsOfAllTypes) {
  KernelBuilder k("constants");
  for (DType dtype : {DType::kF32, DType::kF64, DType::kBF16, DType::kF16, DType::kI8, DType::kU8,
                      DType::kI32, DType::kI64, DType::kBool}) {
    const int y = k.AddParam({.name = "y", .dtype = dtype, .written = true});
    k.Parallel(k.ConstI64(1), [&](ValueId c) {
      for (double value : {0.0, 1.0, 100.0}) {
        k.Store(k.Const(dtype, value), {.buffer = y, .offset = c});
      }
      if (!ir::IsFloat(dtype)) return;
      constexpr double kInf = std::numeric_limits<double>::infinity();
      for (double value : {-0.0, 0.1, -kInf, kInf, std::nan(""), 1e-300, -1.5e300}) {
        k.Store(k.Const(dtype, value), {.buffer = y, .offset = c});
      }
    });
  }
  const int y = k.AddParam({.name = "y", .dtype = DType::kI64, .written = true});
  k.Parallel(k.ConstI64(1), [&](ValueId c) {
    k.Store(k.ConstI64(std::numeric_limits<int64_t>::min()), {.buffer = y, .offset = c});
    k.Store(k.ConstI64(std::numeric_limits<int64_t>::max()), {.buffer = y, .offset = c});
  });
  const Kernel kernel = k.Finish();
  ASSERT_TRUE(Verify(kernel).ok()) << Verify(kernel);
  const std::string text = Print(kernel);
  const auto parsed = ParseKernel(text);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(Print(*parsed), text);
  EXPECT_THAT(text, HasSubstr("const -9223372036854775808 : i64"));
  EXPECT_THAT(text, HasSubstr("const 9223372036854775807 : i64"));
}

TEST(TextTest, EverySpellingIsRead) {
  KernelBuilder k("all");
  const int x = k.AddParam({.name = "x", .no_alias = false});
  const int y = k.AddParam({.name = "y", .written = true, .read = false});
  const int t = k.AddLocal({.name = "t", .size = 256});
  const ValueId n = k.Symbol("n");
  k.Parallel(n, [&](ValueId c) {
    const ValueId one = k.ConstI64(1);
    const ValueId tile = k.Load(DType::kF32, 8, 16,
                                {.buffer = x,
                                 .offset = c,
                                 .row_stride = n,
                                 .lane_stride = one,
                                 .lane_count = n,
                                 .row_count = c,
                                 .predicate = k.Scalar(ir::ScalarOp::kLt, {k.Iota(16), n})});
    const ValueId sums = k.ReduceLanes(ir::Combiner::kSum, tile);
    const ValueId maxima = k.ReduceRows(ir::Combiner::kMax, tile);
    const ValueId numbers = k.Scalar(ir::ScalarOp::kMin, {maxima, tile}, /*of_numbers=*/true);
    k.ReduceLanes(ir::Combiner::kMax, numbers, /*of_numbers=*/true);
    const ValueId row = k.ConcatRows({k.Row(tile, 3), maxima});
    const ValueId part = k.Extract(k.Transpose(row), 1);
    const std::vector<ValueId> loop = k.For(
        c, n, 2, {k.Splat(k.Row(sums, 2), 1, 16), k.Const(DType::kF32, 1)},
        [&](ValueId i, std::vector<ValueId> carried) {
          k.Fault(k.Scalar(ir::ScalarOp::kGt, {i, n}), TENON_INDEX_OUT_OF_RANGE, 0, i);
          k.Prefetch(y, i, 48, 2);
          k.Prefetch(y, i, 16, 1, /*to_write=*/true);
          return std::vector<ValueId>{carried[0], carried[1]};
        },
        4);
    const ValueId chosen = k.If(
        k.Scalar(ir::ScalarOp::kEq, {c, n}), [&] { return std::vector<ValueId>{loop[0]}; },
        [&] { return std::vector<ValueId>{maxima}; })[0];
    k.If(
        k.Scalar(ir::ScalarOp::kNe, {c, n}),
        [&] {
          k.Fence();
          return std::vector<ValueId>();
        },
        nullptr);
    k.Store(part, {.buffer = t, .offset = c, .row_stride = one});
    k.Store(chosen, {.buffer = y, .offset = k.Iota(16), .non_temporal = true});
  });
  Kernel kernel = k.Finish();
  ASSERT_TRUE(Verify(kernel).ok()) << Verify(kernel);
  const std::string text = Print(kernel);
  const auto parsed = ParseKernel(text);
  ASSERT_TRUE(parsed.ok()) << parsed.status() << "\n" << text;
  EXPECT_EQ(Print(*parsed), text);
  EXPECT_TRUE(Verify(*parsed).ok()) << Verify(*parsed);
}

TEST(TextTest, StepsOfEveryKind) {
  Program program = VectorAddProgram();
  const Dim n = Dim("n").AtMost(1000);
  const int flag = AddArena(&program, "a flag", DType::kBool, 1);
  program.buffers[flag].offset = 0;
  program.arena_bytes = 64;
  program.scratch_bytes = 128;
  program.has_fma = false;
  program.sites.push_back(ir::Location("dir/model.cc", 12));
  program.sites.push_back(ir::Location());
  Buffer constant{.name = "c", .kind = BufferKind::kConstant, .dtype = DType::kF32, .size = 4};
  constant.literal = ir::Literal::Filled(DType::kF32, {2, 2}, 0.1);
  program.buffers.push_back(constant);
  Step launch = program.step[0];
  Step inner;
  inner.kind = Step::Kind::kRepeat;
  inner.repeat = {.variable = "%i1", .trip_count = n * Dim(2), .reverse = true};
  const Dim i0 = Dim("%i0").AtMost(3), i1 = Dim("%i1").AtMost(1999);
  launch.launch.args[0].offset = i0 * Dim(4) - i1 + Dim(1);
  launch.launch.args[1].offset = Dim(0) - i0;
  inner.repeat.body = {launch, BarrierStep()};
  Step outer;
  outer.kind = Step::Kind::kRepeat;
  outer.repeat = {.variable = "%i0", .trip_count = 4, .body = {inner}};
  Step loop;
  loop.kind = Step::Kind::kWhile;
  loop.loop = {.predicate = flag, .condition = {BarrierStep()}, .body = {outer}};
  Step branch;
  branch.kind = Step::Kind::kBranch;
  branch.branch = {.predicate = flag, .if_true = {loop}, .if_false = {BarrierStep()}};
  Step half = branch;
  half.branch.if_false.clear();
  program.step = {branch, half};
  ASSERT_TRUE(Verify(program).ok()) << Verify(program);
  ExpectFixedPoint(program);
  EXPECT_THAT(Print(program), HasSubstr("repeat i1 < n*2 reverse {"));
}

TEST(TextTest, ErrorsNameThePlace) {
  const auto error = [](absl::string_view text) {
    return std::string(ParseKernel(text, "k.tn").status().message());
  };
  EXPECT_EQ(error("kernel @k() {\n  %1 = bogus\n}"), "k.tn:2:8: unknown instruction 'bogus'");
  EXPECT_EQ(error("kernel @k() {\n  %1 = splat %0 : f32\n}"),
            "k.tn:2:14: %0 is not defined before this use");
  EXPECT_EQ(error("kernel @k() {\n  %1 = iota : i64<4>\n  %1 = iota : i64<4>\n}"),
            "k.tn:3:3: %1 is defined twice");
  EXPECT_EQ(error("kernel @k() {\n  %1 = load x[%1] : f32\n}"),
            "k.tn:2:13: the kernel has no buffer x");
  EXPECT_EQ(error("kernel @k() {\n  %1 = const 1.5 : i64\n}"),
            "k.tn:2:8: an integer constant is no integer of 64 bits");
  EXPECT_THAT(error("kernel @k() {"), HasSubstr("k.tn:1:14: expected an instruction"));
}

// Whatever is cut off or changed: an error or a program, never a crash; a program that verifies
// runs, or is reported.
TEST(TextTest, DamagedTextIsRefused) {
  const std::string text = Print(SoftmaxProgram());
  for (size_t i = 0; i < text.size(); i += 3) {
    (void)ParseProgram(text.substr(0, i));
    for (char c : {'}', '%', '<', '9', '"'}) {
      std::string damaged = text;
      damaged[i] = c;
      const auto parsed = ParseProgram(damaged);
      if (!parsed.ok() || !Verify(*parsed).ok()) continue;
      const std::vector<int64_t> extents(parsed->symbols.size(), 2);
      (void)Interpret(*parsed, extents, {ir::Literal(DType::kF32, {2, 37})},
                      {.max_instructions = 10000});
    }
  }
}

// The reference page's examples are checked: every block that starts with `program` or `kernel`.
TEST(TextTest, ExamplesOfTheReferencePage) {
  std::ifstream file(TENON_SOURCE_DIR "/docs/kernel-ir.md");
  std::stringstream page;
  page << file.rdbuf();
  const std::string text = page.str();
  int examples = 0;
  for (size_t at = text.find("```tenon\n"); at != std::string::npos;
       at = text.find("```tenon\n", at + 1)) {
    const size_t begin = at + 9;
    const std::string example = text.substr(begin, text.find("```", begin) - begin);
    if (example.rfind("kernel", 0) == 0) {
      const auto kernel = ParseKernel(example);
      ASSERT_TRUE(kernel.ok()) << kernel.status() << "\n" << example;
      EXPECT_TRUE(Verify(*kernel).ok()) << Verify(*kernel);
      EXPECT_EQ(Print(*kernel), example);
    } else {
      const auto program = ParseProgram(example);
      ASSERT_TRUE(program.ok()) << program.status() << "\n" << example;
      EXPECT_TRUE(Verify(*program).ok()) << Verify(*program);
      EXPECT_EQ(Print(*program), example);
    }
    ++examples;
  }
  EXPECT_GE(examples, 3);
}

}  // namespace
}  // namespace tenon::kernel
