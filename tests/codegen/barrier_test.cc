// Barriers of several threads: that all agree on whether to go on, whoever faults or gives up
// waiting, and when. `BarrierStress` in program_test.cc has that they hold everybody back.
#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <string>
#include <thread>

#include "tenon/codegen/host.h"
#include "tenon/ir/kernel/text.h"
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
using kernel::Step;
using kernel::ValueId;

constexpr int64_t kChunks = 8, kPhases = 20;

// out[chunk] = 1.
kernel::Kernel Mark() {
  KernelBuilder k("mark");
  const int out = k.AddParam({.name = "out", .dtype = DType::kI64, .written = true, .read = false});
  k.Parallel(k.ConstI64(kChunks),
             [&](ValueId chunk) { k.Store(k.ConstI64(1), {.buffer = out, .offset = chunk}); });
  return k.Finish();
}

// Fault where in[chunk] is negative.
kernel::Kernel Check() {
  KernelBuilder k("check");
  const int in = k.AddParam({.name = "in", .dtype = DType::kI64});
  k.Parallel(k.ConstI64(kChunks), [&](ValueId chunk) {
    const ValueId v = k.Load(DType::kI64, 1, 1, {.buffer = in, .offset = chunk});
    k.Fault(k.Scalar(ScalarOp::kLt, {v, k.ConstI64(0)}), TENON_INDEX_OUT_OF_RANGE, 0, v);
  });
  return k.Finish();
}

// kPhases times, with a barrier behind each: marks a row of y, checks a row of x.
Program PhasesProgram() {
  Program program;
  program.name = "phases";
  program.bindings.resize(2);
  program.bindings[0] = {.name = "x", .type = {DType::kI64, {kPhases * kChunks}}};
  program.bindings[1] = {
      .name = "y", .is_output = true, .type = {DType::kI64, {kPhases * kChunks}}};
  for (int i = 0; i < 2; ++i) {
    program.buffers.push_back(BindingBuffer(i, DType::kI64, kPhases * kChunks));
  }
  program.kernels = {Mark(), Check()};
  program.sites.resize(1);
  Step repeat;
  repeat.kind = Step::Kind::kRepeat;
  repeat.repeat.variable = "%i0";
  repeat.repeat.trip_count = kPhases;
  const Dim row = Dim("%i0").AtMost(kPhases - 1) * Dim(kChunks);
  repeat.repeat.body = {Launch(0, {{1, row}}), Launch(1, {{0, row}}), Barrier()};
  program.step = {repeat};
  return program;
}

// One run of it. The bad elements are negative, each another one.
struct Phases {
  std::vector<int64_t> x = std::vector<int64_t>(kPhases * kChunks, 1);
  std::vector<int64_t> y = std::vector<int64_t>(kPhases * kChunks, 0);
  std::array<void*, 2> buffers = {x.data(), y.data()};
  tenon_frame frame = {.buffers = buffers.data()};

  Phases(const runtime::Arena& arena, const std::vector<int64_t>& bad) {
    frame.arena = arena.data();
    for (int64_t i : bad) x[static_cast<size_t>(i)] = -1 - i;
  }
  // All threads have run the phases up to the first bad element's, and none another.
  void ExpectStoppedAt(int64_t bad) const {
    EXPECT_EQ(frame.status, TENON_INDEX_OUT_OF_RANGE);
    EXPECT_EQ(frame.fault_value, -1 - bad);
    for (int64_t i = 0; i < kPhases * kChunks; ++i) {
      ASSERT_EQ(y[static_cast<size_t>(i)], i / kChunks <= bad / kChunks ? 1 : 0) << i;
    }
  }
};

TEST(Barriers, ThreadsAgreeOnFaultsOfAnyPhase) {
  const Loaded loaded = CompileFor(PhasesProgram(), HostTarget());
  for (const int threads : {2, 3, 4}) {
    runtime::Team team(threads);
    const runtime::Arena arena(loaded.artifact.ArenaBytes(threads));
    for (int64_t repetition = 0; repetition < (threads == 2 ? 3000 : 1500); ++repetition) {
      const int64_t bad = repetition * 61 % ((kPhases - 1) * kChunks);
      Phases phases(arena, {bad, bad + kChunks});  // by the same thread in the next phase
      team.Run(loaded.program->step(), &phases.frame);
      phases.ExpectStoppedAt(bad);
      if (HasFatalFailure()) return;
    }
  }
}

// A caller's own threads, with callbacks that the test gives.
class OwnThreads {
 public:
  using WaitFunction = std::function<int32_t(uint32_t* arrived, uint32_t seen)>;

  OwnThreads(int32_t threads, WaitFunction wait) : threads_(threads), wait_(std::move(wait)) {
    team_.context = this;
    team_.wait = [](void* context, uint32_t* arrived, uint32_t seen) {
      return static_cast<OwnThreads*>(context)->wait_(arrived, seen);
    };
    team_.wake = [](void*, uint32_t* arrived) { std::atomic_ref(*arrived).notify_all(); };
  }

  // What the threads return. `before` runs on each of them first.
  std::vector<int32_t> Run(tenon_entry entry, tenon_frame* frame,
                           const std::function<void(int32_t thread)>& before = nullptr) {
    frame->team = &team_;
    frame->status = TENON_OK;
    team_.arrived = 0;
    team_.stop[0] = team_.stop[1] = TENON_OK;
    returned_ = 0;
    std::vector<int32_t> statuses(static_cast<size_t>(threads_), -1);
    std::vector<std::thread> running;
    for (int32_t t = 0; t < threads_; ++t) {
      running.emplace_back([&, t] {
        thread_ = t;
        if (before) before(t);
        statuses[static_cast<size_t>(t)] = entry(frame, t, threads_);
        ++returned_;
        returned_.notify_all();
      });
    }
    for (std::thread& thread : running) thread.join();
    EXPECT_EQ(team_.parked, 0u);
    return statuses;
  }

  void set_spins(uint32_t spins) { team_.spins = spins; }
  // The number of the thread that calls.
  static int32_t thread() { return thread_; }
  // Waits until all threads but the calling one have returned.
  void AwaitOthers() const {
    for (int32_t n = returned_; n < threads_ - 1; n = returned_) returned_.wait(n);
  }
  // Sleeps until another thread arrives and somebody wakes this one.
  int32_t Park(uint32_t* arrived, uint32_t seen) {
    std::atomic_ref(team_.parked).fetch_add(1);
    std::atomic_ref(*arrived).wait(seen);
    std::atomic_ref(team_.parked).fetch_sub(1);
    return TENON_OK;
  }

 private:
  static inline thread_local int32_t thread_ = -1;
  const int32_t threads_;
  const WaitFunction wait_;
  std::atomic<int32_t> returned_ = 0;
  alignas(64) tenon_team team_ = {};
};

void Sleep(int64_t microseconds) {
  std::this_thread::sleep_for(std::chrono::microseconds(microseconds));
}

// A thread that is through a barrier faults in the next phase, and arrives at its end, before
// another one has looked whether to stop: that one must not stop a phase before the others.
TEST(Barriers, AFaultOfTheNextPhaseIsNotSeenTooEarly) {
  const Loaded loaded = CompileFor(PhasesProgram(), HostTarget());
  for (const int32_t threads : {2, 3}) {
    const runtime::Arena arena(loaded.artifact.ArenaBytes(threads));
    const auto count = static_cast<uint32_t>(threads);
    std::atomic<int> overtaken = 0;
    // The last thread comes first, and does not return from `wait` before all others have gone on
    // to the next barrier, or do not come. There it is the last, and they let it go ahead.
    OwnThreads team(threads, [&](uint32_t* arrived, uint32_t seen) -> int32_t {
      const std::atomic_ref word(*arrived);
      if (OwnThreads::thread() != threads - 1) {
        while (word.load() == seen) std::this_thread::yield();
        Sleep(300);
        return TENON_OK;
      }
      const uint32_t all = ((seen - 1) / count + 2) * count - 1;
      for (int i = 0; i < 50 && word.load() < all; ++i) Sleep(100);
      if (word.load() >= all) ++overtaken;
      return TENON_OK;
    });
    for (int64_t phase = 1; phase < kPhases; ++phase) {
      const int64_t bad = phase * kChunks;  // thread 0's
      Phases phases(arena, {bad});
      team.Run(loaded.program->step(), &phases.frame, [&](int32_t thread) {
        if (thread != threads - 1) Sleep(300);
      });
      phases.ExpectStoppedAt(bad);
      if (HasFatalFailure()) return;
    }
    EXPECT_GT(overtaken, kPhases);
  }
}

// `wait` need not wait.
TEST(Barriers, WaitMayReturnEarly) {
  const Loaded loaded = CompileFor(RepeatProgram(), HostTarget());
  constexpr int64_t kN = 200, kTimes = 100;
  const ir::Literal input = Numbers(kN);
  for (const int32_t threads : {2, 3, 4}) {
    const runtime::Arena arena(loaded.artifact.ArenaBytes(threads));
    std::vector<int64_t> x(input.data<int64_t>().begin(), input.data<int64_t>().end()), y(kN);
    void* buffers[] = {x.data(), y.data()};
    const int64_t extents[] = {kN, kTimes};
    tenon_frame frame = {.buffers = buffers, .extents = extents, .arena = arena.data()};
    OwnThreads team(threads, [](uint32_t*, uint32_t) -> int32_t {
      std::this_thread::yield();
      return TENON_OK;
    });
    for (int run = 0; run < 3; ++run) {
      EXPECT_EQ(team.Run(loaded.program->step(), &frame), std::vector<int32_t>(threads, TENON_OK));
      const int64_t rotations = 2 + 2 * kTimes;
      for (int64_t i = 0; i < kN; ++i) {
        ASSERT_EQ(y[i], x[(i + rotations) % kN] + rotations) << threads << ": " << i;
      }
    }
  }
}

// More barriers than any of the tests lets happen.
Loaded CompileBarriers() {
  const auto program = kernel::ParseProgram(
      "program @barriers\nstep {\n  repeat i < 1000000000 {\n    barrier\n  }\n}\n");
  EXPECT_TRUE(program.ok()) << program.status();
  return CompileFor(*program, HostTarget());
}

void ExpectCancelled(OwnThreads& team, const Loaded& loaded, int32_t threads,
                     const std::function<void(int32_t thread)>& before = nullptr) {
  const runtime::Arena arena(loaded.artifact.ArenaBytes(threads));
  tenon_frame frame = {.arena = arena.data()};
  ASSERT_EQ(team.Run(loaded.program->step(), &frame, before),
            std::vector<int32_t>(static_cast<size_t>(threads), TENON_CANCELLED));
  ASSERT_EQ(frame.status, TENON_CANCELLED);
}

// One thread gives up, or two one after the other, wherever the others are: not there yet, parked,
// or through this barrier and at the next one.
TEST(Barriers, AnyWaitMayCancel) {
  const Loaded loaded = CompileBarriers();
  for (const int32_t threads : {2, 3, 4}) {
    for (int repetition = 0; repetition < 1000; ++repetition) {
      const int first = repetition % 37, last = first + repetition % 2;
      std::atomic<int> calls = 0;
      OwnThreads team(threads, [&](uint32_t* arrived, uint32_t seen) -> int32_t {
        const int call = calls++;
        if (call >= first && call <= last) return TENON_CANCELLED;
        return team.Park(arrived, seen);
      });
      team.set_spins(repetition % 3 == 0 ? 100 : 0);
      ExpectCancelled(team, loaded, threads);
      if (HasFatalFailure()) return;
    }
  }
}

// Two threads give up at the same time, while another one is parked and the last comes sooner or
// later.
TEST(Barriers, TwoMayCancelAtOnce) {
  const Loaded loaded = CompileBarriers();
  for (const int32_t threads : {3, 4}) {
    for (int repetition = 0; repetition < 1000; ++repetition) {
      std::atomic<int> cancelling = 0;
      OwnThreads team(threads, [&](uint32_t* arrived, uint32_t seen) -> int32_t {
        if (OwnThreads::thread() >= 2) return team.Park(arrived, seen);
        ++cancelling;
        while (cancelling < 2) std::this_thread::yield();
        return TENON_CANCELLED;
      });
      ExpectCancelled(team, loaded, threads, [&](int32_t thread) {
        if (thread != threads - 1) return;
        while (cancelling < 2) std::this_thread::yield();
        if (repetition % 2 != 0) Sleep(repetition % 50);
      });
      if (HasFatalFailure()) return;
    }
  }
}

// A thread that comes only when another one gives up, or when all others have left.
TEST(Barriers, WhoComesLateLeavesToo) {
  const Loaded loaded = CompileBarriers();
  for (const int32_t threads : {2, 3, 4}) {
    for (int repetition = 0; repetition < 20; ++repetition) {
      std::atomic<bool> gave_up = false;
      OwnThreads team(threads, [&](uint32_t* arrived, uint32_t seen) -> int32_t {
        if (OwnThreads::thread() != 0) return team.Park(arrived, seen);
        Sleep(100 * repetition);
        gave_up = true;
        gave_up.notify_all();
        return TENON_CANCELLED;
      });
      ExpectCancelled(team, loaded, threads, [&](int32_t thread) {
        if (thread != threads - 1) return;
        gave_up.wait(false);
        if (repetition % 2 != 0) team.AwaitOthers();
      });
      if (HasFatalFailure()) return;
    }
  }
}

}  // namespace
}  // namespace tenon::codegen
