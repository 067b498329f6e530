// Waiting for a word that another thread changes: polling for a bounded time, then parked.
//
// A thread that polls sees the change within tens of nanoseconds; one that has parked needs
// microseconds to wake, and costs the one who wakes it a system call, but leaves its core to others
// meanwhile. Nothing here allocates.
#ifndef TENON_RUNTIME_WAIT_H_
#define TENON_RUNTIME_WAIT_H_

#include <atomic>
#include <cstdint>

namespace tenon::runtime {

// Cores that this process may use.
int AvailableCores();

// Returns once `word` differs from `seen`. With `poll` it polls before it parks: useful only where
// who changes the word runs on another core. `parked` counts who needs a Wake: a word of its own.
void AwaitChange(std::atomic_ref<uint32_t> word, uint32_t seen, std::atomic_ref<uint32_t> parked,
                 bool poll);

// To be called after `word` was changed by a sequentially consistent operation: wakes those that
// wait for it and have parked. Without any it is one load.
void WakeParked(std::atomic_ref<uint32_t> word, std::atomic_ref<uint32_t> parked);

}  // namespace tenon::runtime

#endif  // TENON_RUNTIME_WAIT_H_
