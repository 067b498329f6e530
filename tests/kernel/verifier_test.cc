#include "tenon/ir/kernel/verifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "absl/strings/str_cat.h"
#include "tests/kernel/samples.h"

namespace tenon::kernel {
namespace {

using testing::HasSubstr;

// The first instruction of that op, blocks included.
Instr* Find(Block* block, Op op) {
  for (Instr& instr : block->instrs) {
    if (instr.op == op) return &instr;
    for (Block& inner : instr.blocks) {
      if (Instr* found = Find(&inner, op)) return found;
    }
  }
  return nullptr;
}

// Breaks a valid program by `edit` and expects invariant `number` to be named.
void ExpectBroken(Program program, int number, const std::function<void(Program*)>& edit) {
  ASSERT_TRUE(Verify(program).ok()) << Verify(program);
  edit(&program);
  EXPECT_THAT(std::string(Verify(program).message()),
              HasSubstr(absl::StrCat("[invariant ", number, " of")));
}

Kernel& FirstKernel(Program* p) { return p->kernels[0]; }

TEST(VerifierTest, SamplesAreValid) {
  EXPECT_TRUE(Verify(VectorAddProgram()).ok()) << Verify(VectorAddProgram());
  EXPECT_TRUE(Verify(SoftmaxProgram()).ok()) << Verify(SoftmaxProgram());
  EXPECT_TRUE(Verify(PackedMatmulProgram(20, 7, 100)).ok())
      << Verify(PackedMatmulProgram(20, 7, 100));
}

TEST(VerifierTest, TileDot) {
  const Program valid = TileDotProgram(21, 22);
  EXPECT_TRUE(Verify(valid).ok()) << Verify(valid);
  const auto broken = [&](const std::function<void(Kernel*, Instr*)>& edit) {
    ExpectBroken(valid, 22, [&](Program* p) {
      edit(&FirstKernel(p), Find(&FirstKernel(p).body, Op::kTileDot));
    });
  };
  broken([](Kernel*, Instr* dot) { dot->args[0] = dot->args[2]; });
  broken([](Kernel*, Instr* dot) { dot->args[1] = dot->args[2]; });
  broken([](Kernel*, Instr* dot) { dot->args[2] = dot->args[0]; });
  broken([](Kernel* k, Instr* dot) { k->types[dot->results[0].index].lanes = 8; });
}

TEST(VerifierTest, Types) {
  for (Type wrong : {Type{DType::kF32, 33, 1}, Type{DType::kF32, 1, 24}, Type{DType::kF32, 0, 1}}) {
    ExpectBroken(VectorAddProgram(), 1, [&](Program* p) {
      Instr* load = Find(&FirstKernel(p).body, Op::kLoad);
      FirstKernel(p).types[load->results[0].index] = wrong;
      load->mem.row_stride = load->mem.offset;
    });
  }
}

TEST(VerifierTest, Dominance) {
  ExpectBroken(VectorAddProgram(), 2, [](Program* p) {
    Instr* loop = Find(&FirstKernel(p).body, Op::kFor);
    Instr* load = Find(&loop->blocks[0], Op::kLoad);
    Instr* section = Find(&FirstKernel(p).body, Op::kParallel);
    section->blocks[0].instrs[0].args[0] = load->results[0];
  });
  ExpectBroken(VectorAddProgram(), 2, [](Program* p) {
    Instr* load = Find(&FirstKernel(p).body, Op::kLoad);
    load->results[0].index = FirstKernel(p).types.size() + 5;
  });
  ExpectBroken(VectorAddProgram(), 2, [](Program* p) {
    Instr* load = Find(&FirstKernel(p).body, Op::kLoad);
    load->mem.lane_count.index = 100000;
  });
}

TEST(VerifierTest, Blocks) {
  ExpectBroken(VectorAddProgram(), 3, [](Program* p) {
    Find(&FirstKernel(p).body, Op::kFor)->blocks[0].instrs.pop_back();
  });
  ExpectBroken(SoftmaxProgram(), 3, [](Program* p) {
    Find(&FirstKernel(p).body, Op::kFor)->blocks[0].instrs.back().args.clear();
  });
}

TEST(VerifierTest, ScalarOps) {
  ExpectBroken(SoftmaxProgram(), 4, [](Program* p) {
    for (Instr& i : Find(&FirstKernel(p).body, Op::kFor)->blocks[0].instrs) {
      if (i.op == Op::kScalar && i.scalar_op == ir::ScalarOp::kMax) {
        i.scalar_op = ir::ScalarOp::kAnd;
      }
    }
  });
  ExpectBroken(SoftmaxProgram(), 4, [](Program* p) {
    for (Instr& i : Find(&FirstKernel(p).body, Op::kFor)->blocks[0].instrs) {
      if (i.op == Op::kScalar && i.scalar_op == ir::ScalarOp::kMax) i.args.pop_back();
    }
  });
  ExpectBroken(SoftmaxProgram(), 4, [](Program* p) {
    for (Instr& i : Find(&FirstKernel(p).body, Op::kFor)->blocks[0].instrs) {
      i.of_numbers = i.op == Op::kScalar && i.scalar_op != ir::ScalarOp::kMax;
    }
  });
}

TEST(VerifierTest, Reductions) {
  ExpectBroken(SoftmaxProgram(), 6, [](Program* p) {
    Find(&FirstKernel(p).body, Op::kReduceLanes)->combiner = ir::Combiner::kAnd;
  });
  ExpectBroken(SoftmaxProgram(), 6, [](Program* p) {
    Instr* reduce = Find(&FirstKernel(p).body, Op::kReduceLanes);
    reduce->combiner = ir::Combiner::kSum;
    reduce->of_numbers = true;
  });
}

TEST(VerifierTest, Memory) {
  ExpectBroken(VectorAddProgram(), 8,
               [](Program* p) { Find(&FirstKernel(p).body, Op::kLoad)->mem.buffer = 3; });
  ExpectBroken(VectorAddProgram(), 8, [](Program* p) {
    Instr* load = Find(&FirstKernel(p).body, Op::kLoad);
    load->mem.predicate = load->mem.lane_count;
  });
  ExpectBroken(VectorAddProgram(), 9,
               [](Program* p) { Find(&FirstKernel(p).body, Op::kStore)->mem.buffer = 0; });
  ExpectBroken(VectorAddProgram(), 9,
               [](Program* p) { Find(&FirstKernel(p).body, Op::kLoad)->mem.buffer = 2; });
}

TEST(VerifierTest, Prefetches) {
  KernelBuilder k("ahead");
  const int x = k.AddParam({.name = "x"});
  k.AddLocal({.name = "row", .size = 16});
  k.Parallel(k.ConstI64(1), [&](ValueId c) { k.Prefetch(x, c, 16, 1); });
  const Kernel kernel = k.Finish();
  ASSERT_TRUE(Verify(kernel).ok()) << Verify(kernel);
  const auto broken = [&](const std::function<void(Instr*)>& edit) {
    Kernel copy = kernel;
    edit(Find(&copy.body, Op::kPrefetch));
    EXPECT_THAT(std::string(Verify(copy).message()), HasSubstr("[invariant 8 of"));
  };
  broken([](Instr* i) { i->mem.buffer = 1; });
  broken([](Instr* i) { i->mem.lane_count = i->mem.offset; });
  broken([](Instr* i) { i->integer = 0; });
  broken([](Instr* i) { i->level = 0; });
  broken([](Instr* i) { i->level = 4; });
  broken([](Instr* i) { i->to_write = true; });  // x is not written
}

TEST(VerifierTest, StoresStandInParallelOnly) {
  ExpectBroken(VectorAddProgram(), 10, [](Program* p) {
    Kernel& k = FirstKernel(p);
    Instr store = *Find(&k.body, Op::kStore);
    ValueId zero, count;
    for (const Instr& i : k.body.instrs) {
      if (i.op == Op::kConst) zero = i.results[0];
    }
    const ValueId value{static_cast<uint32_t>(k.types.size())};
    k.types.push_back(Type{DType::kF32});
    store.args = {value};
    store.mem = {.buffer = 2, .offset = zero};
    k.body.instrs.insert(k.body.instrs.end() - 1,
                         {.op = Op::kConst, .results = {value}, .real = 1});
    k.body.instrs.insert(k.body.instrs.end() - 1, store);
  });
}

TEST(VerifierTest, LoopsAndLocals) {
  ExpectBroken(SoftmaxProgram(), 11,
               [](Program* p) { Find(&FirstKernel(p).body, Op::kFor)->integer = 0; });
  ExpectBroken(VectorAddProgram(), 11,
               [](Program* p) { Find(&FirstKernel(p).body, Op::kFor)->unroll = 0; });
  ExpectBroken(SoftmaxProgram(), 11,
               [](Program* p) { Find(&FirstKernel(p).body, Op::kFor)->results.clear(); });
  ExpectBroken(SoftmaxProgram(), 14, [](Program* p) { FirstKernel(p).locals[0].size = 0; });
}

TEST(VerifierTest, Programs) {
  ExpectBroken(VectorAddProgram(), 15, [](Program* p) { p->symbols[0].name = "other"; });
  ExpectBroken(VectorAddProgram(), 16, [](Program* p) { p->bindings[2].donated_input = 2; });
  ExpectBroken(VectorAddProgram(), 17, [](Program* p) { p->buffers[0].size = 7; });
  ExpectBroken(PackedMatmulProgram(8, 8, 8), 17, [](Program* p) { p->buffers[3].offset = 64; });
  ExpectBroken(VectorAddProgram(), 18, [](Program* p) { p->step[0].launch.args.pop_back(); });
  ExpectBroken(VectorAddProgram(), 18, [](Program* p) { p->step[0].launch.kernel = 1; });
  ExpectBroken(VectorAddProgram(), 19, [](Program* p) { p->bindings[2].is_output = false; });
  ExpectBroken(VectorAddProgram(), 19, [](Program* p) { p->prepare = p->step; });
  ExpectBroken(VectorAddProgram(), 20, [](Program* p) { p->step[0].launch.args[0].buffer = 2; });
  ExpectBroken(VectorAddProgram(), 21, [](Program* p) {
    Step loop;
    loop.kind = Step::Kind::kWhile;
    loop.loop.predicate = 0;
    p->step.push_back(loop);
  });
}

}  // namespace
}  // namespace tenon::kernel
