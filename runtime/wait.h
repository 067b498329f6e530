// Waiting for a word that another thread changes: polling for a bounded time, then parked.
//
// A thread that polls sees the change within tens of nanoseconds; one that has parked needs
// microseconds to wake, and costs the one who wakes it a system call, but leaves its core to others
// meanwhile. Nothing here allocates.
#ifndef TENON_RUNTIME_WAIT_H_
#define TENON_RUNTIME_WAIT_H_

#include <sched.h>

#include <atomic>
#include <cstdint>

namespace tenon::runtime {

// Cores that this process may use.
int AvailableCores();

// The core that the calling thread runs on; -1 where that is not known.
int CurrentCore();

// Keeps a thread off the core of another one. A thread that is woken starts on the core of who
// wakes it, as a rule, and two threads that poll for each other on one core only go on when the
// scheduler changes them over. Made and used by the thread itself.
class OwnCores {
 public:
  OwnCores();
  // Leaves `core`, if the thread is there and may run elsewhere, until it has to leave another one.
  // Does nothing once somebody else has changed where the thread may run.
  void Leave(int core);

 private:
  cpu_set_t all_, now_;
};

// Returns once `word` differs from `seen`, and whether the thread had parked. With `poll` it polls
// before it parks: useful only where who changes the word runs on another core. `parked` counts who
// needs a Wake: a word of its own.
bool AwaitChange(std::atomic_ref<uint32_t> word, uint32_t seen, std::atomic_ref<uint32_t> parked,
                 bool poll);

// To be called after `word` was changed by a sequentially consistent operation: wakes those that
// wait for it and have parked. Without any it is one load.
void WakeParked(std::atomic_ref<uint32_t> word, std::atomic_ref<uint32_t> parked);

}  // namespace tenon::runtime

#endif  // TENON_RUNTIME_WAIT_H_
