// FusionPlan: which ops of a frozen graph become one kernel.
//
// Every node belongs to at most one group; nodes in none are constants and reshapes of stored
// values (aliases), which cost nothing. A group's members stand in the graph's order; its `stored`
// values are what others read or what the graph returns; everything else lives in registers. Groups
// are listed in an order in which each stands after those that it reads.
//
// A node may be a member of its own group and, besides, be computed again in others (`recomputed`):
// cheap element-wise work costs less than a trip through memory.
#ifndef TENON_PASSES_FUSE_PLAN_H_
#define TENON_PASSES_FUSE_PLAN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "tenon/ir/graph.h"

namespace tenon::fuse {

enum class GroupKind : uint8_t {
#define TENON_GROUP_KIND(enumerator, name) enumerator,
#include "tenon/passes/fuse/group_kinds.def"
};
absl::string_view GroupKindName(GroupKind kind);

struct Group {
  GroupKind kind = GroupKind::kMap;
  // What the schedule is made for: the reduction, the contraction, ...; of maps the last member.
  ir::NodeId anchor;
  std::vector<ir::NodeId> members;     // in graph order, the anchor among them
  std::vector<ir::NodeId> recomputed;  // further nodes that this group evaluates for itself
  std::vector<ir::ValueId> inputs;     // values read from memory, in order of first use
  std::vector<ir::ValueId> stored;     // values written to memory, in graph order
};

// An edge of the graph that stays a trip through memory, and why.
struct Cut {
  ir::NodeId producer, consumer;
  std::string reason;
};

struct FusionPlan {
  std::vector<Group> groups;
  std::vector<Cut> cuts;

  // One group a line, then the cuts: for people and goldens.
  std::string ToString(const ir::Graph& graph) const;
};

}  // namespace tenon::fuse

#endif  // TENON_PASSES_FUSE_PLAN_H_
