// Timeline: when the values that a fusion plan stores are alive, before anything is lowered.
//
// A step runs a group of the plan; an instance is a stored value in memory, written by one step and
// read by later ones. A group may run more than once (passes/remat repeats groups): each run has
// instances of its own. What lies in the caller's buffers or in the prepared area takes no bytes
// here, so the sum at a step is what the arena must hold at least, temporaries inside groups aside.
#ifndef TENON_PASSES_MEMORY_TIMELINE_H_
#define TENON_PASSES_MEMORY_TIMELINE_H_

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "tenon/ir/graph.h"
#include "tenon/passes/fuse/plan.h"

namespace tenon::memory {

inline constexpr int64_t kAlignment = 64;  // of buffers in the arena

// Bytes that a buffer takes in the arena: aligned, and staggered when it is big (memory/plan.h).
int64_t ArenaBytes(int64_t bytes);

struct Instance {
  ir::ValueId value;
  int64_t bytes = 0;  // in the arena; 0: lies elsewhere
};

struct TimelineStep {
  int group = 0;            // of the plan
  int repetition = 0;       // 0: the group itself; each repeated run has a number of its own
  std::vector<int> reads;   // instances
  std::vector<int> writes;  // instances
};

struct Life {
  int first = -1, last = -1;  // steps: where it is written, where it is read last
};

class Timeline {
 public:
  Timeline(const ir::Graph& graph, const fuse::FusionPlan& plan);

  std::vector<TimelineStep> steps;
  std::vector<Instance> instances;
  // By group: donated inputs that it reads, and those that it overwrites.
  std::vector<std::vector<ir::ValueId>> donated_reads, overwrites;
  // By group: stored values, and values that they may take the place of (fuse::Group).
  std::vector<std::vector<std::pair<ir::ValueId, ir::ValueId>>> in_place;

  // Groups that add up another's sum in parts, and those others, which follow
  // (fuse::Nest::columns).
  std::vector<std::pair<int, int>> hosts;
  // By group: whether it is in one of these pairs, and so runs once.
  std::vector<bool> runs_once;

  // The value whose memory `v` is: through reshapes.
  ir::ValueId Memory(ir::ValueId v) const { return memory_[v.index]; }

  std::vector<Life> Lives() const;
  // Bytes alive at each step. A value that is written over the last read of another counts once.
  std::vector<int64_t> LiveBytes() const;
  // The largest of them.
  int64_t Peak() const;

 private:
  int64_t SharedBytes(int t, const std::vector<Life>& lives) const;
  void FindHosts(const fuse::FusionPlan& plan);
  void FindDonations(const ir::Graph& graph, const fuse::FusionPlan& plan);
  int64_t BytesOf(const ir::TensorType& type) const;

  std::vector<ir::ValueId> memory_;  // by value
};

}  // namespace tenon::memory

#endif  // TENON_PASSES_MEMORY_TIMELINE_H_
