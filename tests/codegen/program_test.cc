// Programs: prepare and step, steps of every kind, barriers under stress, several runs in one
// entry, the floating-point state, and that a step allocates nothing.
#include <atomic>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "tenon/codegen/host.h"
#include "tenon/runtime/arena.h"
#include "tenon/runtime/team.h"
#include "tests/allocations/count.h"
#include "tests/codegen/programs.h"

namespace tenon::codegen {
namespace {

using ir::Dim;
using ir::DType;
using ir::ScalarOp;
using kernel::BufferKind;
using kernel::KernelBuilder;
using kernel::Program;
using kernel::Step;
using kernel::ValueId;

TEST(Program, RepeatsWithBarriers) {
  for (const int64_t times : {0, 1, 5}) {
    for (const int64_t n : {1, 7, 200}) {
      ExpectNativeEqualsInterpreter(RepeatProgram(), {n, times}, {Numbers(n)});
    }
  }
}

// Every element passes through every thread thousands of times: a barrier that lets one through too
// early shows.
TEST(Program, BarrierStress) {
  const Loaded loaded = CompileFor(RepeatProgram(), HostTarget());
  constexpr int64_t kN = 200, kTimes = 1000;
  const ir::Literal input = Numbers(kN);
  for (const int threads : {1, 2, 3, 8}) {
    runtime::Team team(threads);
    const runtime::Arena arena(loaded.artifact.ArenaBytes(threads));
    std::vector<int64_t> x(input.data<int64_t>().begin(), input.data<int64_t>().end()), y(kN);
    void* buffers[] = {x.data(), y.data()};
    const int64_t extents[] = {kN, threads > 2 ? kTimes / 10 : kTimes};
    tenon_frame frame = {.buffers = buffers, .extents = extents, .arena = arena.data()};
    for (int run = 0; run < 3; ++run) {
      ASSERT_EQ(team.Run(loaded.program->step(), &frame), TENON_OK);
      const int64_t rotations = 2 + 2 * extents[1];
      for (int64_t i = 0; i < kN; ++i) {
        ASSERT_EQ(y[i], x[(i + rotations) % kN] + rotations)
            << threads << " threads, element " << i;
      }
    }
  }
}

// A step that keeps time computes the same; its clocks stand in the order of launches and barriers,
// and those of a loop that does not run stay where they are.
TEST(Program, KeepsTime) {
  const Program program = RepeatProgram();
  const int slots = ClockSlots(program);
  ASSERT_EQ(slots, 1 + 2 + 4 + 1);
  const absl::StatusOr<Artifact> artifact = Compile(program, HostTarget(), {.clocks = true});
  ASSERT_TRUE(artifact.ok()) << artifact.status();
  const absl::StatusOr<std::unique_ptr<LoadedProgram>> loaded = Load(*artifact);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  for (const int threads : {1, 2}) {
    runtime::Team team(threads);
    const runtime::Arena arena(artifact->ArenaBytes(threads));
    std::vector<int64_t> x(200, 3), y(200), table(slots * threads);
    void* buffers[] = {x.data(), y.data(), table.data()};
    int64_t extents[] = {200, 0};
    tenon_frame frame = {.buffers = buffers, .extents = extents, .arena = arena.data()};
    ASSERT_EQ(team.Run((*loaded)->step(), &frame), TENON_OK);
    EXPECT_EQ(y[199], 3 + 2);
    const auto slot = [&](int thread, int i) { return table[thread * slots + i]; };
    for (int t = 0; t < threads; ++t) {
      EXPECT_NE(slot(t, 0), 0);
      for (int i : {1, 2, 7}) EXPECT_GT(slot(t, i), 0) << i;
      for (int i = 3; i < 7; ++i) EXPECT_EQ(slot(t, i), 0) << i;
    }
    const int64_t before = slot(0, 1);
    extents[1] = 5;
    ASSERT_EQ(team.Run((*loaded)->step(), &frame), TENON_OK);
    EXPECT_EQ(y[0], 3 + 12);
    EXPECT_GT(slot(0, 1), before);
    for (int i = 3; i < 7; ++i) EXPECT_GT(slot(0, i), 0) << i;
  }
}

TEST(Program, RunsAllocateNothing) {
  const Loaded loaded = CompileFor(RepeatProgram(), HostTarget());
  runtime::Team team(3);
  const runtime::Arena arena(loaded.artifact.ArenaBytes(3));
  std::vector<int64_t> x(50, 3), y(50);
  void* buffers[] = {x.data(), y.data()};
  const int64_t extents[] = {50, 20};
  tenon_frame frame = {.buffers = buffers, .extents = extents, .arena = arena.data()};
  const int64_t before = tests::AllocationCount();
  for (int run = 0; run < 20; ++run) team.Run(loaded.program->step(), &frame);
  EXPECT_EQ(tests::AllocationCount(), before);
}

Program WhileProgram() {
  Program program = RotationProgram();
  program.step = {RotateStep(0, 2), Barrier()};
  Step loop;
  loop.kind = Step::Kind::kWhile;
  loop.loop.predicate = 4;
  loop.loop.condition = {Launch(1, {{2, 0}, {4, 0}}, {Dim("times").AtMost(1000)}), Barrier()};
  loop.loop.body = {RotateStep(2, 3), Barrier(), RotateStep(3, 2), Barrier()};
  program.step.push_back(loop);
  program.step.push_back(Barrier());  // all have read the predicate
  program.step.push_back(Launch(1, {{2, 0}, {4, 0}}, {Dim("n").AtMost(200)}));
  program.step.push_back(Barrier());
  Step branch;
  branch.kind = Step::Kind::kBranch;
  branch.branch.predicate = 4;
  branch.branch.if_true = {RotateStep(2, 1)};
  branch.branch.if_false = {RotateStep(2, 3), Barrier(), RotateStep(3, 1)};
  program.step.push_back(branch);
  return program;
}

TEST(Program, WhileAndBranch) {
  for (const int64_t times : {0, 1, 30, 999}) {
    for (const int64_t n : {1, 200}) {
      ExpectNativeEqualsInterpreter(WhileProgram(), {n, times}, {Numbers(n)});
    }
  }
}

// A repeat whose variable moves the buffers, forwards and backwards; constants; prepared memory.
TEST(Program, OffsetsConstantsAndPrepare) {
  Program program;
  program.name = "offsets";
  program.symbols = {{"n", 10}};
  const Dim n = Dim("n").AtMost(10);
  const Dim i = Dim("%i0").AtMost(10);
  program.bindings.resize(2);
  program.bindings[0] = {
      .name = "w", .kind = ir::InputKind::kParameter, .type = {DType::kI64, {Dim(4)}}};
  program.bindings[1] = {.name = "y", .is_output = true, .type = {DType::kI64, {n * 8}}};
  program.buffers.push_back(BindingBuffer(0, DType::kI64, 4));
  program.buffers.push_back(BindingBuffer(1, DType::kI64, n * 8));
  kernel::Buffer constant;
  constant.name = "c";
  constant.kind = BufferKind::kConstant;
  constant.dtype = DType::kI64;
  constant.size = 4;
  constant.literal = Numbers(4);
  program.buffers.push_back(constant);
  kernel::Buffer prepared;
  prepared.name = "p";
  prepared.kind = BufferKind::kPrepared;
  prepared.dtype = DType::kI64;
  prepared.size = 4;
  prepared.offset = 64;
  program.buffers.push_back(prepared);
  program.prepared_bytes = 96;
  program.kernels.push_back(Rotate());
  program.prepare = {Launch(0, {{0, 0}, {3, 0}}, {Dim(4)})};
  Step repeat;
  repeat.kind = Step::Kind::kRepeat;
  repeat.repeat.variable = "%i0";
  repeat.repeat.trip_count = n;
  repeat.repeat.body = {Launch(0, {{3, 0}, {1, i * 8}}, {Dim(4)})};
  program.step.push_back(repeat);
  repeat.repeat.reverse = true;
  repeat.repeat.body = {Launch(0, {{2, 0}, {1, i * 8 + 4}}, {FloorDiv(i + 12, 4)})};
  // Three elements or more: the rest of the four by a second launch.
  repeat.repeat.body.insert(repeat.repeat.body.begin(), Launch(0, {{2, 0}, {1, i * 8 + 4}}, {4}));
  repeat.repeat.body.pop_back();
  program.step.push_back(repeat);
  for (const int64_t size : {0, 1, 10}) {
    ExpectNativeEqualsInterpreter(program, {size}, {Numbers(4)});
  }
}

// Runs behind one another in one entry: each reads what the one before wrote on other threads (y is
// turned by one element each time), while x and y move.
TEST(Program, SeveralRunsInOneEntry) {
  Program program = RotationProgram();
  // arena 2 = arena 2 turned + x, by way of arena 3; y = arena 2.
  KernelBuilder k("add_up");
  const int sum = k.AddParam({.name = "sum", .dtype = DType::kI64, .written = true});
  const int in = k.AddParam({.name = "in", .dtype = DType::kI64});
  const int turned = k.AddParam({.name = "turned", .dtype = DType::kI64});
  const ValueId n = k.Symbol("n");
  k.Parallel(n, [&](ValueId i) {
    const ValueId a = k.Load(DType::kI64, 1, 1, {.buffer = turned, .offset = i});
    const ValueId b = k.Load(DType::kI64, 1, 1, {.buffer = in, .offset = i});
    k.Store(k.Add(a, b), {.buffer = sum, .offset = i});
  });
  program.kernels.push_back(k.Finish());
  program.step = {RotateStep(2, 3), Barrier(),
                  Launch(2, {{2, 0}, {0, 0}, {3, 0}}, {Dim("n").AtMost(200)}), Barrier(),
                  RotateStep(2, 1)};
  const Loaded loaded = CompileFor(program, HostTarget());
  constexpr int64_t kN = 200, kRuns = 300;
  std::vector<int64_t> x(kN + kRuns), expected(kRuns * kN), sums(kN), before(kN);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<int64_t>(i * i % 1013);
  for (size_t run = 0; run < kRuns; ++run) {
    before = sums;
    for (size_t i = 0; i < kN; ++i) sums[i] = before[(i + 1) % kN] + 1 + x[run + i];
    for (size_t i = 0; i < kN; ++i) expected[run * kN + i] = sums[(i + 1) % kN] + 1;
  }
  for (const int threads : {1, 2, 3, 8}) {
    runtime::Team team(threads);
    const runtime::Arena arena(loaded.artifact.ArenaBytes(threads));
    std::vector<int64_t> y(kRuns * kN);
    void* buffers[] = {x.data(), y.data()};
    const int64_t extents[] = {kN, 0};
    const int64_t strides[] = {8, 8 * kN};
    tenon_frame frame = {.buffers = buffers,
                         .extents = extents,
                         .arena = arena.data(),
                         .runs = kRuns,
                         .strides = strides};
    ASSERT_EQ(team.Run(loaded.program->step(), &frame), TENON_OK);
    EXPECT_EQ(frame.run, kRuns - 1);
    EXPECT_EQ(y, expected) << threads << " threads";
  }
}

#if defined(__x86_64__)
// The caller's rounding and flushing do not reach the program, and are back afterwards.
TEST(Program, FloatingPointStateIsItsOwn) {
  KernelBuilder k("halve");
  const int in = k.AddParam({.name = "in", .dtype = DType::kF32});
  const int out = k.AddParam({.name = "out", .dtype = DType::kF32, .written = true, .read = false});
  k.Parallel(k.ConstI64(1), [&](ValueId) {
    const ValueId v = k.Load(DType::kF32, 1, 4, {.buffer = in, .offset = k.ConstI64(0)});
    k.Store(k.Scalar(ScalarOp::kDiv, {v, k.Const(DType::kF32, 3)}),
            {.buffer = out, .offset = k.ConstI64(0)});
  });
  const Loaded loaded = CompileFor(ProgramOf(k.Finish(), {4, 4}), HostTarget());
  float x[] = {1e-38f, 1.0f, -1.0f, 3e-45f};
  float expected[4], y[4];
  for (int i = 0; i < 4; ++i) expected[i] = x[i] / 3;
  void* buffers[] = {x, y};
  tenon_frame frame = {.buffers = buffers};
  const unsigned before = _mm_getcsr();
  const unsigned odd = 0x1f80 | 0x8040 | 0x6000;  // flush, denormals are zero, round towards zero
  _mm_setcsr(odd);
  loaded.program->step()(&frame, 0, 1);
  const unsigned after = _mm_getcsr();
  _mm_setcsr(before);
  EXPECT_EQ(after & 0xffc0, odd & 0xffc0);
  // Where the caller has what it takes, flags of exceptions aside, there is nothing to restore.
  _mm_setcsr(0x1f80 | 0x21);
  loaded.program->step()(&frame, 0, 1);
  EXPECT_EQ(_mm_getcsr() & 0xffc0, 0x1f80u);
  _mm_setcsr(before);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(y[i], expected[i]) << i;
}
#endif

}  // namespace
}  // namespace tenon::codegen
