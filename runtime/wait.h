// Waiting for a word that another thread changes: polling for a bounded time, then parked.
//
// A thread that polls sees the change within tens of nanoseconds; one that has parked needs
// microseconds to wake, and costs the one who wakes it a system call, but leaves its core to others
// meanwhile. Nothing here allocates.
#ifndef TENON_RUNTIME_WAIT_H_
#define TENON_RUNTIME_WAIT_H_

#include <pthread.h>
#include <sched.h>

#include <atomic>
#include <cstdint>

namespace tenon::runtime {

// Cores that this process may use.
int AvailableCores();

// The core that the calling thread runs on; -1 where that is not known.
int CurrentCore();

// Keeps a thread off the core of the one who is about to wake it. The scheduler starts it there, as
// a rule, and two threads that poll for each other on one core only go on when it changes them
// over; and to move once awake takes as long as another wake.
class OwnCores {
 public:
  // Of a thread that may run where it may now.
  explicit OwnCores(pthread_t thread);
  // Takes `core` from where the thread may run, until another one is to be left; nothing if it has
  // no other, or once somebody else has changed where it may run.
  void Leave(int core);

 private:
  pthread_t thread_;
  cpu_set_t all_, now_;
  int left_ = -1;
};

// Returns once `word` differs from `seen`. With `poll` it polls before it parks: useful only where
// who changes the word runs on another core. `parked` counts who needs a Wake: a word of its own.
void AwaitChange(std::atomic_ref<uint32_t> word, uint32_t seen, std::atomic_ref<uint32_t> parked,
                 bool poll);

// To be called after `word` was changed by a sequentially consistent operation: wakes those that
// wait for it and have parked. Without any it is one load.
void WakeParked(std::atomic_ref<uint32_t> word, std::atomic_ref<uint32_t> parked);

}  // namespace tenon::runtime

#endif  // TENON_RUNTIME_WAIT_H_
