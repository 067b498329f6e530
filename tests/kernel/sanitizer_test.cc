// Every kind of report: a program that triggers it, and its neighbour that must not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "absl/strings/str_cat.h"
#include "tenon/ir/kernel/interpreter.h"
#include "tenon/ir/kernel/verifier.h"
#include "tests/kernel/samples.h"

namespace tenon::kernel {
namespace {

using ir::Dim;
using ir::Literal;
using testing::AllOf;
using testing::HasSubstr;

constexpr InterpretOptions kStrict = {.each_chunk_its_own_thread = true};

// A kernel over parameters x (read) and y (written), one body for every chunk.
using Body = std::function<void(KernelBuilder& k, int x, int y, ValueId chunk)>;
Kernel MapKernel(const std::string& name, int64_t chunks, const Body& body, bool no_alias = true) {
  KernelBuilder k(name);
  const int x = k.AddParam({.name = "x", .no_alias = no_alias});
  const int y = k.AddParam({.name = "y", .written = true, .no_alias = no_alias});
  k.Parallel(k.ConstI64(chunks), [&](ValueId chunk) { body(k, x, y, chunk); });
  return k.Finish();
}

ValueId LoadOne(KernelBuilder& k, int buffer, ValueId at) {
  return k.Load(DType::kF32, 1, 1, {.buffer = buffer, .offset = at});
}

// y[c] = x[c + shift]
Kernel CopyKernel(int64_t chunks, int64_t shift = 0) {
  return MapKernel("copy", chunks, [&](KernelBuilder& k, int x, int y, ValueId c) {
    k.Store(LoadOne(k, x, k.Add(c, k.ConstI64(shift))), {.buffer = y, .offset = c});
  });
}

// input x[size] -> output y[size], with an arena buffer t[size] as number 2.
Program WithBuffers(std::vector<Kernel> kernels, std::vector<Step> steps, int64_t size = 8) {
  Program program;
  program.name = "p";
  AddBinding(&program, "x", false, DType::kF32, {size});
  AddBinding(&program, "y", true, DType::kF32, {size});
  AddArena(&program, "t", DType::kF32, size);
  program.kernels = std::move(kernels);
  program.step = std::move(steps);
  return program;
}

std::string Message(const Program& program, InterpretOptions options = kStrict,
                    bool verified = true) {
  if (verified) {
    EXPECT_TRUE(Verify(program).ok()) << Verify(program);
  }
  const int64_t size = program.bindings[0].type.dims[0].constant();
  const auto result = Interpret(program, {}, {Literal::Filled(DType::kF32, {size}, 1.5)}, options);
  return std::string(result.status().message());
}

TEST(SanitizerTest, RaceBetweenLaunches) {
  const auto program = [](int64_t shift, bool barrier) {
    std::vector<Step> steps = {LaunchStep(0, {{0}, {2}})};
    if (barrier) steps.push_back(BarrierStep());
    steps.push_back(LaunchStep(1, {{2}, {1}}));
    // Chunk c reads what chunk c + shift wrote; the last elements are written by one chunk less.
    return WithBuffers({CopyKernel(8), CopyKernel(8 - shift, shift)}, steps, 8);
  };
  EXPECT_EQ(Message(program(0, false)), "");
  EXPECT_THAT(Message(program(1, false)),
              AllOf(HasSubstr("race: chunk 0 of 7 reads element 1 of buffer t, which chunk 1 of 8 "
                              "wrote in kernel copy at step 0 with no barrier between"),
                    HasSubstr("in kernel copy at step 1, chunk 0 of 7: %"), HasSubstr("load x[")));
}

// Chunks of equal fractions belong to one thread whatever the number of threads.
TEST(SanitizerTest, EqualFractionsAreOneThread) {
  const Kernel pairs = MapKernel("pairs", 4, [](KernelBuilder& k, int x, int y, ValueId c) {
    const ValueId at = k.Add(k.Mul(c, k.ConstI64(2)), k.ConstI64(1));
    k.Store(LoadOne(k, x, at), {.buffer = y, .offset = at});
    k.Store(LoadOne(k, x, at), {.buffer = y, .offset = k.Sub(at, k.ConstI64(1))});
  });
  const Program program =
      WithBuffers({CopyKernel(8), pairs}, {LaunchStep(0, {{0}, {2}}), LaunchStep(1, {{2}, {1}})});
  EXPECT_EQ(Message(program), "");
  for (int threads = 1; threads < 12; ++threads) {
    EXPECT_EQ(Message(program, {.threads = threads}), "");
  }
}

TEST(SanitizerTest, RaceDependsOnTheNumberOfThreads) {
  const Program program = WithBuffers(
      {CopyKernel(8), MapKernel("shifted", 7,
                                [](KernelBuilder& k, int x, int y, ValueId c) {
                                  const ValueId at = k.Add(c, k.ConstI64(1));
                                  k.Store(LoadOne(k, x, at), {.buffer = y, .offset = c});
                                  k.Store(LoadOne(k, x, at), {.buffer = y, .offset = at});
                                })},
      {LaunchStep(0, {{0}, {2}}), LaunchStep(1, {{2}, {1}})});
  EXPECT_EQ(Message(program, {.threads = 1}), "");
  EXPECT_THAT(Message(program, {.threads = 8}), HasSubstr("race: thread"));
}

TEST(SanitizerTest, RaceWithinALaunch) {
  const Body to_zero = [](KernelBuilder& k, int x, int y, ValueId c) {
    k.Store(LoadOne(k, x, c), {.buffer = y, .offset = k.ConstI64(0)});
  };
  EXPECT_THAT(
      Message(WithBuffers({MapKernel("m", 2, to_zero)}, {LaunchStep(0, {{0}, {1}})})),
      HasSubstr("race: chunk 1 of 2 writes element 0 of buffer y, which chunk 0 of 2 wrote"));
  const std::string one =
      Message(WithBuffers({MapKernel("m", 1, to_zero)}, {LaunchStep(0, {{0}, {1}})}, 1));
  EXPECT_EQ(one, "");
}

TEST(SanitizerTest, WriteAfterReadOfAnotherThread) {
  // t is written, then read shifted, then written again: the second write needs a barrier too.
  for (bool barrier : {false, true}) {
    std::vector<Step> steps = {LaunchStep(0, {{0}, {2}}), BarrierStep(), LaunchStep(1, {{2}, {1}})};
    if (barrier) steps.push_back(BarrierStep());
    steps.push_back(LaunchStep(0, {{0}, {2}}));
    const Kernel reversed = MapKernel("reversed", 8, [](KernelBuilder& k, int x, int y, ValueId c) {
      k.Store(LoadOne(k, x, k.Sub(k.ConstI64(7), c)), {.buffer = y, .offset = c});
    });
    const std::string message = Message(WithBuffers({CopyKernel(8), reversed}, steps));
    if (barrier) {
      EXPECT_EQ(message, "");
    } else {
      EXPECT_THAT(message, HasSubstr("writes element 0 of buffer t, which chunk 7 of 8 read in"));
    }
  }
}

TEST(SanitizerTest, CodeOutsideParallelRunsOnEveryThread) {
  KernelBuilder k("outside");
  const int x = k.AddParam({.name = "x"});
  const int y = k.AddParam({.name = "y", .written = true});
  const ValueId v = LoadOne(k, x, k.ConstI64(0));
  k.Parallel(k.ConstI64(8), [&](ValueId c) { k.Store(v, {.buffer = y, .offset = c}); });
  const std::vector<Kernel> kernels = {CopyKernel(8), k.Finish()};
  const std::vector<Step> with = {LaunchStep(0, {{0}, {2}}), BarrierStep(),
                                  LaunchStep(1, {{2}, {1}})};
  const std::vector<Step> without = {with[0], with[2]};
  EXPECT_EQ(Message(WithBuffers(kernels, with)), "");
  EXPECT_THAT(Message(WithBuffers(kernels, without)), HasSubstr("race: every thread reads"));
  EXPECT_EQ(Message(WithBuffers(kernels, without), {.threads = 1}), "");
}

TEST(SanitizerTest, UnwrittenArena) {
  EXPECT_THAT(Message(WithBuffers({CopyKernel(8)}, {LaunchStep(0, {{2}, {1}})})),
              HasSubstr("unwritten: reads element 0 of buffer t, which nobody wrote"));
}

TEST(SanitizerTest, PlansThatOverlapLiveBuffers) {
  Program program =
      WithBuffers({CopyKernel(8), MapKernel("sum", 8,
                                            [](KernelBuilder& k, int x, int y, ValueId c) {
                                              k.Store(k.Add(LoadOne(k, x, c), LoadOne(k, y, c)),
                                                      {.buffer = y, .offset = c});
                                            })},
                  {});
  AddArena(&program, "u", DType::kF32, 8);
  program.step = {LaunchStep(0, {{0}, {2}}), LaunchStep(0, {{0}, {3}}), LaunchStep(1, {{2}, {3}}),
                  LaunchStep(0, {{3}, {1}})};
  EXPECT_EQ(Message(program), "");
  program.arena_bytes = 128;
  program.buffers[2].offset = 0;
  program.buffers[3].offset = 64;
  EXPECT_EQ(Message(program), "");
  program.buffers[3].offset = 16;  // t is live until the third launch
  EXPECT_THAT(Message(program), AllOf(HasSubstr("unwritten: reads element 4 of buffer t"),
                                      HasSubstr("(buffer u was written there in kernel")));
}

TEST(SanitizerTest, UnwrittenLocals) {
  const auto program = [](bool write_in_each_chunk) {
    KernelBuilder k("local");
    const int x = k.AddParam({.name = "x"});
    const int y = k.AddParam({.name = "y", .written = true});
    const int t = k.AddLocal({.name = "t", .size = 8});
    const ValueId zero = k.ConstI64(0);
    k.Parallel(k.ConstI64(8), [&](ValueId c) {
      const ValueId first =
          write_in_each_chunk ? k.Const(DType::kBool, 1) : k.Scalar(ir::ScalarOp::kEq, {c, zero});
      k.If(
          first,
          [&] {
            k.Store(LoadOne(k, x, c), {.buffer = t, .offset = zero});
            return std::vector<ValueId>();
          },
          nullptr);
      k.Store(LoadOne(k, t, zero), {.buffer = y, .offset = c});
    });
    return WithBuffers({k.Finish()}, {LaunchStep(0, {{0}, {1}})});
  };
  EXPECT_EQ(Message(program(true)), "");
  EXPECT_THAT(
      Message(program(false)),
      AllOf(HasSubstr("unwritten: reads element 0 of local t, which this chunk did not write"),
            HasSubstr("chunk 1 of 8")));
}

TEST(SanitizerTest, OutputsMustBeWritten) {
  EXPECT_EQ(Message(WithBuffers({CopyKernel(8)}, {LaunchStep(0, {{0}, {1}})})), "");
  EXPECT_THAT(Message(WithBuffers({CopyKernel(7)}, {LaunchStep(0, {{0}, {1}})})),
              HasSubstr("output: nobody wrote element 7 of output y"));
}

TEST(SanitizerTest, OutOfBounds) {
  EXPECT_THAT(Message(WithBuffers({CopyKernel(8, 1)}, {LaunchStep(0, {{0}, {1}})})),
              AllOf(HasSubstr("out of bounds: reads element 8 of buffer x, which has 8"),
                    HasSubstr("kernel copy at step 0, chunk 7 of 8")));
  EXPECT_THAT(Message(WithBuffers({CopyKernel(9)}, {LaunchStep(0, {{2}, {1}})})),
              HasSubstr("out of bounds: writes element 8 of buffer y, which has 8"));
  // An argument moved by 4 elements: 4 are left, and what is before belongs to the buffer too.
  EXPECT_THAT(Message(WithBuffers({CopyKernel(8)}, {LaunchStep(0, {{0, 4}, {1}})})),
              HasSubstr("out of bounds: reads element 8 of buffer x"));
  EXPECT_EQ(Message(WithBuffers({CopyKernel(8, -4)}, {LaunchStep(0, {{0, 4}, {1}})})), "");
}

TEST(SanitizerTest, OutOfBoundsInsideThePlannedArena) {
  Program program = WithBuffers(
      {CopyKernel(8), CopyKernel(8, 8)},
      {LaunchStep(0, {{0}, {2}}), LaunchStep(0, {{0}, {3}}), LaunchStep(1, {{2}, {1}})});
  AddArena(&program, "u", DType::kF32, 8);
  program.arena_bytes = 64;
  program.buffers[2].offset = 0;
  program.buffers[3].offset = 32;
  EXPECT_THAT(Message(program), HasSubstr("out of bounds: reads element 8 of buffer t"));
}

TEST(SanitizerTest, OutOfBoundsAgainstTheExtentNotTheBound) {
  Program program;
  program.symbols = {{"n", 8}};
  const Dim n = Dim("n").AtMost(8);
  AddBinding(&program, "x", false, DType::kF32, {n});
  AddBinding(&program, "y", true, DType::kF32, {n});
  program.kernels = {CopyKernel(8)};
  program.step = {LaunchStep(0, {{0}, {1}})};
  EXPECT_TRUE(Interpret(program, {8}, {Literal(DType::kF32, {8})}).ok());
  EXPECT_THAT(std::string(Interpret(program, {7}, {Literal(DType::kF32, {7})}).status().message()),
              HasSubstr("out of bounds: reads element 7 of buffer x, which has 7"));
}

TEST(SanitizerTest, OutOfBoundsOfLocals) {
  const auto program = [](int64_t at) {
    KernelBuilder k("local");
    k.AddParam({.name = "x"});
    const int y = k.AddParam({.name = "y", .written = true});
    const int t = k.AddLocal({.name = "t", .size = 8});
    k.Parallel(k.ConstI64(8), [&](ValueId c) {
      k.Store(k.Const(DType::kF32, 1), {.buffer = t, .offset = k.ConstI64(at)});
      k.Store(k.Const(DType::kF32, 1), {.buffer = y, .offset = c});
    });
    return WithBuffers({k.Finish()}, {LaunchStep(0, {{0}, {1}})});
  };
  EXPECT_EQ(Message(program(7)), "");
  EXPECT_THAT(Message(program(8)), HasSubstr("out of bounds: writes element 8 of local t"));
}

TEST(SanitizerTest, ReadOnly) {
  // The verifier refuses it as well; the interpreter does not rely on that.
  EXPECT_THAT(Message(WithBuffers({CopyKernel(8)}, {LaunchStep(0, {{1}, {0}})}), kStrict, false),
              HasSubstr("read-only: writes element 0 of buffer x"));
}

TEST(SanitizerTest, Alias) {
  const Body copy_up = [](KernelBuilder& k, int x, int y, ValueId c) {
    k.Store(LoadOne(k, x, c), {.buffer = y, .offset = c});
  };
  for (bool no_alias : {false, true}) {
    // Elements 0 to 7 go to 4 to 11: the ranges overlap. One chunk after the other: one thread.
    const Program program =
        WithBuffers({MapKernel("fill", 12,
                               [](KernelBuilder& k, int, int y, ValueId c) {
                                 k.Store(k.Const(DType::kF32, 1), {.buffer = y, .offset = c});
                               }),
                     MapKernel("up", 8, copy_up, no_alias)},
                    {LaunchStep(0, {{0}, {1}}), LaunchStep(1, {{1}, {1, 4}})}, 12);
    const std::string message = Message(program, {.threads = 1});
    if (no_alias) {
      EXPECT_THAT(
          message,
          HasSubstr("alias: element 4 of buffer y is touched as x and as y, which may not"));
    } else {
      EXPECT_EQ(message, "");
    }
  }
}

TEST(SanitizerTest, StoresThatOverlapThemselves) {
  for (int64_t stride : {4, 3}) {
    const Kernel kernel = MapKernel("m", 1, [&](KernelBuilder& k, int x, int y, ValueId) {
      const ValueId zero = k.ConstI64(0), by = k.ConstI64(stride);
      const ValueId v = k.Load(DType::kF32, 2, 4, {.buffer = x, .offset = zero, .row_stride = by});
      k.Store(v, {.buffer = y, .offset = zero, .row_stride = by});
    });
    const std::string message =
        Message(WithBuffers({kernel}, {LaunchStep(0, {{0}, {1}})}, stride + 4));
    if (stride < 4) {
      EXPECT_THAT(message, HasSubstr("overlap: writes element 3 of buffer y twice"));
    } else {
      EXPECT_EQ(message, "");
    }
  }
}

TEST(SanitizerTest, NegativeMasks) {
  for (int64_t count : {0, -1}) {
    const Kernel kernel = MapKernel("m", 8, [&](KernelBuilder& k, int x, int y, ValueId c) {
      const ValueId v =
          k.Load(DType::kF32, 1, 16,
                 {.buffer = x, .offset = k.ConstI64(0), .lane_count = k.ConstI64(count)});
      k.Store(k.Extract(v, 3), {.buffer = y, .offset = c});
    });
    const std::string message = Message(WithBuffers({kernel}, {LaunchStep(0, {{0}, {1}})}));
    if (count < 0) {
      EXPECT_THAT(message, HasSubstr("mask: lane_count is -1"));
    } else {
      EXPECT_EQ(message, "");
    }
  }
}

TEST(SanitizerTest, PrefetchesReadNothing) {
  // Neither beyond the end nor before the beginning, and not what another chunk writes.
  const Kernel kernel = MapKernel("m", 8, [&](KernelBuilder& k, int x, int y, ValueId c) {
    for (int64_t far : {-1000000, 1000000}) k.Prefetch(x, k.Add(c, k.ConstI64(far)), 64, 1);
    k.Prefetch(y, k.ConstI64(0), 8, 2);
    k.Store(LoadOne(k, x, c), {.buffer = y, .offset = c});
  });
  EXPECT_EQ(Message(WithBuffers({kernel}, {LaunchStep(0, {{0}, {1}})})), "");
}

TEST(SanitizerTest, NonTemporalStoresNeedAFence) {
  for (bool fence : {false, true}) {
    const Kernel kernel = MapKernel("m", 8, [&](KernelBuilder& k, int x, int y, ValueId c) {
      k.Store(LoadOne(k, x, c), {.buffer = y, .offset = c, .non_temporal = true});
      if (fence) k.Fence();
    });
    const std::string message = Message(WithBuffers({kernel}, {LaunchStep(0, {{0}, {1}})}));
    if (fence) {
      EXPECT_EQ(message, "");
    } else {
      EXPECT_THAT(message, HasSubstr("with non-temporal stores and no fence after them"));
    }
  }
}

TEST(SanitizerTest, DonatedPairsAreOneSlot) {
  // y takes x over. Reading x once y is written is reading what is gone.
  Program program =
      WithBuffers({CopyKernel(8)}, {LaunchStep(0, {{0}, {2}}), LaunchStep(0, {{2}, {1}})});
  program.bindings[0].donated_input = 1;
  program.bindings[1].donated_input = 0;
  EXPECT_EQ(Message(program), "");
  program.step.push_back(LaunchStep(0, {{0}, {2}}));
  EXPECT_THAT(Message(program), AllOf(HasSubstr("unwritten: reads element 0 of buffer x"),
                                      HasSubstr("(buffer y was written there")));
}

TEST(SanitizerTest, FaultsEndTheRunAtTheNextBarrier) {
  const Kernel kernel = MapKernel("m", 8, [&](KernelBuilder& k, int x, int y, ValueId c) {
    k.Fault(k.Scalar(ir::ScalarOp::kGe, {c, k.ConstI64(5)}), TENON_INDEX_OUT_OF_RANGE, 0,
            k.Mul(c, k.ConstI64(10)));
    k.Store(LoadOne(k, x, c), {.buffer = y, .offset = c});
  });
  // What follows the barrier would be out of bounds.
  Program program =
      WithBuffers({kernel, CopyKernel(8, 1)},
                  {LaunchStep(0, {{0}, {2}}), BarrierStep(), LaunchStep(1, {{2}, {1}})});
  program.sites.push_back(ir::Location("model.cc", 12));
  const auto result = Interpret(program, {}, {Literal(DType::kF32, {8})}, kStrict);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->status, TENON_INDEX_OUT_OF_RANGE);
  EXPECT_EQ(result->fault_site, 0);
  EXPECT_EQ(result->fault_value, 50);
}

TEST(SanitizerTest, EndlessLoopsEnd) {
  KernelBuilder k("spin");
  k.AddParam({.name = "x"});
  const int y = k.AddParam({.name = "y", .written = true});
  k.Parallel(k.ConstI64(1), [&](ValueId c) {
    k.For(k.ConstI64(0), k.ConstI64(INT64_MAX), 1, {}, [&](ValueId, std::vector<ValueId>) {
      k.Store(k.Const(DType::kF32, 1), {.buffer = y, .offset = c});
      return std::vector<ValueId>();
    });
  });
  const Program program = WithBuffers({k.Finish()}, {LaunchStep(0, {{0}, {1}})}, 1);
  EXPECT_EQ(Interpret(program, {}, {Literal(DType::kF32, {1})}, {.max_instructions = 10000})
                .status()
                .code(),
            absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace tenon::kernel
