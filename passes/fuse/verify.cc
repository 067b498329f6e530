#include "tenon/passes/fuse/verify.h"

#include <algorithm>
#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tenon/ir/check.h"
#include "tenon/ir/op.h"
#include "tenon/ir/verifier.h"

namespace tenon::fuse {
namespace {

using ir::ComputeClass;
using ir::NodeId;
using ir::ValueId;

class PlanVerifier {
 public:
  PlanVerifier(const ir::Graph& graph, const FusionPlan& plan) : graph_(graph), plan_(plan) {}

  absl::Status Run() {
    for (number_ = 0; number_ < plan_.groups.size(); ++number_) {
      TENON_RETURN_IF_ERROR(CheckGroup(plan_.groups[number_]));
    }
    for (const ir::Output& output : graph_.outputs()) {
      if (!IsInMemory(output.value)) {
        return absl::InternalError(absl::StrCat("no group stores output '", output.name, "'"));
      }
    }
    return absl::OkStatus();
  }

 private:
  absl::Status CheckGroup(const Group& group) {
    const auto is_member = [&](NodeId id) {
      return std::binary_search(group.members.begin(), group.members.end(), id);
    };
    if (group.members.empty()) return Error("has no members");
    if (!std::is_sorted(group.members.begin(), group.members.end())) {
      return Error("has its members in another order than the graph");
    }
    if (!is_member(group.anchor)) return Error("has an anchor that is no member");
    std::set<ValueId> read;
    for (ValueId v : group.inputs) {
      read.insert(Memory(v));
      if (!IsInMemory(v)) return Error("reads what no group before it stores: ", v);
    }
    std::set<NodeId> hosted;
    for (const Nest& nest : group.nests) {
      for (const Nest::Reduction& r : nest.reductions) {
        if (r.hosted) hosted.insert(r.node);
      }
    }
    for (NodeId id : group.members) {
      if (hosted.count(id) > 0) continue;
      for (ValueId v : graph_.node(id).operands) {
        if (!IsComputed(v, read, is_member)) return Error("neither computes nor reads ", v);
      }
    }
    for (ValueId v : group.stored) {
      if (graph_.is_input(v) || !is_member(graph_.producer(v))) {
        return Error("stores what it does not compute: ", v);
      }
      if (!stored_.insert(Memory(v)).second) return Error("stores what is stored already: ", v);
    }
    return absl::OkStatus();
  }

  ComputeClass ClassOf(ValueId v) const {
    return ir::GetOpDef(graph_.node(graph_.producer(v)).op).compute_class;
  }
  // The value whose memory `v` is: through reshapes.
  ValueId Memory(ValueId v) const {
    while (!graph_.is_input(v) && ClassOf(v) == ComputeClass::kReshape) {
      v = graph_.node(graph_.producer(v)).operands[0];
    }
    return v;
  }
  bool IsInMemory(ValueId v) const {
    v = Memory(v);
    return graph_.is_input(v) || ClassOf(v) == ComputeClass::kConstant || stored_.count(v) > 0;
  }
  template <typename IsMember>
  bool IsComputed(ValueId v, const std::set<ValueId>& read, const IsMember& is_member) const {
    if (read.count(Memory(v)) > 0) return true;
    if (graph_.is_input(v)) return false;
    const ComputeClass c = ClassOf(v);
    if (c == ComputeClass::kConstant || is_member(graph_.producer(v))) return true;
    return c == ComputeClass::kReshape &&
           IsComputed(graph_.node(graph_.producer(v)).operands[0], read, is_member);
  }

  absl::Status Error(absl::string_view what, ValueId v = {}) const {
    std::string text = absl::StrCat("group ", number_, " of the fusion plan (",
                                    GroupKindName(plan_.groups[number_].kind), ") ", what);
    if (v.valid()) {
      absl::StrAppend(&text, graph_.is_input(v)
                                 ? "input '" + graph_.inputs()[graph_.result_index(v)].name + "'"
                                 : ir::DescribeNode(graph_, graph_.node(graph_.producer(v))));
    }
    return absl::InternalError(text);
  }

  const ir::Graph& graph_;
  const FusionPlan& plan_;
  size_t number_ = 0;
  std::set<ValueId> stored_;
};

}  // namespace

absl::Status Verify(const ir::Graph& graph, const FusionPlan& plan) {
  return PlanVerifier(graph, plan).Run();
}

}  // namespace tenon::fuse
