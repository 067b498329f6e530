#include "tenon/ir/kernel/canonical.h"

#include <gtest/gtest.h>

#include <set>

#include "tenon/ir/kernel/text.h"
#include "tests/kernel/samples.h"

namespace tenon::kernel {
namespace {

TEST(CanonicalTest, NamesAndNumberingDoNotMatter) {
  Kernel kernel = SoftmaxProgram().kernels[0];
  const std::string bytes = CanonicalBytes(kernel);
  kernel.name = "other";
  kernel.params[0].name = "input";
  kernel.locals[0].name = "scratch";
  kernel.symbols[0] = "rows";
  // A dead constant at the front moves every number.
  kernel.types.push_back(Type{DType::kF64});
  kernel.body.instrs.insert(
      kernel.body.instrs.begin(),
      {.op = Op::kConst, .results = {{static_cast<uint32_t>(kernel.types.size() - 1)}}, .real = 3});
  EXPECT_EQ(CanonicalBytes(kernel), bytes);
  const auto parsed = ParseKernel(Print(kernel));
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(CanonicalBytes(*parsed), bytes);
}

// Every field that code generation reads changes the bytes.
void ChangeEach(Block* block, const std::function<void()>& changed) {
  for (Instr& instr : block->instrs) {
    const auto step = [&](auto& field) {
      field += 1;
      changed();
      field -= 1;
    };
    step(instr.integer);
    step(instr.unroll);
    step(instr.site);
    step(instr.level);
    step(instr.real);
    step(instr.mem.buffer);
    instr.mem.non_temporal = !instr.mem.non_temporal;
    changed();
    instr.mem.non_temporal = !instr.mem.non_temporal;
    for (size_t i = 1; i < instr.args.size(); ++i) {
      if (instr.args[0] == instr.args[i]) continue;
      std::swap(instr.args[0], instr.args[i]);
      changed();
      std::swap(instr.args[0], instr.args[i]);
    }
    for (Block& inner : instr.blocks) ChangeEach(&inner, changed);
  }
}

TEST(CanonicalTest, WhatDecidesTheCodeIsInTheBytes) {
  Kernel kernel = PackedMatmulProgram(21, 13, 101).kernels[1];
  const std::string bytes = CanonicalBytes(kernel);
  ChangeEach(&kernel.body, [&] { EXPECT_NE(CanonicalBytes(kernel), bytes) << Print(kernel); });
  EXPECT_EQ(CanonicalBytes(kernel), bytes);
  kernel.params[0].no_alias = false;
  EXPECT_NE(CanonicalBytes(kernel), bytes);
}

TEST(CanonicalTest, DeadLoopsVanishAndEffectsStay) {
  KernelBuilder k("k");
  const int y = k.AddParam({.name = "y", .written = true});
  const ValueId n = k.Symbol("n");
  k.Parallel(n, [&](ValueId c) {
    k.For(k.ConstI64(0), n, 1, {k.Const(DType::kF32, 0)},
          [&](ValueId, std::vector<ValueId> carried) {
            return std::vector<ValueId>{k.Add(carried[0], k.Const(DType::kF32, 1))};
          });
    k.If(
        k.Scalar(ir::ScalarOp::kLt, {c, n}),
        [&] {
          k.Store(k.Const(DType::kF32, 2), {.buffer = y, .offset = c});
          return std::vector<ValueId>();
        },
        nullptr);
  });
  const std::string text = Print(k.Finish());
  EXPECT_EQ(text.find(" for "), std::string::npos) << text;
  EXPECT_NE(text.find("store"), std::string::npos) << text;
}

}  // namespace
}  // namespace tenon::kernel
