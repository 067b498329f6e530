// The floors of machine.h as workloads, and what the runtime's threads cost each other.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "benchmarks/machine.h"
#include "benchmarks/workloads.h"
#include "tenon/codegen/artifact.h"
#include "tenon/codegen/host.h"
#include "tenon/codegen/jit.h"
#include "tenon/ir/kernel/kernel.h"

namespace tenon::bench {
namespace {

Served Peak(int threads, Arithmetic arithmetic) {
  Served served{.peer = "peak", .version = PeakInstructions()};
  served.flops = PeakFlopsPerStep(arithmetic, threads);
  if (served.flops == 0) served.skip = "the host has no such instruction";
  served.run = [=](int64_t steps) { RunPeak(arithmetic, threads, steps); };
  return served;
}

// stream_4r3w_inplace_nt/BYTES: each array holds so many bytes.
Served StreamFloor(const WorkloadName& name, int threads, StreamSpec spec) {
  auto stream = std::make_shared<Stream>(spec, name.sizes[0], threads);
  Served served{.peer = "stream " + spec.Name(), .version = "0"};
  served.bytes = static_cast<double>(stream->bytes_per_pass());
  served.run = [=](int64_t passes) { stream->Run(passes); };
  return served;
}

// The floor of `wake`: a thread that sleeps in the kernel (a futex), woken, answers; nothing of
// tenon's is in it.
class Sleeper {
 public:
  ~Sleeper() {
    word_ = kEnd;
    word_.notify_all();
    thread_.join();
  }
  void WakeAndAwait() {
    word_ = kAsk;
    word_.notify_all();
    while (word_.load() == kAsk) {
    }
  }

 private:
  enum : int { kSleep, kAsk, kEnd };
  void Work() {
    PinThread(1);  // else the kernel may put it behind the thread that awaits it
    for (;;) {
      word_.wait(kSleep);
      if (word_ == kEnd) return;
      word_ = kSleep;
    }
  }
  std::atomic<int> word_{kSleep};
  std::thread thread_{[this] { Work(); }};
};

double TimeAsleep(int64_t steps, const std::function<void()>& wake) {
  double seconds = 0;
  for (int64_t i = 0; i < steps; ++i) {
    std::this_thread::sleep_for(std::chrono::microseconds(500));
    // The caller has just been woken itself: what that costs afterwards is not asked for.
    const double awake = Now() + 20e-6;
    while (Now() < awake) {
    }
    const double start = Now();
    wake();
    seconds += Now() - start;
  }
  return seconds;
}

Served FutexFloor(const WorkloadName&, int) {
  PinThread(0);
  auto sleeper = std::make_shared<Sleeper>();
  Served served{.peer = "waking by futex alone", .version = "0"};
  served.timed = [=](int64_t steps) { return TimeAsleep(steps, [&] { sleeper->WakeAndAwait(); }); };
  return served;
}

// Barriers of the kind that programs have, in one program without launches.
constexpr int64_t kBarriers = 10000;

// What `barrier` stands beside: a line of memory that two pinned cores hand to each other and back,
// each polling for the other's answer. Who meets the other has to wait for at least half of it.
Served HandoverFloor(const WorkloadName&, int) {
  PinThread(0);
  Served served{.peer = "a line handed there and back", .version = "0"};
  served.run = [](int64_t steps) {
    const int64_t turns = 2 * kBarriers * steps;
    alignas(64) std::atomic<int64_t> turn{0};
    const auto play = [&](int64_t first) {
      for (int64_t i = first; i < turns; i += 2) {
        while (turn.load(std::memory_order_acquire) != i) {
        }
        turn.store(i + 1, std::memory_order_release);
      }
    };
    std::thread other([&] {
      PinThread(1);
      play(1);
    });
    play(0);
    other.join();
  };
  return served;
}

std::shared_ptr<codegen::LoadedProgram> LoadSteps(std::vector<kernel::Step> steps) {
  kernel::Program program;
  program.name = "barriers";
  program.step = std::move(steps);
  const ir::TargetDesc target = codegen::HostTarget();
  program.has_fma = target.has_fma;
  return OrDie(codegen::Load(OrDie(codegen::Compile(program, target))));
}

Served Barriers(const WorkloadName&, int threads) {
  kernel::Step barrier, repeat;
  barrier.kind = kernel::Step::Kind::kBarrier;
  repeat.kind = kernel::Step::Kind::kRepeat;
  repeat.repeat.variable = "i";
  repeat.repeat.trip_count = kBarriers;
  repeat.repeat.body = {barrier};
  const std::shared_ptr<codegen::LoadedProgram> code = LoadSteps({repeat});
  auto team = std::make_shared<runtime::Team>(threads);
  Served served = TenonServed();
  served.note = "a step is " + std::to_string(kBarriers) + " barriers";
  served.run = [=](int64_t steps) {
    tenon_frame frame = {};
    for (int64_t i = 0; i < steps; ++i) team->Run(code->step(), &frame);
  };
  return served;
}

// A run that all threads have to take part in, after they have parked: what is counted is the time
// of the runs, not that of the waits in between. (A run of threads that still spin: `run`.)
Served Wake(const WorkloadName&, int threads, bool park) {
  kernel::Step barrier;
  barrier.kind = kernel::Step::Kind::kBarrier;
  const std::shared_ptr<codegen::LoadedProgram> code = LoadSteps({barrier});
  auto team = std::make_shared<runtime::Team>(threads);
  Served served = TenonServed();
  served.run = [=](int64_t steps) {
    tenon_frame frame = {};
    for (int64_t i = 0; i < steps; ++i) team->Run(code->step(), &frame);
  };
  if (!park) return served;
  served.timed = [=](int64_t steps) {
    tenon_frame frame = {};
    return TimeAsleep(steps, [&] { team->Run(code->step(), &frame); });
  };
  return served;
}

}  // namespace

WorkloadList FloorWorkloads() {
  WorkloadList list = {
      {"peak_f32", [](const WorkloadName&, int t) { return Peak(t, Arithmetic::kF32); }},
      {"peak_f64", [](const WorkloadName&, int t) { return Peak(t, Arithmetic::kF64); }},
      {"peak_bf16", [](const WorkloadName&, int t) { return Peak(t, Arithmetic::kBf16); }},
      {"clock",
       [](const WorkloadName&, int) {
         Served served{.peer = "clock", .version = "0"};
         served.cycles = static_cast<double>(kCyclesPerStep);
         served.run = RunCycles;
         return served;
       }},
      {"futex_wake", FutexFloor},
      {"handover", HandoverFloor},
      {"barrier", Barriers},
      {"run", [](const WorkloadName& n, int t) { return Wake(n, t, /*park=*/false); }},
      {"wake", [](const WorkloadName& n, int t) { return Wake(n, t, /*park=*/true); }},
  };
  for (int reads = 0; reads <= 4; ++reads) {
    for (int writes = 0; writes <= 4; ++writes) {
      if (reads + writes == 0) continue;
      for (const bool in_place : {false, true}) {
        for (const bool nt : {false, true}) {
          const StreamSpec spec{reads, writes, in_place, nt};
          const std::string name = "stream_" + std::to_string(reads) + "r" +
                                   std::to_string(writes) + "w" + (in_place ? "_inplace" : "") +
                                   (nt ? "_nt" : "");
          list[name] = [=](const WorkloadName& n, int t) { return StreamFloor(n, t, spec); };
        }
      }
    }
  }
  return list;
}

}  // namespace tenon::bench
