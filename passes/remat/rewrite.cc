#include "tenon/passes/remat/rewrite.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "tenon/ir/check.h"
#include "tenon/ir/op.h"

namespace tenon::remat {

using fuse::FusionPlan;
using fuse::Group;
using fuse::GroupKind;
using ir::ComputeClass;
using ir::Graph;
using ir::Node;
using ir::NodeId;
using ir::ValueId;
using memory::Timeline;
using memory::TimelineStep;

namespace {

class Rewriter {
 public:
  Rewriter(const Graph& graph, const FusionPlan& plan, const Timeline& timeline)
      : graph_(graph),
        plan_(plan),
        timeline_(timeline),
        values_(timeline.instances.size()),
        first_run_(graph.num_values()) {
    result_.graph = Graph(graph.name());
  }

  Planned Run() {
    for (const ir::Input& input : graph_.inputs()) {
      inputs_[input.value] = result_.graph.AddInput(
          input.name, input.kind, graph_.type(input.value), input.init, input.location);
    }
    for (const TimelineStep& step : timeline_.steps) AddStep(step);
    step_ = nullptr;
    members_.clear();
    for (const ir::Output& output : graph_.outputs()) {
      mapped_.clear();
      result_.graph.AddOutput(output.name, Get(output.value), output.donated_input);
    }
    return std::move(result_);
  }

 private:
  void AddStep(const TimelineStep& step) {
    step_ = &step;
    mapped_.clear();
    Group group = plan_.groups[step.group];
    LeaveOut(step, &group);
    members_ = {group.members.begin(), group.members.end()};
    for (NodeId& id : group.members) {
      Get(graph_.node(id).results[0]);
      id = node_of_.at(id);
    }
    std::sort(group.members.begin(), group.members.end());
    group.anchor = node_of_.at(group.anchor);
    for (fuse::Nest& nest : group.nests) {
      for (fuse::Nest::Reduction& r : nest.columns) r.node = HostedNode(r.node);
    }
    for (ValueId& v : group.inputs) v = Get(v);
    std::sort(group.inputs.begin(), group.inputs.end());
    for (ValueId& v : group.stored) v = Get(v);
    std::sort(group.stored.begin(), group.stored.end());
    for (auto& [stored, input] : group.may_overwrite) {
      stored = Get(stored);
      input = Get(input);
    }
    for (fuse::Nest& nest : group.nests) {
      for (fuse::Placed& placed : nest.stored) placed.value = Get(placed.value);
      for (fuse::Nest::Reduction& r : nest.reductions) r.node = node_of_.at(r.node);
    }
    for (int i : step.writes) {
      const ValueId old = timeline_.instances[i].value;
      values_[i] = Get(old);
      if (!first_run_[old.index].valid()) first_run_[old.index] = values_[i];
    }
    result_.plan.groups.push_back(std::move(group));
  }

  // The reduction of another group that this one adds up: over what its operands are here.
  NodeId HostedNode(NodeId id) {
    Emit(id, 0);
    hosted_[id] = node_of_.at(id);
    return node_of_.at(id);
  }

  // Drops what the group stores for nobody, and what it would read and compute for that alone.
  void LeaveOut(const TimelineStep& step, Group* group) const {
    std::set<ValueId> needed;
    for (int i : step.writes) needed.insert(timeline_.instances[i].value);
    const auto unneeded = [&](ValueId v) { return needed.count(v) == 0; };
    const auto end = std::remove_if(group->stored.begin(), group->stored.end(), unneeded);
    if (end == group->stored.end()) return;
    group->stored.erase(end, group->stored.end());
    for (fuse::Nest& nest : group->nests) {
      nest.stored.erase(std::remove_if(nest.stored.begin(), nest.stored.end(),
                                       [&](const fuse::Placed& p) { return unneeded(p.value); }),
                        nest.stored.end());
    }
    const auto is_empty = [](const fuse::Nest& nest) { return nest.stored.empty(); };
    group->nests.erase(std::remove_if(group->nests.begin(), group->nests.end(), is_empty),
                       group->nests.end());
    std::set<NodeId> all(group->members.begin(), group->members.end()), used;
    std::set<ValueId> read;
    std::vector<ValueId> work(group->stored.begin(), group->stored.end());
    if (group->kind == GroupKind::kContract) {
      work.push_back(graph_.node(group->anchor).results[0]);
    }
    while (!work.empty()) {
      const ValueId v = work.back();
      work.pop_back();
      const NodeId id = graph_.producer(v);
      if (!id.valid() || all.count(id) == 0) {
        read.insert(v);
      } else if (used.insert(id).second) {
        work.insert(work.end(), graph_.node(id).operands.begin(), graph_.node(id).operands.end());
      }
    }
    group->members = {used.begin(), used.end()};
    group->inputs.erase(std::remove_if(group->inputs.begin(), group->inputs.end(),
                                       [&](ValueId v) { return read.count(v) == 0; }),
                        group->inputs.end());
    group->may_overwrite.erase(
        std::remove_if(
            group->may_overwrite.begin(), group->may_overwrite.end(),
            [&](const auto& pair) { return unneeded(pair.first) || !Reads(*group, pair.second); }),
        group->may_overwrite.end());
    if (used.count(group->anchor) == 0) group->anchor = group->members.back();
  }

  bool Reads(const Group& group, ValueId memory) const {
    return std::any_of(group.inputs.begin(), group.inputs.end(),
                       [&](ValueId v) { return timeline_.Memory(v) == memory; });
  }

  // What stands for `v` in the step at hand (or, behind the last step, in the graph's outputs).
  ValueId Get(ValueId v) {
    const NodeId id = graph_.producer(v);
    if (!id.valid()) return inputs_.at(v);
    auto it = mapped_.find(v);
    if (it != mapped_.end()) return it->second;
    const ComputeClass of_op = ir::GetOpDef(graph_.node(id).op).compute_class;
    const bool is_member = members_.count(id) > 0;
    if (is_member || of_op == ComputeClass::kConstant || of_op == ComputeClass::kReshape) {
      Emit(id, is_member && step_ != nullptr ? step_->repetition : 0);
      return mapped_.at(v);
    }
    return mapped_[v] = Stored(v);
  }

  // A value that another group stores.
  ValueId Stored(ValueId v) const {
    if (step_ == nullptr) return first_run_[v.index];
    for (int i : step_->reads) {
      if (timeline_.instances[i].value == v) return values_[i];
    }
    TENON_CHECK(false);
  }

  // The node over the operands that it has here: once for equal operands, but anew for each
  // repetition.
  void Emit(NodeId id, int repetition) {
    const Node& node = graph_.node(id);
    if (auto it = hosted_.find(id); it != hosted_.end()) {
      node_of_[id] = it->second;
      const std::vector<ValueId>& results = result_.graph.node(it->second).results;
      for (size_t i = 0; i < results.size(); ++i) mapped_[node.results[i]] = results[i];
      return;
    }
    std::vector<ValueId> operands;
    operands.reserve(node.operands.size());
    for (ValueId operand : node.operands) operands.push_back(Get(operand));
    const auto [it, added] =
        emitted_.try_emplace(std::make_tuple(id, repetition, operands), NodeId());
    if (added) {
      std::vector<ir::TensorType> types;
      for (ValueId result : node.results) types.push_back(graph_.type(result));
      it->second = result_.graph.AddNode(node.op, node.attributes, std::move(operands),
                                         std::move(types), node.regions, node.location);
    }
    node_of_[id] = it->second;
    const std::vector<ValueId>& results = result_.graph.node(it->second).results;
    for (size_t i = 0; i < results.size(); ++i) mapped_[node.results[i]] = results[i];
  }

  const Graph& graph_;
  const FusionPlan& plan_;
  const Timeline& timeline_;
  Planned result_;
  std::map<ValueId, ValueId> inputs_;
  std::vector<ValueId> values_;     // by instance
  std::vector<ValueId> first_run_;  // by value: what an output of it is
  std::map<std::tuple<NodeId, int, std::vector<ValueId>>, NodeId> emitted_;
  std::map<NodeId, NodeId> hosted_;  // reductions whose host has run

  // The step at hand: its members, and what stands for values and nodes.
  const TimelineStep* step_ = nullptr;
  std::set<NodeId> members_;
  std::map<ValueId, ValueId> mapped_;
  std::map<NodeId, NodeId> node_of_;
};

}  // namespace

Planned Rewrite(const Graph& graph, const FusionPlan& plan, const Timeline& timeline) {
  return Rewriter(graph, plan, timeline).Run();
}

}  // namespace tenon::remat
