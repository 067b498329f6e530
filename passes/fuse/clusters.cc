// Clusters: what they evaluate where, what they store, and the order that keeps them free of
// cycles.
#include <algorithm>
#include <utility>

#include "tenon/passes/fuse/cost.h"
#include "tenon/passes/fuse/fuser.h"

namespace tenon::fuse {

using ir::ComputeClass;
using ir::Dim;
using lower::ElementIndex;
using lower::IndexExpr;
using lower::VarId;

namespace {

bool IsSingleVariable(const IndexExpr& e) {
  return e.offset == Dim(0) && e.terms.size() == 1 && e.terms.begin()->second == Dim(1);
}

}  // namespace

int Fuser::NewCluster(GroupKind kind, ir::NodeId anchor, const ir::Shape& kept,
                      ElementIndex* identity) {
  Cluster c{.kind = kind, .anchor = anchor};
  for (const Dim& extent : kept) {
    if (extent == Dim(1)) {
      identity->push_back(IndexExpr());
      continue;
    }
    c.nest.kept.push_back(c.nest.space.AddLoop(extent));
    identity->push_back(IndexExpr::Var(c.nest.kept.back()));
  }
  // Later clusters make what earlier ones read: they come before them.
  c.rank = -static_cast<int>(clusters_.size());
  clusters_.push_back(std::move(c));
  return static_cast<int>(clusters_.size()) - 1;
}

void Fuser::AddUse(ir::ValueId v, Use use) {
  for (const Use& other : uses_[v.index]) {
    if (other.cluster == use.cluster && other.index == use.index) return;
  }
  uses_[v.index].push_back(std::move(use));
}

std::set<int> Fuser::UsingClusters(ir::ValueId v) const {
  std::set<int> clusters;
  for (const Use& use : uses_[v.index]) clusters.insert(use.cluster);
  return clusters;
}

std::vector<ElementIndex> Fuser::IndicesIn(ir::ValueId v, int cluster) const {
  std::vector<ElementIndex> indices;
  for (const Use& use : uses_[v.index]) {
    if (use.cluster == cluster) indices.push_back(use.index);
  }
  return indices;
}

// The loops that make up `index`, if it is one loop a dimension, each once.
bool Fuser::KeptVariables(const Cluster& c, const ElementIndex& index,
                          std::vector<VarId>* kept) const {
  for (const IndexExpr& e : index) {
    if (e.is_constant() && e.offset == Dim(0)) continue;
    if (!IsSingleVariable(e)) return false;
    const VarId v = e.terms.begin()->first;
    if (c.nest.space.var(v).kind != lower::IndexSpace::VarKind::kLoop) return false;
    if (std::find(kept->begin(), kept->end(), v) != kept->end()) return false;
    kept->push_back(v);
  }
  return true;
}

bool Fuser::InMemory(ir::ValueId v) const { return output_[v.index] || !readers_[v.index].empty(); }

// Whether the cluster's points (or, of a reduction, its rows) and v's elements correspond one to
// one by `index`.
bool Fuser::CoversAll(const Cluster& c, ir::ValueId v, const ElementIndex& index) {
  std::vector<VarId> loops;
  if (!KeptVariables(c, index, &loops)) {
    return c.kind == GroupKind::kMap && IsLinearIdentity(const_cast<Cluster&>(c), v, index);
  }
  for (size_t i = 0; i < index.size(); ++i) {
    const Dim extent =
        index[i].is_constant() ? Dim(1) : c.nest.space.var(index[i].terms.begin()->first).extent;
    if (!(extent == graph_.type(v).dims[i])) return false;
  }
  auto has = [&](VarId loop) { return std::find(loops.begin(), loops.end(), loop) != loops.end(); };
  const bool rows = std::all_of(c.nest.kept.begin(), c.nest.kept.end(), has);
  return rows && (loops.size() == c.nest.kept.size() ||
                  loops.size() == c.nest.kept.size() + c.nest.reduced.size());
}

// Whether element number k of v is evaluated at point number k of the cluster.
bool Fuser::IsLinearIdentity(Cluster& c, ir::ValueId v, const ElementIndex& index) {
  return c.nest.NumPoints() == graph_.type(v).NumElements() &&
         c.nest.space.Linearize(index, graph_.type(v).dims) == c.nest.Position();
}

// Whether `cluster` can store v for all others that read it without waiting for one of them.
bool Fuser::CanOwn(ir::ValueId v, int cluster) {
  std::set<int> others = UsingClusters(v);
  others.insert(readers_[v.index].begin(), readers_[v.index].end());
  others.erase(cluster);
  if (readers_[v.index].count(cluster) > 0) return false;
  return std::none_of(others.begin(), others.end(),
                      [&](int other) { return Reaches(other, cluster); });
}

void Fuser::StoreIn(ir::ValueId v, int cluster, const ElementIndex& index) {
  owner_[v.index] = cluster;
  clusters_[cluster].nest.stored.push_back({v, index});
  std::set<int> others = UsingClusters(v);
  others.insert(readers_[v.index].begin(), readers_[v.index].end());
  others.erase(cluster);
  for (int other : others) {
    AddEdge(cluster, other);
    clusters_[other].loads.insert(v.index);
  }
}

// Clusters stand in an order (`rank`) in which every edge points forwards, so a search need not
// look beyond its goal.
bool Fuser::Reaches(int from, int to) {
  ++search_;
  std::vector<int> work = {from};
  while (!work.empty()) {
    const int c = work.back();
    work.pop_back();
    if (c == to) return true;
    if (clusters_[c].seen_by == search_ || clusters_[c].rank >= clusters_[to].rank) continue;
    clusters_[c].seen_by = search_;
    work.insert(work.end(), clusters_[c].successors.begin(), clusters_[c].successors.end());
  }
  return false;
}

// Adds an edge that closes no cycle. Where it points backwards in the order, what lies between is
// put right: what `to` reaches goes behind what reaches `from` (Pearce and Kelly, 2007).
void Fuser::AddEdge(int from, int to) {
  clusters_[from].successors.insert(to);
  clusters_[to].predecessors.insert(from);
  const int low = clusters_[to].rank, high = clusters_[from].rank;
  if (high < low) return;
  auto collect = [&](int start, auto next) {
    ++search_;
    std::vector<int> found, work = {start};
    while (!work.empty()) {
      const int c = work.back();
      work.pop_back();
      Cluster& cluster = clusters_[c];
      if (cluster.seen_by == search_ || cluster.rank < low || cluster.rank > high) continue;
      cluster.seen_by = search_;
      found.push_back(c);
      work.insert(work.end(), (cluster.*next).begin(), (cluster.*next).end());
    }
    std::sort(found.begin(), found.end(),
              [&](int a, int b) { return clusters_[a].rank < clusters_[b].rank; });
    return found;
  };
  std::vector<int> moved = collect(from, &Cluster::predecessors);
  const std::vector<int> behind = collect(to, &Cluster::successors);
  moved.insert(moved.end(), behind.begin(), behind.end());
  std::vector<int> ranks;
  for (int c : moved) ranks.push_back(clusters_[c].rank);
  std::sort(ranks.begin(), ranks.end());
  for (size_t i = 0; i < moved.size(); ++i) clusters_[moved[i]].rank = ranks[i];
}

void Fuser::Cut(ir::NodeId id, std::string reason) {
  plan_.cuts.push_back({id, std::move(reason)});
}

void Fuser::Join(ir::NodeId id, absl::string_view reason) { plan_.joins.push_back({id, reason}); }

ir::ValueId Fuser::Memory(ir::ValueId v) const {
  while (graph_.producer(v).valid() && Class(graph_.producer(v)) == ComputeClass::kReshape) {
    v = graph_.node(graph_.producer(v)).operands[0];
  }
  return v;
}

}  // namespace tenon::fuse
