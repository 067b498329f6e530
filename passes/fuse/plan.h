// FusionPlan: which ops of a frozen graph become one kernel.
//
// Every node belongs to at most one group; nodes in none are constants and reshapes of stored
// values (aliases), which cost nothing. A group's members stand in the graph's order; its `stored`
// values are what others read or what the graph returns; everything else lives in registers. Groups
// are listed in an order in which each stands after those that it reads.
//
// A node may be evaluated in several groups: cheap element-wise work costs less than a trip through
// memory. Evaluation is pull-based (lower/element.h), so this needs no bookkeeping beyond
// membership.
//
// A group is one nest of loops, or several independent ones side by side (maps only). A nest's
// variables are numbered: the kept dimensions, then the reduced ones. The stored values of a
// contraction's group all have the contraction's elements in the contraction's order.
#ifndef TENON_PASSES_FUSE_PLAN_H_
#define TENON_PASSES_FUSE_PLAN_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "tenon/ir/graph.h"
#include "tenon/passes/lower/index_space.h"

namespace tenon::fuse {

enum class GroupKind : uint8_t {
#define TENON_GROUP_KIND(enumerator, name) enumerator,
#include "tenon/passes/fuse/group_kinds.def"
};
absl::string_view GroupKindName(GroupKind kind);

// A value and where it is evaluated, over the variables of a nest's space.
struct Placed {
  ir::ValueId value;
  lower::ElementIndex index;
};

struct Nest {
  lower::IndexSpace space;
  std::vector<lower::VarId> kept;     // loops over points of the result, outermost first
  std::vector<lower::VarId> reduced;  // loops that reductions run over
  std::vector<Placed> stored;
  // Results of reductions (by their value's index) and the points of their domains.
  struct Reduction {
    ir::NodeId node;
    lower::ElementIndex index;  // of the result: over `kept`
    lower::ElementIndex point;  // of the domain: over both
    // Another group's rows add it up, in parts: nothing but the parts is read here, and `point` is
    // empty.
    bool hosted = false;
  };
  std::vector<Reduction> reductions;
  // Sums over rows (the kept loops), an element for each point of a row, for groups whose
  // reductions are hosted. `index` is empty.
  std::vector<Reduction> columns;

  // The number of a point of the kept loops, in their order; and how many there are.
  lower::IndexExpr Position() const;
  ir::Dim NumPoints() const;
};

struct Group {
  GroupKind kind = GroupKind::kMap;
  // What the schedule is made for: the reduction, the contraction, ...; of maps the last member.
  ir::NodeId anchor;
  std::vector<ir::NodeId> members;  // evaluated here, in graph order, the anchor among them
  std::vector<ir::ValueId> inputs;  // values read from memory, in order of number
  std::vector<ir::ValueId> stored;  // values written to memory, in order of number
  std::vector<Nest> nests;          // of maps and reductions
  // Stored values, and values that they may be written over where this group is their last reader
  // (lower/in_place.h).
  std::vector<std::pair<ir::ValueId, ir::ValueId>> may_overwrite;
};

// Whether a group only fills memory with one number, such as the zeros that a gradient is scattered
// into. `prepare` does not do that ahead: filling costs less than keeping what is filled, and who
// adds to it can then do so where it lies.
bool FillsWithNumber(const ir::Graph& graph, const Group& group);

// By value: the one whose memory it is, through reshapes, which move nothing.
std::vector<ir::ValueId> MemoryOfValues(const ir::Graph& graph);

// An edge of the graph that stays a trip through memory, and why.
struct Cut {
  ir::NodeId producer;
  std::string reason;
};

// A node that is evaluated where its result is used, and why.
struct Join {
  ir::NodeId node;
  absl::string_view reason;  // a literal
};

struct FusionPlan {
  std::vector<Group> groups;
  std::vector<Cut> cuts;
  std::vector<Join> joins;

  // One group a line, then the cuts: for people and goldens.
  std::string ToString(const ir::Graph& graph) const;
};

}  // namespace tenon::fuse

#endif  // TENON_PASSES_FUSE_PLAN_H_
