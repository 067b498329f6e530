#include "tenon/passes/fuse/fuse.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "tenon/ir/check.h"
#include "tenon/passes/fuse/cost.h"
#include "tenon/passes/fuse/fuser.h"
#include "tenon/passes/lower/context.h"

namespace tenon::fuse {

using ir::ComputeClass;
using ir::Dim;
using lower::ElementIndex;
using lower::IndexExpr;
using lower::VarId;

namespace {

// Beyond this a kernel's live values leave the registers.
constexpr size_t kMaxMembers = 96;
// Different places at which one cluster may evaluate one value.
constexpr size_t kMaxIndices = 8;
// Work of so many element-operations in all may be repeated without thought.
constexpr double kNegligible = 1024;
// Moves between an op and what lies in memory that are looked through.
constexpr int kMaxMoves = 4;
// A reduction whose rows are longer than this, and of which there are few, is split among threads
// and so cannot have its rows visited again by the same kernel.
constexpr double kLongRow = 32768;
// Elements up to which a reduction over a strided axis may be visited several times.
constexpr double kSmallColumns = 16384;

bool IsSingleVariable(const IndexExpr& e) {
  return e.offset == Dim(0) && e.terms.size() == 1 && e.terms.begin()->second == Dim(1);
}

}  // namespace

FusionPlan Fuse(const ir::Graph& graph, const ir::TargetDesc&,
                const passes::PipelineOptions& options) {
  return Fuser(graph, options.IsEnabled("fuse")).Run();
}

Fuser::Fuser(const ir::Graph& graph, bool fuse)
    : graph_(graph),
      fuse_(fuse),
      uses_(graph.num_values()),
      readers_(graph.num_values()),
      output_(graph.num_values()),
      users_(graph.num_values()),
      owner_(graph.num_values(), -1) {}

FusionPlan Fuser::Run() {
  for (const ir::Output& output : graph_.outputs()) output_[output.value.index] = true;
  for (const ir::Node& node : graph_.nodes()) {
    for (ir::ValueId operand : node.operands) ++users_[operand.index];
  }
  for (size_t n = graph_.nodes().size(); n-- > 0;) Visit(ir::NodeId{static_cast<uint32_t>(n)});
  for (int v = 0; v < graph_.num_values(); ++v) {
    // What no cluster computes: inputs and constants.
    const ir::NodeId id = graph_.producer(ir::ValueId{static_cast<uint32_t>(v)});
    if (id.valid() && Class(id) != ComputeClass::kConstant) continue;
    for (const Use& use : uses_[v]) clusters_[use.cluster].loads.insert(v);
    for (int reader : readers_[v]) clusters_[reader].loads.insert(v);
  }
  OrderDonations();
  if (fuse_) JoinSinks();
  for (int c : Order()) plan_.groups.push_back(ToGroup(c));
  return std::move(plan_);
}

const ir::ComputeDef* Fuser::Def(ir::NodeId id) {
  auto it = defs_.find(id.index);
  if (it != defs_.end()) return &it->second;
  const ir::OpDef& op = ir::GetOpDef(graph_.node(id).op);
  if (op.compute == nullptr) return nullptr;
  return &defs_.emplace(id.index, op.compute(ir::ViewOf(graph_, graph_.node(id)))).first->second;
}

ir::ComputeClass Fuser::Class(ir::NodeId id) const {
  const ComputeClass of_op = ir::GetOpDef(graph_.node(id).op).compute_class;
  if (of_op != ComputeClass::kContract && of_op != ComputeClass::kReduce) return of_op;
  // A product or reduction of which nothing is summed is a map like any other.
  const ir::Node& node = graph_.node(id);
  return ir::GetOpDef(node.op).compute(ir::ViewOf(graph_, node)).compute_class;
}

void Fuser::Visit(ir::NodeId id) {
  switch (Class(id)) {
    case ComputeClass::kConstant:
      return;
    case ComputeClass::kReshape:
      return VisitReshape(id);
    case ComputeClass::kMap:
      return VisitMap(id);
    case ComputeClass::kReduce:
    case ComputeClass::kWindow:
      return VisitReduction(id);
    case ComputeClass::kContract:
      return VisitContraction(id);
    case ComputeClass::kCumulative:
    case ComputeClass::kScatter:
    case ComputeClass::kSort:
    case ComputeClass::kControl:
      return VisitOpaque(id);
  }
}

// A reshape moves nothing: where its result is computed with, the index moves to the operand;
// where it has to be in memory, the operand has to be.
void Fuser::VisitReshape(ir::NodeId id) {
  const ir::ValueId v = graph_.node(id).results[0], from = graph_.node(id).operands[0];
  for (const Use& use : uses_[v.index]) {
    clusters_[use.cluster].members.insert(id.index);
    AddUse(from, use.cluster,
           clusters_[use.cluster].nest.space.Reshape(use.index, graph_.type(v).dims,
                                                     graph_.type(from).dims));
  }
  readers_[from.index].insert(readers_[v.index].begin(), readers_[v.index].end());
  for (int reader : readers_[v.index]) clusters_[reader].loads.insert(v.index);
  if (output_[v.index]) output_[from.index] = true;
}

// --- Maps

void Fuser::VisitMap(ir::NodeId id) {
  const ir::ValueId v = graph_.node(id).results[0];
  const std::set<int> users = UsingClusters(v);
  if (users.empty() && !InMemory(v)) return;
  const int cost = BodyCost(*Def(id));
  if (fuse_ && !InMemory(v)) {
    const bool room = std::all_of(users.begin(), users.end(), [&](int c) {
      return clusters_[c].members.size() < kMaxMembers && IndicesIn(v, c).size() <= kMaxIndices;
    });
    const bool once = users.size() == 1 && EvaluatedOnce(v, cost);
    if (room && (once || MayRepeat(id, cost))) {
      for (int c : users) EvaluateIn(id, c);
      return;
    }
    Cut(id, !room              ? "its users are full"
            : users.size() > 1 ? "several kernels read it"
                               : "it would be evaluated again and again");
  }
  const int owner = fuse_ ? FindOwner(id) : -1;
  if (owner >= 0) {
    for (const ElementIndex& index : IndicesIn(v, owner)) {
      if (!CoversAll(clusters_[owner], v, index)) continue;
      StoreIn(v, owner, index);
      break;
    }
    EvaluateIn(id, owner);
    return;
  }
  ElementIndex identity;
  const int c = NewCluster(GroupKind::kMap, id, graph_.type(v).dims, &identity);
  StoreIn(v, c, identity);
  AddUse(v, c, identity);
  EvaluateIn(id, c);
}

// Free work, and cheap work on what lies in memory anyway, is done again rather than stored.
bool Fuser::MayRepeat(ir::NodeId id, int cost) {
  const ir::Node& node = graph_.node(id);
  const ir::ValueId v = node.results[0];
  double evaluations = 0;
  for (const Use& use : uses_[v.index]) {
    evaluations += Evaluations(clusters_[use.cluster], use.index);
  }
  if (cost == 0 || evaluations * cost <= kNegligible) return true;
  if (cost > kCheap) return false;
  double bytes = 0;
  for (ir::ValueId operand : node.operands) {
    if (!StaysInMemory(operand, kMaxMoves, &bytes)) return false;
  }
  const ir::TensorType& type = graph_.type(v);
  return bytes <= 4 * Size(type.NumElements()) * static_cast<double>(ir::ByteSize(type.dtype));
}

// Whether a value will lie in memory whatever is decided about its user, moves looked through; adds
// the bytes that reading it takes.
bool Fuser::StaysInMemory(ir::ValueId v, int depth, double* bytes) {
  const ir::NodeId id = graph_.producer(v);
  const ir::TensorType& type = graph_.type(v);
  const double size = Size(type.NumElements());
  if (id.valid() && size > 1 && users_[v.index] == 1) {
    if (Class(id) == ComputeClass::kReshape) {
      return depth > 0 && StaysInMemory(graph_.node(id).operands[0], depth - 1, bytes);
    }
    if (Class(id) == ComputeClass::kMap) {
      if (depth == 0 || BodyCost(*Def(id)) > 0) return false;
      for (ir::ValueId operand : graph_.node(id).operands) {
        if (!StaysInMemory(operand, depth - 1, bytes)) return false;
      }
      return true;
    }
  }
  if (size > 1) *bytes += size * static_cast<double>(ir::ByteSize(type.dtype));
  return true;
}

bool Fuser::EvaluatedOnce(ir::ValueId v, int cost) {
  if (cost <= kCheap) return true;
  double evaluations = 0;
  for (const Use& use : uses_[v.index]) {
    evaluations += Evaluations(clusters_[use.cluster], use.index);
  }
  return evaluations <= 1.01 * Size(graph_.type(v).NumElements());
}

// How often a cluster's loops evaluate something at `index`: what does not depend on inner loops is
// hoisted out of them.
double Fuser::Evaluations(const Cluster& c, const ElementIndex& index) const {
  double total = 1, needed = 1;
  auto visit = [&](const std::vector<VarId>& loops) {
    for (VarId v : loops) {
      total *= Size(c.nest.space.var(v).extent);
      const bool depends = std::any_of(index.begin(), index.end(), [&](const IndexExpr& e) {
        return c.nest.space.DependsOn(e, v);
      });
      if (depends) needed = total;
    }
  };
  visit(c.nest.kept);
  visit(c.nest.reduced);
  return needed;
}

void Fuser::EvaluateIn(ir::NodeId id, int cluster) {
  const ir::Node& node = graph_.node(id);
  clusters_[cluster].members.insert(id.index);
  for (const ElementIndex& index : IndicesIn(node.results[0], cluster)) {
    lower::Reads reads =
        lower::ReadsOf(clusters_[cluster].nest.space, graph_, node, Def(id), index);
    for (lower::Read& read : reads.reads) AddUse(read.value, cluster, std::move(read.index));
  }
}

// A cluster that evaluates every element of the map anyway and may store it for the others.
int Fuser::FindOwner(ir::NodeId id) {
  const ir::ValueId v = graph_.node(id).results[0];
  for (int c : UsingClusters(v)) {
    Cluster& cluster = clusters_[c];
    if (cluster.members.size() >= kMaxMembers || IndicesIn(v, c).size() > kMaxIndices) continue;
    if (cluster.kind != GroupKind::kMap && cluster.kind != GroupKind::kReduce) continue;
    const std::vector<ElementIndex> indices = IndicesIn(v, c);
    const bool covers = std::any_of(indices.begin(), indices.end(), [&](const ElementIndex& i) {
      return CoversAll(cluster, v, i);
    });
    if (!covers || !CanOwn(v, c)) continue;
    if (cluster.kind == GroupKind::kReduce) {
      // Points of a reduction are visited by its last pass; a contraction is the better home.
      if (LeadsToContraction(v, 8)) continue;
      bool full = false;
      for (const ElementIndex& i : indices) {
        for (VarId r : cluster.nest.reduced) {
          for (const IndexExpr& e : i) full |= cluster.nest.space.DependsOn(e, r);
        }
      }
      if (full && !cluster.row_type) continue;
    }
    return c;
  }
  return -1;
}

bool Fuser::LeadsToContraction(ir::ValueId v, int depth) const {
  const ir::NodeId id = graph_.producer(v);
  if (!id.valid() || depth == 0) return false;
  if (Class(id) == ComputeClass::kContract) return true;
  if (Class(id) != ComputeClass::kMap && Class(id) != ComputeClass::kReshape) return false;
  for (ir::ValueId operand : graph_.node(id).operands) {
    const bool same =
        Size(graph_.type(operand).NumElements()) == Size(graph_.type(v).NumElements());
    if (same && users_[operand.index] == 1 && LeadsToContraction(operand, depth - 1)) return true;
  }
  return false;
}

// --- Reductions and windows

bool Fuser::IsRowType(const ir::ComputeDef& def) {
  // The operand's last dimension that is more than one element long: who walks along it?
  const ir::Access& access = def.accesses.back();
  for (size_t d = access.index.size(); d-- > 0;) {
    for (const ir::Affine::Term& term : access.index[d].affine.terms) {
      if (def.domain[term.iterator] == Dim(1)) continue;
      return term.iterator >= def.num_parallel;
    }
  }
  return def.num_parallel == 0;
}

void Fuser::VisitReduction(ir::NodeId id) {
  const ir::ValueId v = graph_.node(id).results[0];
  const std::set<int> users = UsingClusters(v);
  if (users.empty() && !InMemory(v)) return;
  if (fuse_) {
    for (int c : users) {
      if (JoinReduction(id, c)) return;
    }
    if (!users.empty()) Cut(id, "its users do not run over its rows");
  }
  const ir::ComputeDef& def = *Def(id);
  const ir::Shape kept(def.domain.begin(), def.domain.begin() + def.num_parallel);
  ElementIndex identity;
  const int c = NewCluster(GroupKind::kReduce, id, kept, &identity);
  clusters_[c].row_type = IsRowType(def);
  AddReduction(id, c, clusters_[c].nest.space.Reshape(identity, kept, graph_.type(v).dims));
  StoreIn(v, c, clusters_[c].nest.reductions[0].index);
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

bool Fuser::JoinReduction(ir::NodeId id, int cluster) {
  Cluster& c = clusters_[cluster];
  if (c.kind != GroupKind::kMap && c.kind != GroupKind::kReduce) return false;
  if (c.members.size() >= kMaxMembers) return false;
  const ir::ValueId v = graph_.node(id).results[0];
  const std::vector<ElementIndex> indices = IndicesIn(v, cluster);
  if (indices.size() != 1) return false;
  const ir::ComputeDef& def = *Def(id);
  const ir::Shape kept_shape(def.domain.begin(), def.domain.begin() + def.num_parallel);
  const ElementIndex at = c.nest.space.Reshape(indices[0], graph_.type(v).dims, kept_shape);
  std::vector<VarId> kept;
  if (!KeptVariables(c, at, &kept)) return false;
  for (size_t i = 0; i < at.size(); ++i) {
    const Dim extent =
        at[i].is_constant() ? Dim(1) : c.nest.space.var(at[i].terms.begin()->first).extent;
    if (!(extent == kept_shape[i])) return false;
  }
  const bool has_full = c.nest.kept.size() > kept.size() || c.kind == GroupKind::kReduce;
  if (!FitsReduction(c, id, kept, has_full)) return false;
  if ((InMemory(v) || UsingClusters(v).size() > 1) && !CanOwn(v, cluster)) return false;
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
    c.row_type = IsRowType(def);
  }
  if (InMemory(v) || UsingClusters(v).size() > 1) StoreIn(v, cluster, indices[0]);
  AddReduction(id, cluster, indices[0]);
  return true;
}

bool Fuser::FitsReduction(const Cluster& c, ir::NodeId id, const std::vector<VarId>& kept,
                          bool has_full_values) const {
  const ir::ComputeDef& def = defs_.at(id.index);
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
  for (lower::Read& read : reads.reads) AddUse(read.value, cluster, std::move(read.index));
}

// --- Contractions and the rest

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
  for (ir::ValueId operand : node.operands) readers_[operand.index].insert(home);
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

// --- Clusters

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

void Fuser::AddUse(ir::ValueId v, int cluster, ElementIndex index) {
  for (const Use& use : uses_[v.index]) {
    if (use.cluster == cluster && use.index == index) return;
  }
  uses_[v.index].push_back({cluster, std::move(index)});
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
  IndexExpr points;
  Dim stride = 1;
  for (size_t i = c.nest.kept.size(); i-- > 0;) {
    points = points + IndexExpr::Var(c.nest.kept[i]) * stride;
    stride = stride * c.nest.space.var(c.nest.kept[i]).extent;
  }
  return stride == graph_.type(v).NumElements() &&
         c.nest.space.Linearize(index, graph_.type(v).dims) == points;
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

ir::ValueId Fuser::Memory(ir::ValueId v) const {
  while (graph_.producer(v).valid() && Class(graph_.producer(v)) == ComputeClass::kReshape) {
    v = graph_.node(graph_.producer(v)).operands[0];
  }
  return v;
}

}  // namespace tenon::fuse
