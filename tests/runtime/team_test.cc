// Teams and arenas, with entries written here: what generated code does is tests/codegen's.
#include "tenon/runtime/team.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sched.h>

#include <atomic>
#include <chrono>
#include <set>
#include <thread>
#include <vector>

#include "tenon/runtime/arena.h"
#include "tenon/runtime/wait.h"

namespace tenon::runtime {
namespace {

struct Seen {
  std::atomic<int> calls{0};
  std::atomic<int> mask{0};
  std::atomic<int> threads{0};
};

// Entries find their state in the frame's arena, which they do not use otherwise.
int32_t Record(tenon_frame* frame, int32_t thread, int32_t threads) {
  auto* seen = reinterpret_cast<Seen*>(frame->arena);
  seen->calls++;
  seen->mask |= 1 << thread;
  seen->threads = threads;
  return TENON_OK;
}

TEST(Team, RunsEveryThreadOnceAndWaitsForAll) {
  for (const int threads : {1, 2, 3, 8}) {
    Team team(threads);
    EXPECT_EQ(team.threads(), threads);
    Seen seen;
    tenon_frame frame = {.arena = reinterpret_cast<char*>(&seen)};
    for (int run = 1; run <= 200; ++run) {
      EXPECT_EQ(team.Run(&Record, &frame), TENON_OK);
      ASSERT_EQ(seen.calls, run * threads);
    }
    EXPECT_EQ(seen.mask, (1 << threads) - 1);
    EXPECT_EQ(seen.threads, threads);
    EXPECT_EQ(frame.team == nullptr, threads == 1);
  }
}

TEST(Team, DefaultsToTheCoresOfTheProcess) { EXPECT_GE(Team().threads(), 1); }

TEST(Team, ServesSeveralCallersOneAfterTheOther) {
  Team team(2);
  Seen seen;
  std::vector<std::thread> callers;
  for (int c = 0; c < 4; ++c) {
    callers.emplace_back([&] {
      tenon_frame frame = {.arena = reinterpret_cast<char*>(&seen)};
      for (int run = 0; run < 50; ++run) team.Run(&Record, &frame);
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(seen.calls, 4 * 50 * 2);
}

// A program that runs until another one has begun as well.
struct Meeting {
  std::atomic<int> begun = 0;
};

int32_t Meet(tenon_frame* frame, int32_t /*thread*/, int32_t /*threads*/) {
  auto* meeting = reinterpret_cast<Meeting*>(frame->arena);
  ++meeting->begun;
  while (meeting->begun < 2) std::this_thread::yield();
  return TENON_OK;
}

TEST(Team, OfOneServesItsCallersSideBySide) {
  Team team(1);
  Meeting meeting;
  const auto call = [&] {
    tenon_frame frame = {.arena = reinterpret_cast<char*>(&meeting)};
    EXPECT_EQ(team.Run(&Meet, &frame), TENON_OK);
  };
  std::thread other(call);
  call();
  other.join();
}

// The callbacks as the barrier of generated code uses them: one of the threads, another one each
// round, comes late enough that the others have parked, and arrivals before the last wake nobody.
int32_t LateRelease(tenon_frame* frame, int32_t thread, int32_t threads) {
  tenon_team* team = frame->team;
  const std::atomic_ref<uint32_t> arrived(team->arrived);
  for (int32_t round = 0; round < 6; ++round) {
    if (thread == round % threads) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    const auto target = static_cast<uint32_t>((round + 1) * threads);
    if (arrived.fetch_add(1) + 1 == target) {
      if (std::atomic_ref(team->parked).load() != 0) team->wake(team->context, &team->arrived);
      continue;
    }
    for (uint32_t seen = arrived.load(); seen < target; seen = arrived.load()) {
      const int32_t status = team->wait(team->context, &team->arrived, seen);
      if (status != TENON_OK || arrived.load() == seen) frame->status = TENON_NOT_FINITE;
    }
  }
  return TENON_OK;
}

TEST(Team, WaitReturnsOnceAnotherOneArrives) {
  for (const int threads : {2, 5}) {
    Team team(threads);
    tenon_frame frame = {};
    for (int run = 0; run < 10; ++run) {
      EXPECT_EQ(team.Run(&LateRelease, &frame), TENON_OK);
      EXPECT_EQ(frame.team->arrived, static_cast<uint32_t>(6 * threads));
    }
    EXPECT_EQ(frame.team->parked, 0u);
  }
}

// What the barriers of a run have left behind is not the next one's.
int32_t LeaveTraces(tenon_frame* frame, int32_t thread, int32_t /*threads*/) {
  if (thread != 0) return TENON_OK;
  tenon_team& team = *frame->team;
  if (team.arrived != 0 || team.stop[0] != TENON_OK || team.stop[1] != TENON_OK) {
    frame->status = TENON_NOT_FINITE;
  }
  team.arrived = 7;
  team.stop[0] = team.stop[1] = TENON_CANCELLED;
  return TENON_OK;
}

TEST(Team, EveryRunBeginsWithoutArrivals) {
  Team team(2);
  tenon_frame frame = {};
  for (int run = 0; run < 3; ++run) EXPECT_EQ(team.Run(&LeaveTraces, &frame), TENON_OK);
}

int32_t FaultOnce(tenon_frame* frame, int32_t thread, int32_t /*threads*/) {
  if (thread == 0) frame->status = TENON_NOT_FINITE;
  return TENON_OK;
}

TEST(Team, StatusIsOfThisRunOnly) {
  Team team(3);
  Seen seen;
  tenon_frame frame = {.arena = reinterpret_cast<char*>(&seen)};
  EXPECT_EQ(team.Run(&FaultOnce, &frame), TENON_NOT_FINITE);
  EXPECT_EQ(team.Run(&Record, &frame), TENON_OK);
}

// A thread that sleeps until it is no longer needed.
class Sleeper {
 public:
  ~Sleeper() {
    end_ = true;
    end_.notify_all();
    thread_.join();
  }
  pthread_t handle() { return thread_.native_handle(); }
  cpu_set_t Allowed() {
    cpu_set_t set;
    CPU_ZERO(&set);
    pthread_getaffinity_np(handle(), sizeof(set), &set);
    return set;
  }

 private:
  std::atomic<bool> end_{false};
  std::thread thread_{[this] { end_.wait(false); }};
};

TEST(OwnCores, LeaveOneCoreAtATimeAndComeBack) {
  if (AvailableCores() < 2) GTEST_SKIP() << "one core: nowhere to go";
  Sleeper sleeper;
  const cpu_set_t all = sleeper.Allowed();
  OwnCores cores(sleeper.handle());
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (!CPU_ISSET(core, &all)) continue;
    cores.Leave(core);
    const cpu_set_t after = sleeper.Allowed();
    EXPECT_FALSE(CPU_ISSET(core, &after));
    EXPECT_EQ(CPU_COUNT(&after), CPU_COUNT(&all) - 1);
    cores.Leave(-1);
    const cpu_set_t still = sleeper.Allowed();
    EXPECT_TRUE(CPU_EQUAL(&still, &after));
  }
}

TEST(OwnCores, LeaveIsNotForWhoHasBeenPlacedByOthers) {
  if (AvailableCores() < 2) GTEST_SKIP() << "one core: nowhere to go";
  Sleeper sleeper;
  OwnCores cores(sleeper.handle());
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(sched_getcpu(), &one);
  ASSERT_EQ(pthread_setaffinity_np(sleeper.handle(), sizeof(one), &one), 0);
  cores.Leave(sched_getcpu());
  const cpu_set_t after = sleeper.Allowed();
  EXPECT_TRUE(CPU_EQUAL(&after, &one));
}

TEST(Arena, IsAlignedZeroAndMovable) {
  for (const int64_t size : {0, 1, 63, 64, 4096, 1 << 20, (1 << 22) + 5}) {
    Arena arena(size);
    ASSERT_NE(arena.data(), nullptr);
    EXPECT_EQ(arena.size(), size);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(arena.data()) % TENON_ARENA_ALIGNMENT, 0u);
    for (int64_t i = 0; i < size; ++i) ASSERT_EQ(arena.data()[i], 0);
    char* data = arena.data();
    Arena moved(std::move(arena));
    EXPECT_EQ(moved.data(), data);
    moved = Arena();
    EXPECT_EQ(moved.data(), nullptr);
  }
}

TEST(Arena, TooMuchGivesNull) {
  EXPECT_EQ(Arena(int64_t{1} << 62).data(), nullptr);
  EXPECT_EQ(Arena(-1).data(), nullptr);
}

}  // namespace
}  // namespace tenon::runtime
