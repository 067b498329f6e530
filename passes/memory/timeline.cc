#include "tenon/passes/memory/timeline.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "tenon/passes/fuse/prepared.h"

namespace tenon::memory {

using fuse::FusionPlan;
using fuse::Group;
using ir::Graph;
using ir::ValueId;

namespace {

// Buffers from here on are staggered by this many bytes more than their size.
constexpr int64_t kBig = 128 << 10;
constexpr int64_t kStagger = 640;
// What has no bound in 64 bits: planning will refuse it.
constexpr int64_t kHuge = int64_t{1} << 50;

}  // namespace

int64_t ArenaBytes(int64_t bytes) {
  bytes = (std::max<int64_t>(bytes, 1) + kAlignment - 1) / kAlignment * kAlignment;
  return bytes >= kBig ? bytes + kStagger : bytes;
}

int64_t Timeline::BytesOf(const ir::TensorType& type) const {
  const std::optional<int64_t> elements = type.NumElements().UpperBound();
  if (!elements.has_value() || *elements > kHuge / 8) return kHuge;
  return ArenaBytes(*elements * ir::ByteSize(type.dtype));
}

Timeline::Timeline(const Graph& graph, const FusionPlan& plan)
    : memory_(fuse::MemoryOfValues(graph)) {
  std::set<ValueId> returned;
  for (const ir::Output& output : graph.outputs()) returned.insert(Memory(output.value));
  const fuse::Prepared prepared(graph, plan);
  std::map<ValueId, int> instance_of;
  for (size_t g = 0; g < plan.groups.size(); ++g) {
    TimelineStep step;
    step.group = static_cast<int>(g);
    in_place.push_back(plan.groups[g].may_overwrite);
    std::set<int> reads;
    for (ValueId v : plan.groups[g].inputs) {
      auto it = instance_of.find(Memory(v));
      if (it != instance_of.end()) reads.insert(it->second);
    }
    step.reads.assign(reads.begin(), reads.end());
    for (ValueId v : plan.groups[g].stored) {
      const bool elsewhere = prepared.RunsGroup(g) || returned.count(v) > 0;
      instance_of[v] = static_cast<int>(instances.size());
      step.writes.push_back(static_cast<int>(instances.size()));
      instances.push_back({v, elsewhere ? 0 : BytesOf(graph.type(v))});
    }
    steps.push_back(std::move(step));
  }
  FindDonations(graph, plan);
  FindHosts(plan);
}

void Timeline::FindHosts(const FusionPlan& plan) {
  std::map<ir::NodeId, int> host_of;
  runs_once.resize(plan.groups.size());
  for (size_t g = 0; g < plan.groups.size(); ++g) {
    for (const fuse::Nest& nest : plan.groups[g].nests) {
      for (const fuse::Nest::Reduction& r : nest.columns) host_of[r.node] = static_cast<int>(g);
    }
  }
  for (size_t g = 0; g < plan.groups.size(); ++g) {
    for (const fuse::Nest& nest : plan.groups[g].nests) {
      for (const fuse::Nest::Reduction& r : nest.reductions) {
        if (!r.hosted) continue;
        hosts.emplace_back(host_of.at(r.node), static_cast<int>(g));
        runs_once[host_of.at(r.node)] = runs_once[g] = true;
      }
    }
  }
}

void Timeline::FindDonations(const Graph& graph, const FusionPlan& plan) {
  std::map<ValueId, std::vector<ValueId>> overwritten_by;  // of an output's memory
  std::set<ValueId> donated;
  for (const ir::Output& output : graph.outputs()) {
    if (output.donated_input < 0) continue;
    const ValueId input = graph.inputs()[output.donated_input].value;
    if (Memory(output.value) == input) continue;
    donated.insert(input);
    overwritten_by[Memory(output.value)].push_back(input);
  }
  donated_reads.resize(plan.groups.size());
  overwrites.resize(plan.groups.size());
  for (size_t g = 0; g < plan.groups.size(); ++g) {
    for (ValueId v : plan.groups[g].inputs) {
      if (donated.count(Memory(v)) > 0) donated_reads[g].push_back(Memory(v));
    }
    for (ValueId v : plan.groups[g].stored) {
      auto it = overwritten_by.find(v);
      if (it == overwritten_by.end()) continue;
      overwrites[g].insert(overwrites[g].end(), it->second.begin(), it->second.end());
    }
  }
}

std::vector<Life> Timeline::Lives() const {
  std::vector<Life> lives(instances.size());
  for (int t = 0; t < static_cast<int>(steps.size()); ++t) {
    for (int i : steps[t].writes) lives[i] = {t, t};
    for (int i : steps[t].reads) lives[i].last = t;
  }
  return lives;
}

std::vector<int64_t> Timeline::LiveBytes() const {
  std::vector<int64_t> change(steps.size() + 1, 0);
  const std::vector<Life> lives = Lives();
  for (size_t i = 0; i < instances.size(); ++i) {
    if (lives[i].first < 0) continue;
    change[lives[i].first] += instances[i].bytes;
    change[lives[i].last + 1] -= instances[i].bytes;
  }
  std::partial_sum(change.begin(), change.end(), change.begin());
  change.pop_back();
  for (int t = 0; t < static_cast<int>(steps.size()); ++t) change[t] -= SharedBytes(t, lives);
  return change;
}

// As lowering chooses (GraphLowerer::PlaceOverLastRead).
int64_t Timeline::SharedBytes(int t, const std::vector<Life>& lives) const {
  int64_t bytes = 0;
  std::set<ValueId> written, taken;
  for (const auto& [v, input] : in_place[steps[t].group]) {
    if (written.count(v) > 0 || taken.count(input) > 0) continue;
    const auto find = [&](const std::vector<int>& among, ValueId value) {
      return std::find_if(among.begin(), among.end(),
                          [&](int i) { return instances[i].value == value; });
    };
    const auto to = find(steps[t].writes, v), from = find(steps[t].reads, input);
    if (to == steps[t].writes.end() || from == steps[t].reads.end()) continue;
    if (instances[*to].bytes == 0 || instances[*from].bytes == 0) continue;
    if (lives[*from].last != t) continue;
    written.insert(v);
    taken.insert(input);
    bytes += instances[*to].bytes;
  }
  return bytes;
}

int64_t Timeline::Peak() const {
  int64_t peak = 0;
  for (int64_t bytes : LiveBytes()) peak = std::max(peak, bytes);
  return peak;
}

}  // namespace tenon::memory
