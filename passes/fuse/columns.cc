// Sums over rows, added up by the kernel that walks the rows anyway.
//
// The gradients of a norm's scale and shift, or of a bias behind a softmax, are sums over all rows
// of values that the kernel of the rows has in registers. As a kernel of their own they would read
// every row again. Hosted, each chunk of rows adds them up in a buffer of one row's length, and
// what is left for the group of the sum is to add up the chunks' parts (lower/columns.cc).
//
// A host is known only once its kernel has been formed, so large sums over rows are visited as late
// as their operands allow. A host takes a sum if it reads, or computes, all that the sum's operand
// is made of at the same points: then nothing new has to come before it.
#include <algorithm>
#include <queue>

#include "tenon/passes/fuse/cost.h"
#include "tenon/passes/fuse/fuser.h"
#include "tenon/passes/fuse/reduction_order.h"

namespace tenon::fuse {

using ir::ComputeClass;
using ir::Dim;
using lower::ElementIndex;
using lower::IndexExpr;

// Whether the node is a sum over rows that is taken in parts, which may be a host's chunks.
bool Fuser::WantsHost(ir::NodeId id) {
  if (!fuse_ || !in_parts_ || Class(id) != ComputeClass::kReduce) return false;
  const ir::ComputeDef& def = *Def(id);
  if (def.compute_class != ComputeClass::kReduce) return false;
  const ReductionOrder order = OrderOf(def);
  return !order.by_row && order.is_cut();
}

// From the results backwards, users before what they use; among those that are ready the last one
// of the graph, but after all others sums that want a host, reductions that none of their users
// takes in, and what is computed once a row: which kernel walks those rows is not known before.
void Fuser::VisitAll() {
  const size_t count = graph_.nodes().size();
  std::vector<int> waiting(count, 0);
  std::vector<bool> late(count);
  auto for_operands = [&](size_t n, const auto& body) {
    for (ir::ValueId operand : graph_.nodes()[n].operands) {
      const ir::NodeId id = graph_.producer(operand);
      if (id.valid()) body(id.index);
    }
  };
  for (size_t n = 0; n < count; ++n) {
    late[n] = WantsHost(ir::NodeId{static_cast<uint32_t>(n)});
    for_operands(n, [&](uint32_t operand) { ++waiting[operand]; });
  }
  std::priority_queue<std::pair<bool, uint32_t>> ready;
  for (uint32_t n = 0; n < count; ++n) {
    if (waiting[n] == 0) ready.emplace(!late[n], n);
  }
  while (!ready.empty()) {
    const uint32_t n = ready.top().second;
    ready.pop();
    if (!late[n] && (WantsSiblings(ir::NodeId{n}) || WantsRows(ir::NodeId{n}))) {
      late[n] = true;
      ready.emplace(false, n);
      continue;
    }
    Visit(ir::NodeId{n});
    for_operands(n, [&](uint32_t operand) {
      if (--waiting[operand] == 0) ready.emplace(!late[operand], operand);
    });
  }
}

// Whether the cluster's rows are what `def` adds up; `point` is then the domain's in its variables.
bool Fuser::IsHost(const Cluster& c, const ir::ComputeDef& def, ElementIndex* point) const {
  return c.kind == GroupKind::kReduce && c.row_type &&
         TakeLoops(c, def, c.nest.reduced, c.nest.kept, point);
}

// The point of def's domain in loops of the cluster, if their extents are the domain's.
bool Fuser::TakeLoops(const Cluster& c, const ir::ComputeDef& def,
                      const std::vector<lower::VarId>& kept,
                      const std::vector<lower::VarId>& reduced, ElementIndex* point) const {
  point->clear();
  auto take = [&](size_t begin, size_t end, const std::vector<lower::VarId>& loops) {
    size_t next = 0;
    for (size_t i = begin; i < end; ++i) {
      if (def.domain[i] == Dim(1)) {
        point->push_back(IndexExpr());
        continue;
      }
      if (next == loops.size() || !(c.nest.space.var(loops[next]).extent == def.domain[i])) {
        return false;
      }
      point->push_back(IndexExpr::Var(loops[next++]));
    }
    return next == loops.size();
  };
  return take(0, def.num_parallel, kept) && take(def.num_parallel, def.domain.size(), reduced);
}

// Whether the host has v at `index`, or computes it from what it has.
bool Fuser::ReadBy(int host, ir::ValueId v, const ElementIndex& index, int depth) {
  for (const Use& use : uses_[v.index]) {
    if (use.cluster == host && use.index == index) return true;
  }
  const ir::NodeId id = graph_.producer(v);
  if (!id.valid() || depth == 0) return false;
  if (Class(id) == ComputeClass::kConstant) return true;
  const ir::Node& node = graph_.node(id);
  lower::IndexSpace& space = clusters_[host].nest.space;
  if (Class(id) == ComputeClass::kReshape) {
    const ir::ValueId from = node.operands[0];
    return ReadBy(host, from, space.Reshape(index, graph_.type(v).dims, graph_.type(from).dims),
                  depth - 1);
  }
  if (Class(id) != ComputeClass::kMap || InMemory(v)) return false;
  const lower::Reads reads = lower::ReadsOf(space, graph_, node, Def(id), index);
  return std::all_of(reads.reads.begin(), reads.reads.end(), [&](const lower::Read& read) {
    return ReadBy(host, read.value, read.index, depth - 1);
  });
}

int Fuser::FindHost(ir::NodeId id, int cluster, ElementIndex* point) {
  const ir::Node& node = graph_.node(id);
  const ir::ComputeDef& def = *Def(id);
  for (int c = 0; c < static_cast<int>(clusters_.size()); ++c) {
    Cluster& host = clusters_[c];
    if (c == cluster || !IsHost(host, def, point) || host.members.size() >= kMaxMembers) continue;
    lower::Reads reads = lower::ReadsAtPoint(host.nest.space, graph_, node, def, *point);
    const bool has_all =
        std::all_of(reads.reads.begin(), reads.reads.end(),
                    [&](const lower::Read& read) { return ReadBy(c, read.value, read.index); });
    if (has_all && !Reaches(cluster, c)) return c;
  }
  return -1;
}

// Leaves the reduction to a host, where there is one, and `cluster` with the parts.
bool Fuser::AddHosted(ir::NodeId id, int cluster, const ElementIndex& index) {
  Cluster& c = clusters_[cluster];
  if (!c.nest.reductions.empty() || !c.nest.reduced.empty() || !WantsHost(id)) return false;
  ElementIndex point;
  const int host = FindHost(id, cluster, &point);
  if (host < 0) return false;
  const ir::Node& node = graph_.node(id);
  lower::Reads reads =
      lower::ReadsAtPoint(clusters_[host].nest.space, graph_, node, *Def(id), point);
  for (lower::Read& read : reads.reads) AddUse(read.value, {host, std::move(read.index)});
  clusters_[host].nest.columns.push_back({.node = id, .point = std::move(point)});
  c.members.insert(id.index);
  c.nest.reductions.push_back({.node = id, .index = index, .hosted = true});
  AddEdge(host, cluster);
  return true;
}

}  // namespace tenon::fuse
