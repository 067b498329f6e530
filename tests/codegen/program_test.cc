// Programs: prepare and step, steps of every kind, barriers under stress, arguments that are wrong,
// the floating-point state, and that a step allocates nothing.
#include <atomic>
#include <thread>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "tenon/codegen/host.h"
#include "tenon/codegen/jit.h"
#include "tenon/runtime/arena.h"
#include "tenon/runtime/team.h"
#include "tests/allocations/count.h"
#include "tests/codegen/harness.h"

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

Step Launch(int kernel, std::vector<kernel::BufferArg> args, std::vector<Dim> symbols = {}) {
  Step step;
  step.launch.kernel = kernel;
  step.launch.args = std::move(args);
  step.launch.symbols = std::move(symbols);
  return step;
}
Step Barrier() {
  Step step;
  step.kind = Step::Kind::kBarrier;
  return step;
}

// out[i] = in[(i + 1) % n] + 1 over chunks of 8: every chunk reads what another one wrote.
kernel::Kernel Rotate() {
  KernelBuilder k("rotate");
  const int in = k.AddParam({.name = "in", .dtype = DType::kI64});
  const int out = k.AddParam({.name = "out", .dtype = DType::kI64, .written = true, .read = false});
  const ValueId n = k.Symbol("n");
  k.Parallel(k.CeilDiv(n, 8), [&](ValueId chunk) {
    const ValueId first = k.Mul(chunk, k.ConstI64(8));
    k.For(first, k.Min(k.Add(first, k.ConstI64(8)), n), 1, {},
          [&](ValueId i, std::vector<ValueId>) -> std::vector<ValueId> {
            const ValueId next = k.Add(i, k.ConstI64(1));
            const ValueId wrapped = k.Scalar(
                ScalarOp::kSelect, {k.Scalar(ScalarOp::kEq, {next, n}), k.ConstI64(0), next});
            const ValueId v = k.Load(DType::kI64, 1, 1, {.buffer = in, .offset = wrapped});
            k.Store(k.Add(v, k.ConstI64(1)), {.buffer = out, .offset = i});
            return {};
          });
  });
  return k.Finish();
}

// out[0] = in[0] < limit.
kernel::Kernel Below() {
  KernelBuilder k("below");
  const int in = k.AddParam({.name = "in", .dtype = DType::kI64});
  const int out =
      k.AddParam({.name = "out", .dtype = DType::kBool, .written = true, .read = false});
  const ValueId limit = k.Symbol("limit");
  k.Parallel(k.ConstI64(1), [&](ValueId) {
    const ValueId v = k.Load(DType::kI64, 1, 1, {.buffer = in, .offset = k.ConstI64(0)});
    k.Store(k.Scalar(ScalarOp::kLt, {v, limit}), {.buffer = out, .offset = k.ConstI64(0)});
  });
  return k.Finish();
}

kernel::Buffer BindingBuffer(int binding, DType dtype, Dim size) {
  kernel::Buffer buffer;
  buffer.name = "binding" + std::to_string(binding);
  buffer.kind = BufferKind::kBinding;
  buffer.dtype = dtype;
  buffer.size = std::move(size);
  buffer.binding = binding;
  return buffer;
}

// Buffers 0 (input), 1 (output), 2 and 3 (arena, i64), 4 (arena, bool): x rotated in a loop.
Program RotationProgram() {
  Program program;
  program.name = "rotation";
  program.symbols = {{"n", 200}, {"times", 1000}};
  const Dim n = Dim("n").AtMost(200);
  program.bindings.resize(2);
  program.bindings[0] = {.name = "x", .type = {DType::kI64, {n}}};
  program.bindings[1] = {.name = "y", .is_output = true, .type = {DType::kI64, {n}}};
  program.buffers.push_back(BindingBuffer(0, DType::kI64, n));
  program.buffers.push_back(BindingBuffer(1, DType::kI64, n));
  for (int i = 0; i < 3; ++i) {
    kernel::Buffer buffer;
    buffer.name = "arena" + std::to_string(i);
    buffer.dtype = i < 2 ? DType::kI64 : DType::kBool;
    buffer.size = i < 2 ? n : Dim(1);
    buffer.offset = i * 1664;
    program.buffers.push_back(buffer);
  }
  program.arena_bytes = 2 * 1664 + 1;
  program.kernels.push_back(Rotate());
  program.kernels.push_back(Below());
  program.sites.resize(4);
  return program;
}

Step RotateStep(int from, int to) {
  return Launch(0, {{from, 0}, {to, 0}}, {Dim("n").AtMost(200)});
}

Program RepeatProgram() {
  Program program = RotationProgram();
  program.step = {RotateStep(0, 2), Barrier()};
  Step repeat;
  repeat.kind = Step::Kind::kRepeat;
  repeat.repeat.variable = "%i0";
  repeat.repeat.trip_count = Dim("times").AtMost(1000);
  repeat.repeat.body = {RotateStep(2, 3), Barrier(), RotateStep(3, 2), Barrier()};
  program.step.push_back(repeat);
  program.step.push_back(RotateStep(2, 1));
  return program;
}

ir::Literal Numbers(int64_t n) {
  ir::Literal literal(DType::kI64, {n});
  for (int64_t i = 0; i < n; ++i) literal.mutable_data<int64_t>()[i] = i * i;
  return literal;
}

struct Loaded {
  Artifact artifact;
  std::unique_ptr<LoadedProgram> program;
};
Loaded CompileFor(Program program, const ir::TargetDesc& target) {
  program.has_fma = target.has_fma;
  absl::StatusOr<Artifact> artifact = Compile(program, target);
  EXPECT_TRUE(artifact.ok()) << artifact.status();
  absl::StatusOr<std::unique_ptr<LoadedProgram>> loaded = Load(*artifact);
  EXPECT_TRUE(loaded.ok()) << loaded.status();
  return {*std::move(artifact), *std::move(loaded)};
}

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

TEST(Program, WrongArgumentsAreRefused) {
  const Loaded loaded = CompileFor(RepeatProgram(), HostTarget());
  const runtime::Arena arena(loaded.artifact.ArenaBytes(1));
  std::vector<int64_t> x(200), y(200);
  void* buffers[] = {x.data(), y.data()};
  int64_t extents[] = {10, 2};
  tenon_frame frame = {.buffers = buffers, .extents = extents, .arena = arena.data()};
  const auto run = [&](int32_t thread, int32_t threads) {
    frame.status = TENON_OK;
    return loaded.program->step()(&frame, thread, threads);
  };
  EXPECT_EQ(run(0, 1), TENON_OK);
  EXPECT_EQ(run(1, 1), TENON_BAD_THREAD);
  EXPECT_EQ(frame.fault_value, 1);
  EXPECT_EQ(run(-1, 1), TENON_BAD_THREAD);
  EXPECT_EQ(frame.fault_value, -1);
  EXPECT_EQ(run(0, 2), TENON_BAD_THREAD);  // without a team
  extents[1] = 1001;
  EXPECT_EQ(run(0, 1), TENON_BAD_EXTENT);
  EXPECT_EQ(frame.status, TENON_BAD_EXTENT);
  EXPECT_EQ(frame.fault_value, 1);
  extents[1] = 2;
  extents[0] = -1;
  EXPECT_EQ(run(0, 1), TENON_BAD_EXTENT);
  EXPECT_EQ(frame.fault_value, 0);
  extents[0] = 10;
  buffers[1] = reinterpret_cast<char*>(y.data()) + 4;
  EXPECT_EQ(run(0, 1), TENON_MISALIGNED_BUFFER);
  EXPECT_EQ(frame.fault_value, 1);
  EXPECT_EQ(frame.fault_site, -1);
  buffers[1] = nullptr;
  EXPECT_EQ(run(0, 1), TENON_MISSING_BUFFER);
  EXPECT_EQ(frame.fault_value, 1);
  extents[0] = 0;  // nothing to be null about
  buffers[0] = nullptr;
  EXPECT_EQ(run(0, 1), TENON_OK);
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

TEST(Program, AFaultEndsAllRuns) {
  Program program = RotationProgram();
  KernelBuilder k("check");
  const int in = k.AddParam({.name = "in", .dtype = DType::kI64});
  const ValueId n = k.Symbol("n");
  k.Parallel(n, [&](ValueId i) {
    const ValueId v = k.Load(DType::kI64, 1, 1, {.buffer = in, .offset = i});
    k.Fault(k.Scalar(ScalarOp::kLt, {v, k.ConstI64(0)}), TENON_INDEX_OUT_OF_RANGE, 1, v);
  });
  program.kernels.push_back(k.Finish());
  // The fault comes last in its run: nothing but the end of the run is there to stop the next.
  program.step = {RotateStep(0, 1), Launch(2, {{0, 0}}, {Dim("n").AtMost(200)})};
  const Loaded loaded = CompileFor(program, HostTarget());
  for (const int threads : {1, 2, 3, 8}) {
    runtime::Team team(threads);
    const runtime::Arena arena(loaded.artifact.ArenaBytes(threads));
    for (int64_t bad : {0, 1, 17, 39}) {
      std::vector<int64_t> x(40 * 100, 1), y(40 * 100, -7);
      x[static_cast<size_t>(bad * 100 + 61)] = -5;
      void* buffers[] = {x.data(), y.data()};
      const int64_t extents[] = {100, 0};
      const int64_t strides[] = {800, 800};
      tenon_frame frame = {.buffers = buffers,
                           .extents = extents,
                           .arena = arena.data(),
                           .runs = 40,
                           .strides = strides};
      EXPECT_EQ(team.Run(loaded.program->step(), &frame), TENON_INDEX_OUT_OF_RANGE);
      EXPECT_EQ(frame.run, bad);
      EXPECT_EQ(frame.fault_value, -5);
      for (int64_t run = 0; run < 40; ++run) {
        EXPECT_EQ(y[static_cast<size_t>(run * 100)], run <= bad ? 2 : -7) << run;
      }
    }
  }
}

// A fault in the first phase: no thread goes on to the second, none is left behind, and the team
// serves the next run.
TEST(Program, FaultsStopAllThreads) {
  Program program = RotationProgram();
  KernelBuilder k("check");
  const int in = k.AddParam({.name = "in", .dtype = DType::kI64});
  const ValueId n = k.Symbol("n");
  k.Parallel(n, [&](ValueId i) {
    const ValueId v = k.Load(DType::kI64, 1, 1, {.buffer = in, .offset = i});
    k.Fault(k.Scalar(ScalarOp::kLt, {v, k.ConstI64(0)}), TENON_INDEX_OUT_OF_RANGE, 2, v);
  });
  program.kernels.push_back(k.Finish());
  program.step = {Launch(2, {{0, 0}}, {Dim("n").AtMost(200)}), Barrier(), RotateStep(0, 2),
                  Barrier(), RotateStep(2, 1)};
  const Loaded loaded = CompileFor(program, HostTarget());
  for (const int threads : {1, 2, 3, 8}) {
    runtime::Team team(threads);
    const runtime::Arena arena(loaded.artifact.ArenaBytes(threads));
    std::vector<int64_t> x(200, 1), y(200, -7);
    void* buffers[] = {x.data(), y.data()};
    const int64_t extents[] = {200, 0};
    tenon_frame frame = {.buffers = buffers, .extents = extents, .arena = arena.data()};
    for (int run = 0; run < 50; ++run) {
      x[(run * 13) % 200] = -5;
      EXPECT_EQ(team.Run(loaded.program->step(), &frame), TENON_INDEX_OUT_OF_RANGE);
      EXPECT_EQ(frame.fault_site, 2);
      EXPECT_EQ(frame.fault_value, -5);
      EXPECT_EQ(y[0], -7);
      x[(run * 13) % 200] = 1;
    }
    EXPECT_EQ(team.Run(loaded.program->step(), &frame), TENON_OK);
    EXPECT_EQ(y[0], 3);
  }
}

// A caller's own threads, one of which never comes: the others' wait callback gives up, and all
// that came return with its status.
TEST(Program, WaitCallbackCancels) {
  const Loaded loaded = CompileFor(RepeatProgram(), HostTarget());
  const runtime::Arena arena(loaded.artifact.ArenaBytes(3));
  std::vector<int64_t> x(200, 1), y(200);
  void* buffers[] = {x.data(), y.data()};
  const int64_t extents[] = {200, 5};
  tenon_team shared = {};
  shared.wait = [](void*, uint32_t* epoch, uint32_t seen) -> int32_t {
    for (int i = 0; i < 50; ++i) {
      if (std::atomic_ref(*epoch).load() != seen) return TENON_OK;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return TENON_CANCELLED;
  };
  shared.wake = [](void*, uint32_t*) {};
  tenon_frame frame = {
      .buffers = buffers, .extents = extents, .arena = arena.data(), .team = &shared};
  int32_t first = 0, second = 0;
  std::thread other([&] { second = loaded.program->step()(&frame, 1, 3); });
  first = loaded.program->step()(&frame, 0, 3);
  other.join();
  EXPECT_EQ(first, TENON_CANCELLED);
  EXPECT_EQ(second, TENON_CANCELLED);
  EXPECT_EQ(frame.status, TENON_CANCELLED);
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
  for (int i = 0; i < 4; ++i) EXPECT_EQ(y[i], expected[i]) << i;
}
#endif

}  // namespace
}  // namespace tenon::codegen
