// How reductions, windows and contractions join the groups that use them.
#include <algorithm>
#include <utility>

#include "tenon/passes/fuse/cost.h"
#include "tenon/passes/fuse/fuser.h"
#include "tenon/passes/fuse/reduction_order.h"

namespace tenon::fuse {

using ir::ComputeClass;
using ir::Dim;
using lower::ElementIndex;
using lower::IndexExpr;
using lower::VarId;

namespace {

// Elements up to which a reduction over a strided axis may be visited several times.
constexpr double kSmallColumns = 16384;

}  // namespace

void Fuser::VisitReduction(ir::NodeId id) {
  const ir::ValueId v = graph_.node(id).results[0];
  const std::set<int> users = UsingClusters(v);
  if (users.empty() && !InMemory(v)) return;
  if (fuse_) {
    for (int c : users) {
      if (!JoinReduction(id, c)) continue;
      Join(id, "the kernel behind it runs over the same rows");
      return;
    }
    if (JoinSiblings(id)) {
      return Join(id, "a kernel that walks the same rows has all that it reads");
    }
    if (!users.empty()) Cut(id, "its users do not run over its rows");
  }
  const ir::ComputeDef& def = *Def(id);
  const ir::Shape kept(def.domain.begin(), def.domain.begin() + def.num_parallel);
  ElementIndex identity;
  const int c = NewCluster(GroupKind::kReduce, id, kept, &identity);
  clusters_[c].row_type = IsRowType(def);
  const ElementIndex index = clusters_[c].nest.space.Reshape(identity, kept, graph_.type(v).dims);
  // First the edges to its users: none of them can host it.
  StoreIn(v, c, index);
  AddReduction(id, c, index);
}

// A reduction of rows that none of its users takes in: those may well run over the rows of another
// kernel that reads what it reads.
bool Fuser::WantsSiblings(ir::NodeId id) {
  if (!fuse_ || Class(id) != ComputeClass::kReduce || !IsRowType(*Def(id))) return false;
  const std::set<int> users = UsingClusters(graph_.node(id).results[0]);
  Joining joining;
  return std::none_of(users.begin(), users.end(), [&](int c) { return MayJoin(id, c, &joining); });
}

// A map that several kernels need, one of which has more points: once a reduction has joined that
// one, its rows may be the map's elements. Stored by another one before, the map would keep the
// reduction out: each would wait for the other.
bool Fuser::WantsRows(ir::NodeId id) {
  if (!fuse_ || Class(id) != ComputeClass::kMap) return false;
  const ir::ValueId v = graph_.node(id).results[0];
  const std::set<int> users = UsingClusters(v);
  return users.size() > 1 && std::any_of(users.begin(), users.end(), [&](int c) {
           const Cluster& user = clusters_[c];
           return user.kind == GroupKind::kMap &&
                  Size(user.nest.NumPoints()) > Size(graph_.type(v).NumElements());
         });
}

// The clusters that read `v`, or what element-wise ops make it of: not all of them, if there are
// many.
void Fuser::CollectReaders(ir::ValueId v, int depth, std::set<int>* clusters) const {
  constexpr size_t kMaxReaders = 16;
  for (const Use& use : uses_[v.index]) {
    if (clusters->size() == kMaxReaders) return;
    clusters->insert(use.cluster);
  }
  const ir::NodeId id = graph_.producer(v);
  if (depth == 0 || !id.valid()) return;
  const ComputeClass computes = ir::GetOpDef(graph_.node(id).op).compute_class;
  if (computes != ComputeClass::kMap && computes != ComputeClass::kReshape) return;
  for (ir::ValueId operand : graph_.node(id).operands) {
    if (clusters->size() == kMaxReaders) return;
    CollectReaders(operand, depth - 1, clusters);
  }
}

bool Fuser::JoinSiblings(ir::NodeId id) {
  const ir::Node& node = graph_.node(id);
  const ir::ComputeDef& def = *Def(id);
  if (Class(id) != ComputeClass::kReduce || !IsRowType(def)) return false;
  const std::set<int> users = UsingClusters(node.results[0]);
  std::set<int> readers;
  for (ir::ValueId operand : node.operands) CollectReaders(operand, kMaxSteps, &readers);
  ElementIndex point;
  for (int c : readers) {
    // A user has refused it: it wants other rows' sums, or those of its rows several times.
    if (users.count(c) > 0) continue;
    Cluster& rows = clusters_[c];
    if (rows.kind != GroupKind::kReduce || rows.members.size() >= kMaxMembers ||
        !TakeLoops(rows, def, rows.nest.kept, rows.nest.reduced, &point) ||
        !FitsReduction(rows, id, rows.nest.kept, /*has_full_values=*/true) ||
        !CanOwn(node.results[0], c)) {
      continue;
    }
    lower::Reads reads = lower::ReadsAtPoint(rows.nest.space, graph_, node, def, point);
    const bool has_all =
        std::all_of(reads.reads.begin(), reads.reads.end(),
                    [&](const lower::Read& read) { return ReadBy(c, read.value, read.index); });
    if (!has_all) continue;
    const ir::Shape kept(def.domain.begin(), def.domain.begin() + def.num_parallel);
    point.resize(kept.size());
    const ElementIndex index =
        rows.nest.space.Reshape(point, kept, graph_.type(node.results[0]).dims);
    StoreIn(node.results[0], c, index);
    AddReduction(id, c, index);
    return true;
  }
  return false;
}

bool Fuser::MayJoin(ir::NodeId id, int cluster, Joining* joining) {
  Cluster& c = clusters_[cluster];
  if (c.kind != GroupKind::kMap && c.kind != GroupKind::kReduce) return false;
  if (c.members.size() >= kMaxMembers) return false;
  const ir::ValueId v = graph_.node(id).results[0];
  const std::vector<ElementIndex> indices = IndicesIn(v, cluster);
  if (indices.size() != 1) return false;
  const ir::ComputeDef& def = *Def(id);
  const ir::Shape kept_shape(def.domain.begin(), def.domain.begin() + def.num_parallel);
  const ElementIndex at = c.nest.space.Reshape(indices[0], graph_.type(v).dims, kept_shape);
  std::vector<VarId>& kept = joining->kept;
  kept.clear();
  if (!KeptVariables(c, at, &kept)) return false;
  for (size_t i = 0; i < at.size(); ++i) {
    const Dim extent =
        at[i].is_constant() ? Dim(1) : c.nest.space.var(at[i].terms.begin()->first).extent;
    if (!(extent == kept_shape[i])) return false;
  }
  const bool has_full = c.nest.kept.size() > kept.size() || c.kind == GroupKind::kReduce;
  if (!FitsReduction(c, id, kept, has_full)) return false;
  joining->index = indices[0];
  return (!InMemory(v) && UsingClusters(v).size() == 1) || CanOwn(v, cluster);
}

bool Fuser::JoinReduction(ir::NodeId id, int cluster) {
  Joining joining;
  if (!MayJoin(id, cluster, &joining)) return false;
  Cluster& c = clusters_[cluster];
  const ir::ValueId v = graph_.node(id).results[0];
  const std::vector<VarId>& kept = joining.kept;
  if (c.kind == GroupKind::kMap) {
    // Loops of the map that the result does not vary with become the reduced ones.
    std::vector<VarId> rest;
    for (VarId loop : c.nest.kept) {
      if (std::find(kept.begin(), kept.end(), loop) == kept.end()) rest.push_back(loop);
    }
    c.nest.kept = kept;
    c.nest.reduced = rest;
    c.kind = GroupKind::kReduce;
    c.anchor = id;
    c.row_type = IsRowType(*Def(id));
  }
  if (InMemory(v) || UsingClusters(v).size() > 1) StoreIn(v, cluster, joining.index);
  AddReduction(id, cluster, joining.index);
  return true;
}

bool Fuser::FitsReduction(const Cluster& c, ir::NodeId id, const std::vector<VarId>& kept,
                          bool has_full_values) const {
  const ir::ComputeDef& def = defs_.at(id.index);
  const auto& others = c.nest.reductions;
  if (std::any_of(others.begin(), others.end(), [](const auto& r) { return r.hosted; })) {
    return false;
  }
  std::vector<Dim> reduced;
  double rows = 1, length = 1;
  for (int i = 0; i < static_cast<int>(def.domain.size()); ++i) {
    (i < def.num_parallel ? rows : length) *= Size(def.domain[i]);
    if (i >= def.num_parallel && !(def.domain[i] == Dim(1))) reduced.push_back(def.domain[i]);
  }
  std::vector<VarId> loops = c.nest.reduced;
  if (c.kind == GroupKind::kMap) {
    for (VarId v : c.nest.kept) {
      if (std::find(kept.begin(), kept.end(), v) == kept.end()) loops.push_back(v);
    }
  } else if (kept != c.nest.kept || IsRowType(def) != c.row_type) {
    return false;
  }
  const bool is_window = Class(id) == ComputeClass::kWindow;
  if (loops.empty() && c.kind == GroupKind::kMap) {
    return true;  // an epilogue over the reduction's rows
  }
  if (is_window || loops.size() != reduced.size()) return false;
  for (size_t i = 0; i < loops.size(); ++i) {
    if (!(c.nest.space.var(loops[i]).extent == reduced[i])) return false;
  }
  if (!has_full_values) return true;
  // Several passes: rows that fit the cache, and enough of them for all threads.
  if (!IsRowType(def)) return rows * length <= kSmallColumns;
  return length <= kLongRow && (rows >= 8 || rows * length <= kLongRow);
}

void Fuser::AddReduction(ir::NodeId id, int cluster, const ElementIndex& index) {
  if (AddHosted(id, cluster, index)) return;
  Cluster& c = clusters_[cluster];
  const ir::Node& node = graph_.node(id);
  const ir::ComputeDef& def = *Def(id);
  std::vector<Dim> reduced;
  for (size_t i = def.num_parallel; i < def.domain.size(); ++i) {
    if (!(def.domain[i] == Dim(1))) reduced.push_back(def.domain[i]);
  }
  if (c.nest.reduced.empty()) {
    for (const Dim& extent : reduced) c.nest.reduced.push_back(c.nest.space.AddLoop(extent));
  }
  const ir::Shape kept(def.domain.begin(), def.domain.begin() + def.num_parallel);
  ElementIndex point = c.nest.space.Reshape(index, graph_.type(node.results[0]).dims, kept);
  size_t next = 0;
  for (size_t i = def.num_parallel; i < def.domain.size(); ++i) {
    point.push_back(def.domain[i] == Dim(1) ? IndexExpr() : IndexExpr::Var(c.nest.reduced[next++]));
  }
  c.members.insert(id.index);
  c.nest.reductions.push_back({id, index, point});
  lower::Reads reads = lower::ReadsAtPoint(c.nest.space, graph_, node, def, point);
  for (lower::Read& read : reads.reads) AddUse(read.value, {cluster, std::move(read.index)});
}

void Fuser::VisitContraction(ir::NodeId id) {
  const ir::Node& node = graph_.node(id);
  const ir::ValueId v = node.results[0];
  const std::set<int> users = UsingClusters(v);
  if (users.empty() && !InMemory(v)) return;
  int home = -1;
  for (int c : users) {
    Cluster& cluster = clusters_[c];
    const std::vector<ElementIndex> indices = IndicesIn(v, c);
    const bool stored = InMemory(v) || users.size() > 1;
    if (!fuse_ || cluster.kind != GroupKind::kMap || indices.size() != 1 ||
        !IsLinearIdentity(cluster, v, indices[0]) || (stored && !CanOwn(v, c))) {
      continue;
    }
    const bool roots_fit =
        std::all_of(cluster.nest.stored.begin(), cluster.nest.stored.end(),
                    [&](const Placed& p) { return IsLinearIdentity(cluster, p.value, p.index); });
    if (!roots_fit) continue;
    home = c;
    cluster.kind = GroupKind::kContract;
    cluster.anchor = id;
    cluster.members.insert(id.index);
    Join(id, "the element-wise work behind it has the same elements: its epilogue");
    if (stored) StoreIn(v, c, indices[0]);
    break;
  }
  if (home < 0) {
    if (!users.empty()) Cut(id, "no element-wise kernel follows with the same elements");
    ElementIndex identity;
    home = NewCluster(GroupKind::kContract, id, graph_.type(v).dims, &identity);
    clusters_[home].members.insert(id.index);
    StoreIn(v, home, identity);
  }
  ReadOperands(id, home);
}

void Fuser::VisitOpaque(ir::NodeId id) {
  const ir::Node& node = graph_.node(id);
  GroupKind kind = GroupKind::kControl;
  if (Class(id) == ComputeClass::kCumulative) kind = GroupKind::kCumulative;
  if (Class(id) == ComputeClass::kScatter) kind = GroupKind::kScatter;
  if (Class(id) == ComputeClass::kSort) kind = GroupKind::kSort;
  lower::ElementIndex none;
  const int c = NewCluster(kind, id, {}, &none);
  clusters_[c].members.insert(id.index);
  for (ir::ValueId result : node.results) StoreIn(result, c, {});
  for (ir::ValueId operand : node.operands) readers_[operand.index].insert(c);
}

}  // namespace tenon::fuse
