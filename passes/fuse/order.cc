// The end of a fusion: donations, independent groups side by side, the order of groups.
#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <utility>

#include "tenon/ir/check.h"
#include "tenon/passes/fuse/fuser.h"

namespace tenon::fuse {

// Who reads a donated input goes before the group that overwrites it, where that is possible;
// lowering gives the others a buffer of their own and copies at the end.
void Fuser::OrderDonations() {
  std::map<ir::ValueId, std::vector<int>> readers;  // of inputs
  for (int c = 0; c < static_cast<int>(clusters_.size()); ++c) {
    for (uint32_t v : clusters_[c].loads) {
      const ir::ValueId memory = Memory(ir::ValueId{v});
      if (graph_.is_input(memory)) readers[memory].push_back(c);
    }
  }
  for (const ir::Output& output : graph_.outputs()) {
    if (output.donated_input < 0) continue;
    const int writer = owner_[Memory(output.value).index];
    if (writer < 0) continue;
    const ir::ValueId input = graph_.inputs()[output.donated_input].value;
    for (int c : readers[input]) {
      if (c != writer && !Reaches(writer, c)) AddEdge(c, writer);
    }
  }
}

// Maps that nobody waits for become one kernel of several nests, unless one reads what another
// overwrites.
void Fuser::JoinSinks() {
  std::set<uint32_t> donated;
  for (const ir::Output& output : graph_.outputs()) {
    if (output.donated_input >= 0) {
      donated.insert(graph_.inputs()[output.donated_input].value.index);
    }
  }
  int home = -1;
  std::vector<int> moved_to(clusters_.size());
  std::iota(moved_to.begin(), moved_to.end(), 0);
  for (int c = 0; c < static_cast<int>(clusters_.size()); ++c) {
    Cluster& cluster = clusters_[c];
    if (cluster.kind != GroupKind::kMap || !cluster.successors.empty() || cluster.members.empty()) {
      continue;
    }
    if (home < 0) {
      home = c;
      continue;
    }
    // A donated input that both read belongs to at most one of them: the other reads it too late.
    const bool shares = std::any_of(cluster.loads.begin(), cluster.loads.end(), [&](uint32_t v) {
      return donated.count(Memory(ir::ValueId{v}).index) > 0 && clusters_[home].loads.count(v) > 0;
    });
    if (shares) continue;
    Cluster& target = clusters_[home];
    side_nests_[home].push_back(std::move(cluster.nest));
    target.members.insert(cluster.members.begin(), cluster.members.end());
    target.loads.insert(cluster.loads.begin(), cluster.loads.end());
    target.anchor = std::max(target.anchor, cluster.anchor);
    cluster.members.clear();
    moved_to[c] = home;
  }
  for (Cluster& cluster : clusters_) {
    std::set<int> successors;
    for (int s : cluster.successors) successors.insert(moved_to[s]);
    cluster.successors = std::move(successors);
  }
}

// Each cluster after those that it reads; among those that are ready, the graph's order.
std::vector<int> Fuser::Order() const {
  std::vector<int> waiting(clusters_.size(), 0);
  for (const Cluster& c : clusters_) {
    for (int s : c.successors) ++waiting[s];
  }
  std::set<std::pair<uint32_t, int>> ready;
  auto priority = [&](int c) {
    return std::make_pair(clusters_[c].members.empty() ? 0u : *clusters_[c].members.rbegin(), c);
  };
  for (size_t c = 0; c < clusters_.size(); ++c) {
    if (waiting[c] == 0) ready.insert(priority(static_cast<int>(c)));
  }
  std::vector<int> order;
  size_t visited = 0;
  while (!ready.empty()) {
    const int c = ready.begin()->second;
    ready.erase(ready.begin());
    ++visited;
    if (!clusters_[c].members.empty()) order.push_back(c);
    for (int s : clusters_[c].successors) {
      if (--waiting[s] == 0) ready.insert(priority(s));
    }
  }
  TENON_CHECK(visited == clusters_.size());
  return order;
}

Group Fuser::ToGroup(int cluster) const {
  const Cluster& c = clusters_[cluster];
  Group group{.kind = c.kind, .anchor = c.anchor};
  for (uint32_t node : c.members) group.members.push_back(ir::NodeId{node});
  for (uint32_t value : c.loads) group.inputs.push_back(ir::ValueId{value});
  group.nests.push_back(c.nest);
  auto side = side_nests_.find(cluster);
  if (side != side_nests_.end()) {
    group.nests.insert(group.nests.end(), side->second.begin(), side->second.end());
  }
  for (const Nest& nest : group.nests) {
    for (const Placed& placed : nest.stored) group.stored.push_back(placed.value);
  }
  std::sort(group.stored.begin(), group.stored.end());
  return group;
}

}  // namespace tenon::fuse
