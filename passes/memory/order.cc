#include "tenon/passes/memory/order.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <utility>
#include <vector>

#include "tenon/ir/check.h"
#include "tenon/passes/memory/timeline.h"

namespace tenon::memory {

namespace {

class Scheduler {
 public:
  explicit Scheduler(const Timeline& timeline)
      : timeline_(timeline),
        successors_(timeline.steps.size()),
        waiting_(timeline.steps.size(), 0),
        done_(timeline.steps.size()),
        readers_(timeline.instances.size()),
        left_(timeline.instances.size(), 0),
        growth_(timeline.steps.size(), 0) {
    std::vector<int> writer(timeline.instances.size(), -1);
    for (int t = 0; t < Size(); ++t) {
      for (int i : timeline.steps[t].writes) writer[i] = t;
      for (int i : timeline.steps[t].reads) {
        AddEdge(writer[i], t);
        readers_[i].push_back(t);
        ++left_[i];
      }
    }
    // Steps are groups here, in their order.
    for (const auto& [host, hosted] : timeline.hosts) AddEdge(host, hosted);
    KeepDonations();
  }

  std::vector<int> Run() {
    for (int t = 0; t < Size(); ++t) {
      if (waiting_[t] == 0) MakeReady(t);
    }
    std::vector<int> order;
    while (!ready_.empty()) {
      const int t = eager_.empty() ? *ready_.begin() : eager_.begin()->second;
      ready_.erase(t);
      eager_.erase({growth_[t], t});
      done_[t] = true;
      order.push_back(t);
      for (int i : timeline_.steps[t].reads) Read(i);
      for (int s : successors_[t]) {
        if (--waiting_[s] == 0) MakeReady(s);
      }
    }
    TENON_CHECK(static_cast<int>(order.size()) == Size());
    return order;
  }

 private:
  int Size() const { return static_cast<int>(timeline_.steps.size()); }

  void AddEdge(int from, int to) {
    if (from != to && successors_[from].insert(to).second) ++waiting_[to];
  }

  // Whoever read a donated input before it was overwritten goes on doing so, and the other way
  // round.
  void KeepDonations() {
    std::map<ir::ValueId, int> writer;
    for (int t = 0; t < Size(); ++t) {
      for (ir::ValueId v : timeline_.overwrites[timeline_.steps[t].group]) writer[v] = t;
    }
    for (int t = 0; t < Size(); ++t) {
      for (ir::ValueId v : timeline_.donated_reads[timeline_.steps[t].group]) {
        auto it = writer.find(v);
        if (it != writer.end()) AddEdge(std::min(t, it->second), std::max(t, it->second));
      }
    }
  }

  // Bytes that are alive after the step but were not before it.
  int64_t Growth(int t) const {
    int64_t bytes = 0;
    for (int i : timeline_.steps[t].writes) bytes += timeline_.instances[i].bytes;
    for (int i : timeline_.steps[t].reads) {
      if (left_[i] == 1) bytes -= timeline_.instances[i].bytes;
    }
    return bytes;
  }

  void MakeReady(int t) {
    ready_.insert(t);
    growth_[t] = Growth(t);
    if (growth_[t] <= 0) eager_.insert({growth_[t], t});
  }

  // One reader of an instance has run; the last one left may now free it.
  void Read(int instance) {
    if (--left_[instance] != 1) return;
    for (int t : readers_[instance]) {
      if (done_[t] || ready_.count(t) == 0) continue;
      eager_.erase({growth_[t], t});
      MakeReady(t);
    }
  }

  const Timeline& timeline_;
  std::vector<std::set<int>> successors_;
  std::vector<int> waiting_;
  std::vector<bool> done_;
  std::vector<std::vector<int>> readers_;  // by instance
  std::vector<int> left_;                  // by instance: readers that have not run
  std::vector<int64_t> growth_;            // of steps that are ready
  std::set<int> ready_;
  std::set<std::pair<int64_t, int>> eager_;  // those that do not grow, the greatest gain first
};

}  // namespace

void OrderGroups(const ir::Graph& graph, fuse::FusionPlan* plan) {
  const Timeline before(graph, *plan);
  const std::vector<int> order = Scheduler(before).Run();
  Timeline after = before;
  for (size_t t = 0; t < order.size(); ++t) after.steps[t] = before.steps[order[t]];
  const auto total = [](const Timeline& timeline) {
    const std::vector<int64_t> live = timeline.LiveBytes();
    return std::accumulate(live.begin(), live.end(), 0.0);
  };
  if (after.Peak() > before.Peak() || total(after) >= total(before)) return;
  std::vector<fuse::Group> groups;
  groups.reserve(order.size());
  for (int g : order) groups.push_back(std::move(plan->groups[g]));
  plan->groups = std::move(groups);
}

}  // namespace tenon::memory
