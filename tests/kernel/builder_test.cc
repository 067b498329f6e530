#include "tenon/ir/kernel/builder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

namespace tenon::kernel {
namespace {

using ir::ScalarOp;

int CountInstrs(const Block& block, Op op) {
  int count = 0;
  for (const Instr& instr : block.instrs) {
    count += instr.op == op;
    for (const Block& inner : instr.blocks) count += CountInstrs(inner, op);
  }
  return count;
}

TEST(BuilderTest, FoldsConstants) {
  KernelBuilder k("k");
  const ValueId v = k.Div(k.Mul(k.Add(k.ConstI64(3), k.ConstI64(4)), k.ConstI64(10)), 7);
  ASSERT_NE(k.AsConst(v), nullptr);
  EXPECT_EQ(*k.AsConst(v), 10);
  EXPECT_EQ(*k.AsConst(k.CeilDiv(k.ConstI64(9), 4)), 3);
  EXPECT_EQ(*k.AsConst(k.Rem(k.ConstI64(9), 4)), 1);
  EXPECT_EQ(*k.AsConst(k.Min(k.ConstI64(9), k.ConstI64(4))), 4);
}

TEST(BuilderTest, NeutralElementsVanish) {
  KernelBuilder k("k");
  const ValueId n = k.Symbol("n");
  EXPECT_EQ(k.Add(n, k.ConstI64(0)), n);
  EXPECT_EQ(k.Mul(k.ConstI64(1), n), n);
  EXPECT_EQ(*k.AsConst(k.Mul(n, k.ConstI64(0))), 0);
  EXPECT_EQ(*k.AsConst(k.Sub(n, n)), 0);
  EXPECT_EQ(k.Sub(k.Add(n, k.ConstI64(5)), k.ConstI64(5)), n);
  EXPECT_EQ(k.Add(k.Add(n, k.ConstI64(2)), k.ConstI64(3)), k.Add(n, k.ConstI64(5)));
  EXPECT_EQ(k.Symbol("n"), n);
}

TEST(BuilderTest, DoesNotFoldWhatOverflows) {
  KernelBuilder k("k");
  EXPECT_EQ(k.AsConst(k.Add(k.ConstI64(INT64_MAX), k.ConstI64(1))), nullptr);
}

TEST(BuilderTest, SharesOnlyWhatDominates) {
  KernelBuilder k("k");
  const int y = k.AddParam({.name = "y", .written = true});
  const ValueId n = k.Symbol("n");
  ValueId in_first, in_second, outside;
  k.Parallel(n, [&](ValueId c) {
    outside = k.Mul(n, n);
    k.For(k.ConstI64(0), n, 1, {}, [&](ValueId i, std::vector<ValueId>) {
      in_first = k.Mul(n, k.ConstI64(3));
      EXPECT_EQ(k.Mul(n, n), outside);
      k.Store(k.Const(DType::kF32, 1), {.buffer = y, .offset = k.Add(i, in_first)});
      return std::vector<ValueId>();
    });
    k.For(k.ConstI64(0), n, 1, {}, [&](ValueId i, std::vector<ValueId>) {
      in_second = k.Mul(n, k.ConstI64(3));
      k.Store(k.Const(DType::kF32, 1), {.buffer = y, .offset = k.Add(i, in_second)});
      return std::vector<ValueId>();
    });
    k.Store(k.Const(DType::kF32, 1), {.buffer = y, .offset = c});
  });
  EXPECT_NE(in_first, in_second);
  const Kernel kernel = k.Finish();
  // n * n had no use.
  EXPECT_EQ(CountInstrs(kernel.body, Op::kStore), 3);
  EXPECT_EQ(CountInstrs(kernel.body, Op::kConst), 3);  // 0, 3, 1.0
  EXPECT_EQ(kernel.body.instrs.back().op, Op::kYield);
}

TEST(BuilderTest, LoopsOfNoOrOneIterationAreNotBuilt) {
  KernelBuilder k("k");
  const int y = k.AddParam({.name = "y", .written = true});
  k.Parallel(k.ConstI64(1), [&](ValueId) {
    const ValueId one = k.Const(DType::kF32, 1);
    auto body = [&](ValueId, std::vector<ValueId> carried) {
      return std::vector<ValueId>{k.Add(carried[0], one)};
    };
    const ValueId none = k.For(k.ConstI64(4), k.ConstI64(4), 8, {one}, body)[0];
    EXPECT_EQ(none, one);
    const ValueId once = k.For(k.ConstI64(0), k.ConstI64(4), 8, {one}, body)[0];
    k.Store(once, {.buffer = y, .offset = k.ConstI64(0)});
  });
  EXPECT_EQ(CountInstrs(k.Finish().body, Op::kFor), 0);
}

TEST(BuilderTest, LocalsAreNumberedAfterParameters) {
  KernelBuilder k("k");
  const int local = k.AddLocal({.name = "t", .dtype = DType::kF32, .size = 16});
  const int x = k.AddParam({.name = "x"});
  const int y = k.AddParam({.name = "y", .written = true});
  k.Parallel(k.ConstI64(1), [&](ValueId c) {
    k.Store(k.Load(DType::kF32, 1, 1, {.buffer = x, .offset = c}), {.buffer = local, .offset = c});
    k.Store(k.Load(DType::kF32, 1, 1, {.buffer = local, .offset = c}), {.buffer = y, .offset = c});
  });
  const Kernel kernel = k.Finish();
  std::vector<int> buffers;
  for (const Instr& instr : kernel.body.instrs) {
    if (instr.op != Op::kParallel) continue;
    for (const Instr& inner : instr.blocks[0].instrs) {
      if (inner.mem.buffer >= 0) buffers.push_back(inner.mem.buffer);
    }
  }
  EXPECT_EQ(buffers, (std::vector<int>{0, 2, 2, 1}));
}

TEST(BuilderTest, TypesBroadcast) {
  KernelBuilder k("k");
  const ValueId a = k.Const(DType::kF32, 1, 8, 1), b = k.Const(DType::kF32, 2, 1, 48);
  const ValueId acc = k.Const(DType::kF32, 0, 8, 48);
  EXPECT_EQ(k.type(k.Scalar(ScalarOp::kFma, {a, b, acc})).ToString(), "f32<8 x 48>");
  EXPECT_EQ(k.type(k.Scalar(ScalarOp::kLt, {a, b})).ToString(), "bool<8 x 48>");
  EXPECT_EQ(k.type(k.Transpose(a)).ToString(), "f32<8>");
  EXPECT_EQ(k.type(k.ReduceLanes(ir::Combiner::kSum, acc)).ToString(), "f32<8 x 1>");
}

TEST(BuilderTest, IntegerConstantsSaturate) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  KernelBuilder k("k");
  EXPECT_EQ(*k.AsConst(k.Const(DType::kI64, -kInf)), std::numeric_limits<int64_t>::min());
  const int y = k.AddParam({.name = "y", .dtype = DType::kI8, .written = true});
  k.Parallel(k.ConstI64(1),
             [&](ValueId c) { k.Store(k.Const(DType::kI8, kInf), {.buffer = y, .offset = c}); });
  const Kernel kernel = k.Finish();
  const auto is_127 = [](const Instr& i) { return i.op == Op::kConst && i.integer == 127; };
  EXPECT_TRUE(std::any_of(kernel.body.instrs.begin(), kernel.body.instrs.end(), is_127));
}

TEST(BuilderTest, DimValuesFloorNegativeNumerators) {
  KernelBuilder k("k");
  // The lowest numerator is -1: truncation alone would be wrong.
  const ir::Dim n = ir::Dim("n").AtMost(9);
  const ValueId half = k.DimValue(ir::FloorDiv(n - ir::Dim(1), 2));
  const ValueId plain = k.DimValue(ir::FloorDiv(n + ir::Dim(1), 2));
  EXPECT_FALSE(half == plain);
  EXPECT_EQ(k.DimValue(n), k.Symbol("n"));
  EXPECT_EQ(*k.AsConst(k.DimValue(ir::Dim(12))), 12);
}

}  // namespace
}  // namespace tenon::kernel
