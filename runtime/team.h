// Team: the threads that run a program's entries together.
//
// A team of n has n - 1 threads of its own, made once and parked between runs; the caller's thread
// is number 0 and takes part. Run does not allocate. A thread that waits (for the next run, or at a
// barrier) polls for a bounded time, measured by the clock, and then parks in the kernel; where the
// machine has fewer cores than the team has threads it parks at once, since a polling thread would
// keep the one it waits for from running.
#ifndef TENON_RUNTIME_TEAM_H_
#define TENON_RUNTIME_TEAM_H_

#include <cstdint>
#include <memory>

#include "tenon/runtime/abi.h"

namespace tenon::runtime {

class Team {
 public:
  // `threads` is at least 1; 0 takes one a core that this process may use.
  explicit Team(int threads = 0);
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;
  ~Team();

  int threads() const;

  // Runs `entry` on all threads and returns once all have returned. Sets frame->team, and
  // frame->status to TENON_OK beforehand; returns frame->status. A frame is in one run at a time;
  // so is a team of several threads: a second caller waits for the first.
  int32_t Run(tenon_entry entry, tenon_frame* frame);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tenon::runtime

#endif  // TENON_RUNTIME_TEAM_H_
