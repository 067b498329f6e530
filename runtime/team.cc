#include "tenon/runtime/team.h"

#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

#include "tenon/runtime/wait.h"

namespace tenon::runtime {
namespace {

// What generated code polls by itself before it calls back: the usual wait at a barrier.
constexpr uint32_t kBarrierPolls = 256;

}  // namespace

struct Team::State {
  int32_t threads = 1;
  bool poll = true;

  // A run: written by the caller before it moves `generation`, read by the threads afterwards, all
  // on one cache line.
  alignas(64) uint32_t generation = 0;  // moves with every run
  uint32_t generation_parked = 0;
  tenon_entry entry = nullptr;
  tenon_frame* frame = nullptr;
  bool ending = false;

  alignas(64) uint32_t running = 0;  // threads of the team that have not finished the run
  uint32_t running_parked = 0;
  alignas(64) tenon_team team = {};

  std::mutex one_run;
  std::vector<std::thread> workers;
  std::vector<OwnCores> cores;  // of the workers

  void Work(int32_t thread);
  static int32_t Wait(void* context, uint32_t* arrived, uint32_t seen);
  static void Wake(void* context, uint32_t* arrived);
};

int32_t Team::State::Wait(void* context, uint32_t* arrived, uint32_t seen) {
  auto* state = static_cast<State*>(context);
  AwaitChange(std::atomic_ref(*arrived), seen, std::atomic_ref(state->team.parked), state->poll);
  return TENON_OK;
}

void Team::State::Wake(void* /*context*/, uint32_t* arrived) {
  std::atomic_ref(*arrived).notify_all();
}

void Team::State::Work(int32_t thread) {
  uint32_t seen = 0;
  for (;;) {
    AwaitChange(std::atomic_ref(generation), seen, std::atomic_ref(generation_parked), poll);
    seen = std::atomic_ref(generation).load(std::memory_order_acquire);
    if (ending) return;
    entry(frame, thread, threads);
    if (std::atomic_ref(running).fetch_sub(1, std::memory_order_seq_cst) == 1) {
      WakeParked(std::atomic_ref(running), std::atomic_ref(running_parked));
    }
  }
}

Team::Team(int threads) : state_(std::make_unique<State>()) {
  State& state = *state_;
  const int cores = AvailableCores();
  state.threads = threads > 0 ? threads : cores;
  state.poll = state.threads <= cores;
  state.team.spins = state.poll ? kBarrierPolls : 0;
  state.team.context = &state;
  state.team.wait = &State::Wait;
  state.team.wake = &State::Wake;
  for (int32_t t = 1; t < state.threads; ++t) {
    state.workers.emplace_back([&state, t] { state.Work(t); });
    state.cores.emplace_back(state.workers.back().native_handle());
  }
}

Team::~Team() {
  State& state = *state_;
  state.ending = true;
  std::atomic_ref(state.generation).fetch_add(1, std::memory_order_seq_cst);
  std::atomic_ref(state.generation).notify_all();
  for (std::thread& worker : state.workers) worker.join();
}

int Team::threads() const { return state_->threads; }

int32_t Team::Run(tenon_entry entry, tenon_frame* frame) {
  State& state = *state_;
  // There is nothing then that two runs could share, and a lock takes as long as a small program.
  if (state.threads == 1) {
    frame->status = TENON_OK;
    frame->team = nullptr;
    entry(frame, 0, 1);
    return frame->status;
  }
  const std::lock_guard lock(state.one_run);
  frame->status = TENON_OK;
  frame->team = &state.team;
  state.team.arrived = 0;
  for (int32_t& stop : state.team.stop) stop = TENON_OK;
  state.entry = entry;
  state.frame = frame;
  const bool parked = std::atomic_ref(state.generation_parked).load(std::memory_order_relaxed) != 0;
  if (parked && state.poll) {
    const int core = CurrentCore();
    for (OwnCores& cores : state.cores) cores.Leave(core);
  }
  std::atomic_ref(state.running)
      .store(static_cast<uint32_t>(state.threads) - 1, std::memory_order_relaxed);
  std::atomic_ref(state.generation).fetch_add(1, std::memory_order_seq_cst);
  WakeParked(std::atomic_ref(state.generation), std::atomic_ref(state.generation_parked));
  entry(frame, 0, state.threads);
  for (;;) {
    const uint32_t left = std::atomic_ref(state.running).load(std::memory_order_acquire);
    if (left == 0) break;
    AwaitChange(std::atomic_ref(state.running), left, std::atomic_ref(state.running_parked),
                state.poll);
  }
  return frame->status;
}

}  // namespace tenon::runtime
