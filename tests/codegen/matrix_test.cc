// Products of tiles: native code against the kernel interpreter, emulated on every target and in
// matrix registers where this machine has them.
#include <cmath>
#include <iostream>

#include "absl/strings/str_cat.h"
#include "tenon/codegen/host.h"
#include "tests/codegen/harness.h"

namespace tenon::codegen {
namespace {

using ir::DType;
using ir::Literal;
using kernel::KernelBuilder;
using kernel::MemRef;
using kernel::ValueId;
using Values = std::vector<ValueId>;

// Writes what a kernel does with a (i32, as pairs of bf16), b (likewise), c and out (f32).
using Body = std::function<void(KernelBuilder& k, int a, int b, int c, int out)>;

kernel::Program WithOperands(int64_t a_size, int64_t b_size, int64_t c_size, const Body& body) {
  KernelBuilder k("tiles");
  const int a = k.AddParam({.name = "a", .dtype = DType::kBF16});
  const int b = k.AddParam({.name = "b", .dtype = DType::kI32});
  const int c = k.AddParam({.name = "c"});
  const int out = k.AddParam({.name = "out", .written = true, .read = false});
  k.Parallel(k.ConstI64(1), [&](ValueId) { body(k, a, b, c, out); });
  return ProgramOf(k.Finish(), {a_size, b_size, c_size, c_size});
}

MemRef At(KernelBuilder& k, int buffer, int64_t offset, int64_t row_stride) {
  return {.buffer = buffer, .offset = k.ConstI64(offset), .row_stride = k.ConstI64(row_stride)};
}

MemRef PairsAt(KernelBuilder& k, int buffer, int64_t offset, int64_t row_stride) {
  MemRef mem = At(k, buffer, offset, row_stride);
  mem.lane_stride = k.ConstI64(2);
  return mem;
}

// bf16 whose products and sums come to where the arithmetic is delicate: any bits; near one; near
// the denormals of f32; with denormals of their own; over a wide range.
uint16_t Delicate(int kind, uint64_t random) {
  const auto sign = static_cast<uint16_t>((random >> 40) & 0x8000);
  const auto digits = static_cast<uint16_t>((random >> 32) & 127);
  const auto with_exponent = [&](uint64_t exponent) {
    return static_cast<uint16_t>(sign | exponent << 7 | digits);
  };
  switch (kind) {
    case 0:
      return static_cast<uint16_t>(random >> 20);
    case 1:
      return with_exponent(120 + random % 16);
    case 2:
      return with_exponent(55 + random % 20);
    case 3:
      return with_exponent(random % 3 != 0 ? 60 + random / 3 % 8 : 0);
    default:
      return with_exponent(100 + random % 60);
  }
}

uint64_t Next(uint64_t* state) {
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return *state * 2685821657736338717u;
}

Literal Operand(DType dtype, int64_t size, int kind, uint64_t seed) {
  Literal literal(dtype, {size});
  auto* bits = reinterpret_cast<uint16_t*>(literal.mutable_bytes());
  const int64_t halves = size * ir::ByteSize(dtype) / 2;
  uint64_t state = seed * 88172645463325252u + 1;
  for (int64_t i = 0; i < halves; ++i) {
    const uint64_t random = Next(&state);
    // The low halves of what is added to are digits.
    const bool low = dtype == DType::kF32 && i % 2 == 0;
    bits[i] = low ? static_cast<uint16_t>(random >> 16) : Delicate(kind, random);
  }
  return literal;
}

std::vector<Literal> Operands(const kernel::Program& program, int kind, uint64_t seed) {
  std::vector<Literal> inputs;
  for (const kernel::Binding& b : program.bindings) {
    if (b.is_output) continue;
    const int64_t size = b.type.dims[0].constant();
    inputs.push_back(Operand(b.type.dtype, size, kind, seed * 8 + inputs.size()));
  }
  return inputs;
}

// On the host itself, which may have matrix registers.
void CheckOnHost(const kernel::Program& program, const std::string& what, int rounds) {
  const ir::TargetDesc target = HostTarget();
  const auto artifact = Compile(program, target);
  ASSERT_TRUE(artifact.ok()) << artifact.status();
  const auto loaded = Load(*artifact);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  for (int round = 0; round < rounds; ++round) {
    const std::vector<Literal> inputs =
        Operands(program, round % 5, static_cast<uint64_t>(round) + 1);
    const auto expected = kernel::Interpret(program, {}, inputs);
    ASSERT_TRUE(expected.ok()) << expected.status();
    const auto run = RunNative(program, *artifact, **loaded, {}, inputs, 1, round % 2 != 0);
    ASSERT_TRUE(run.ok()) << run.status();
    ASSERT_EQ(run->status, TENON_OK);
    EXPECT_EQ(FirstDifference(expected->outputs[0], run->outputs[0]), "") << what << " " << round;
  }
}

void Check(const kernel::Program& program, const std::string& what) {
  SCOPED_TRACE(what);
  for (int kind = 0; kind < 5; ++kind) {
    ExpectNativeEqualsInterpreter(program, {}, Operands(program, kind, 77),
                                  kind == 0 ? Emulate::kYes : Emulate::kNo);
  }
  CheckOnHost(program, what, 10);
}

// One tile_dot of these shapes.
kernel::Program OneDot(int rows, int pairs, int lanes) {
  return WithOperands(int64_t{2} * rows * pairs, int64_t{pairs} * lanes, int64_t{rows} * lanes,
                      [=](KernelBuilder& k, int a, int b, int c, int out) {
                        const ValueId x =
                            k.Load(DType::kI32, rows, pairs, PairsAt(k, a, 0, 2 * pairs));
                        const ValueId y = k.Load(DType::kI32, pairs, lanes, At(k, b, 0, lanes));
                        const ValueId z = k.Load(DType::kF32, rows, lanes, At(k, c, 0, lanes));
                        k.Store(k.TileDot(x, y, z), At(k, out, 0, lanes));
                      });
}

TEST(MatrixTest, EveryShape) {
  const int shapes[][3] = {{16, 16, 16}, {1, 1, 1},   {3, 4, 8},
                           {16, 1, 16},  {5, 16, 32}, {32, 8, 4}};
  for (const auto& [rows, pairs, lanes] : shapes) {
    Check(OneDot(rows, pairs, lanes), absl::StrCat(rows, " ", pairs, " ", lanes));
  }
}

// What the instruction computes is what tile_dot is defined to be.
TEST(MatrixTest, HardwareOnDelicateNumbers) {
  if (!HostTarget().has_bf16_tiles) GTEST_SKIP() << "this machine has no tiles of bf16 (AMX)";
  CheckOnHost(OneDot(16, 16, 16), "hardware", 1000);
}

// The ways of a contraction: accumulators carried through a loop, from zero and from memory, with
// masked operands at the edges, sums stored and computed with.
TEST(MatrixTest, AccumulatorsInLoops) {
  constexpr int64_t kSteps = 70, kRows = 21;  // pairs, and rows of the left operand
  const auto program = WithOperands(
      2 * kRows * kSteps, 32 * kSteps, 32 * 32, [](KernelBuilder& k, int a, int b, int c, int out) {
        const ValueId zero = k.Const(DType::kF32, 0, 16, 16);
        Values sums = {zero, zero, k.Load(DType::kF32, 16, 16, At(k, c, 0, 32)),
                       k.Load(DType::kF32, 16, 16, At(k, c, 16, 32))};
        const auto step = [&](ValueId i, ValueId count, Values acc) {
          for (int row = 0; row < 2; ++row) {
            MemRef left = PairsAt(k, a, 0, 2 * kSteps);
            left.offset = k.Add(k.ConstI64(row * 32 * kSteps), k.Mul(i, k.ConstI64(2)));
            left.lane_count = count;
            if (row == 1) left.row_count = k.ConstI64(kRows - 16);
            const ValueId x = k.Load(DType::kI32, 16, 16, left);
            for (int column = 0; column < 2; ++column) {
              MemRef right = At(k, b, 0, 32);
              right.offset = k.Add(k.Mul(i, k.ConstI64(32)), k.ConstI64(16 * column));
              right.row_count = count;
              const ValueId y = k.Load(DType::kI32, 16, 16, right);
              acc[2 * row + column] = k.TileDot(x, y, acc[2 * row + column]);
            }
          }
          return acc;
        };
        sums = k.For(k.ConstI64(0), k.ConstI64(64), 16, sums,
                     [&](ValueId i, Values acc) { return step(i, {}, acc); });
        sums = step(k.ConstI64(64), k.ConstI64(kSteps - 64), sums);
        const ValueId half = k.Const(DType::kF32, 0.5, 16, 16);
        k.Store(sums[0], At(k, out, 0, 32));
        k.Store(k.Scalar(ir::ScalarOp::kMul, {sums[1], half}), At(k, out, 16, 32));
        MemRef masked = At(k, out, 16 * 32, 32);
        masked.row_count = k.ConstI64(16);
        masked.lane_count = k.ConstI64(16);
        k.Store(sums[2], masked);
        k.Store(sums[3], At(k, out, 16 * 32 + 16, 32));
      });
  Check(program, "loops");
}

// Nested loops, a loop that may not run at all, and values that cannot stay in registers: chosen
// by a condition, or also used as vectors within the loop.
TEST(MatrixTest, ValuesThatMeetVectors) {
  const auto program = WithOperands(
      2 * 16 * 64, 64 * 16, 16 * 16, [](KernelBuilder& k, int a, int b, int c, int out) {
        const auto dot = [&](ValueId i, ValueId acc) {
          MemRef left = PairsAt(k, a, 0, 128), right = At(k, b, 0, 16);
          left.offset = k.Mul(i, k.ConstI64(32));
          right.offset = k.Mul(i, k.ConstI64(256));
          return k.TileDot(k.Load(DType::kI32, 16, 16, left), k.Load(DType::kI32, 16, 16, right),
                           acc);
        };
        const ValueId zero = k.ConstI64(0), four = k.ConstI64(4);
        const ValueId start = k.Load(DType::kF32, 16, 16, At(k, c, 0, 16));
        const ValueId bit = k.Scalar(
            ir::ScalarOp::kGt,
            {k.Load(DType::kF32, 1, 1, {.buffer = c, .offset = zero}), k.Const(DType::kF32, 0)});
        const ValueId chosen = k.If(
            bit, [&] { return Values{start}; },
            [&] { return Values{k.Const(DType::kF32, 0, 16, 16)}; })[0];
        // How often the inner loop runs is not known.
        const ValueId trips = k.Scalar(ir::ScalarOp::kSelect, {bit, four, zero});
        ValueId sum = k.For(zero, k.ConstI64(2), 1, {chosen}, [&](ValueId, Values outer) {
          return k.For(zero, trips, 1, outer,
                       [&](ValueId i, Values acc) { return Values{dot(i, acc[0])}; });
        })[0];
        sum = k.For(zero, four, 1, {sum}, [&](ValueId i, Values acc) {
          const ValueId halved =
              k.Scalar(ir::ScalarOp::kMul, {acc[0], k.Const(DType::kF32, 0.5, 16, 16)});
          return Values{dot(i, halved)};
        })[0];
        k.Store(sum, At(k, out, 0, 16));
      });
  Check(program, "vectors");
}

}  // namespace
}  // namespace tenon::codegen
