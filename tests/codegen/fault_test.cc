// What ends a run early: arguments that are wrong, and faults.
#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

#include "tenon/codegen/host.h"
#include "tenon/runtime/arena.h"
#include "tenon/runtime/team.h"
#include "tests/codegen/programs.h"

namespace tenon::codegen {
namespace {

using ir::Dim;
using ir::DType;
using ir::ScalarOp;
using kernel::KernelBuilder;
using kernel::Program;
using kernel::ValueId;

// Fault where an element of `in` is negative; `site` says where in the source that stands.
kernel::Kernel CheckNegative(int32_t site) {
  KernelBuilder k("check");
  const int in = k.AddParam({.name = "in", .dtype = DType::kI64});
  const ValueId n = k.Symbol("n");
  k.Parallel(n, [&](ValueId i) {
    const ValueId v = k.Load(DType::kI64, 1, 1, {.buffer = in, .offset = i});
    k.Fault(k.Scalar(ScalarOp::kLt, {v, k.ConstI64(0)}), TENON_INDEX_OUT_OF_RANGE, site, v);
  });
  return k.Finish();
}

TEST(Faults, WrongArgumentsAreRefused) {
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

// Buffers of known sizes are checked all at once where they are few, and by a table: each row of
// it, tensors without elements among them, and elements of several sizes.
void CheckEveryBuffer(int count, bool uses_arena) {
  SCOPED_TRACE(testing::Message() << count << (uses_arena ? " and the arena" : ""));
  Program program;
  std::vector<DType> dtypes;
  std::vector<int64_t> sizes;
  for (int i = 0; i < count; ++i) {
    constexpr DType kTypes[] = {DType::kF64, DType::kI8, DType::kF32, DType::kI64, DType::kF32};
    constexpr int64_t kSizes[] = {3, 5, 0, 2, 1};
    dtypes.push_back(kTypes[i % 5]);
    sizes.push_back(kSizes[i % 5]);
  }
  KernelBuilder k("touch");
  std::vector<kernel::BufferArg> args;
  program.bindings.resize(sizes.size());
  for (int i = 0; i < count; ++i) {
    program.bindings[i].type = {dtypes[i], {sizes[i]}};
    program.buffers.push_back(BindingBuffer(i, dtypes[i], sizes[i]));
    k.AddParam({.name = "in", .dtype = dtypes[i]});
    args.push_back({i, 0});
  }
  if (uses_arena) {
    program.buffers.push_back(
        {.kind = kernel::BufferKind::kArena, .dtype = DType::kF32, .size = 16, .offset = 0});
    program.arena_bytes = 64;
    k.AddParam({.name = "in", .dtype = DType::kF32});
    args.push_back({count, 0});
  }
  k.Parallel(k.ConstI64(0), [](ValueId) {});
  program.kernels.push_back(k.Finish());
  program.step = {Launch(0, args)};
  const Loaded loaded = CompileFor(program, HostTarget());
  alignas(8) char memory[64] = {};
  std::vector<void*> buffers(sizes.size());
  alignas(TENON_ARENA_ALIGNMENT) char arena[128] = {};
  tenon_frame frame = {.buffers = buffers.data(), .arena = uses_arena ? arena : nullptr};
  const auto run = [&](int32_t thread = 0, int32_t threads = 1) {
    frame.status = TENON_OK;
    return loaded.program->step()(&frame, thread, threads);
  };
  std::fill(buffers.begin(), buffers.end(), static_cast<void*>(memory));
  EXPECT_EQ(run(), TENON_OK);
  constexpr int32_t kLowest = std::numeric_limits<int32_t>::min();
  for (const auto& [thread, threads] :
       {std::pair(1, 1), {-1, 1}, {0, 0}, {0, 2}, {0, kLowest}, {kLowest, 1}, {2, 3}}) {
    EXPECT_EQ(run(thread, threads), TENON_BAD_THREAD) << thread << " of " << threads;
    EXPECT_EQ(frame.fault_value, thread);
  }
  if (uses_arena) {
    for (char* bad : {static_cast<char*>(nullptr), arena + 32}) {
      frame.arena = bad;
      EXPECT_EQ(run(), TENON_BAD_MEMORY);
      EXPECT_EQ(frame.fault_value, 0);
    }
    frame.arena = arena;
  }
  for (size_t i = 0; i < sizes.size(); ++i) {
    std::fill(buffers.begin(), buffers.end(), static_cast<void*>(memory));
    EXPECT_EQ(run(), TENON_OK);
    buffers[i] = memory + 1;
    const bool may_be_anywhere = ir::ByteSize(dtypes[i]) == 1;
    EXPECT_EQ(run(), may_be_anywhere ? TENON_OK : TENON_MISALIGNED_BUFFER) << i;
    if (!may_be_anywhere) EXPECT_EQ(frame.fault_value, static_cast<int64_t>(i));
    buffers[i] = nullptr;
    EXPECT_EQ(run(), sizes[i] == 0 ? TENON_OK : TENON_MISSING_BUFFER) << i;
    if (sizes[i] != 0) EXPECT_EQ(frame.fault_value, static_cast<int64_t>(i));
  }
}

TEST(Faults, EveryBufferIsChecked) {
  for (bool uses_arena : {false, true}) {
    for (int count : {1, 5, 8, 9, 13}) CheckEveryBuffer(count, uses_arena);
  }
}

TEST(Faults, AFaultEndsAllRuns) {
  Program program = RotationProgram();
  program.kernels.push_back(CheckNegative(1));
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
TEST(Faults, FaultsStopAllThreads) {
  Program program = RotationProgram();
  program.kernels.push_back(CheckNegative(2));
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

}  // namespace
}  // namespace tenon::codegen
