#include "tenon/passes/fuse/fuse.h"

#include <algorithm>
#include <utility>

#include "tenon/passes/fuse/cost.h"
#include "tenon/passes/fuse/fuser.h"
#include "tenon/passes/fuse/prepared.h"
#include "tenon/passes/lower/in_place.h"
#include "tenon/passes/memory/order.h"

namespace tenon::fuse {

using ir::ComputeClass;
using lower::ElementIndex;
using lower::IndexExpr;
using lower::VarId;

namespace {

// Different places at which one cluster may evaluate one value.
constexpr size_t kMaxIndices = 8;
// Work of so many element-operations in all may be repeated without thought.
constexpr double kNegligible = 1024;
// Moves between an op and what lies in memory that are looked through.
constexpr int kMaxMoves = 4;

}  // namespace

FusionPlan Fuse(const ir::Graph& graph, const ir::TargetDesc& target,
                const passes::PipelineOptions& options) {
  FusionPlan plan = Fuser(graph, target, options).Run();
  lower::FindInPlace(graph, &plan);
  memory::OrderGroups(graph, &plan);
  return plan;
}

Fuser::Fuser(const ir::Graph& graph, const ir::TargetDesc& target,
             const passes::PipelineOptions& options)
    : graph_(graph),
      target_(target),
      options_(options),
      fuse_(options.IsEnabled("fuse")),
      in_parts_(options.numerics != passes::Numerics::kExact),
      uses_(graph.num_values()),
      readers_(graph.num_values()),
      output_(graph.num_values()),
      users_(graph.num_values()),
      owner_(graph.num_values(), -1),
      fixed_(FixedValues(graph)) {}

FusionPlan Fuser::Run() {
  for (const ir::Output& output : graph_.outputs()) output_[output.value.index] = true;
  for (const ir::Node& node : graph_.nodes()) {
    for (ir::ValueId operand : node.operands) ++users_[operand.index];
  }
  VisitAll();
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
    Use of_operand = use;
    of_operand.index = clusters_[use.cluster].nest.space.Reshape(use.index, graph_.type(v).dims,
                                                                 graph_.type(from).dims);
    clusters_[use.cluster].members.insert(id.index);
    AddUse(from, std::move(of_operand));
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
    std::string unfit;
    bool packed = false;
    for (const Use& use : uses_[v.index]) {
      packed |= use.packed > 0;
      if (unfit.empty() && use.packed > 0) FitsPrologue(id, use, &unfit);
    }
    const bool once = users.size() == 1 && EvaluatedOnce(v, cost);
    if (room && unfit.empty() && (once || MayRepeat(id, cost))) {
      Join(id, once && packed ? "a contraction evaluates it while packing: its prologue"
               : once         ? "one kernel reads it, and evaluates each element once"
                              : "evaluating it again in each kernel that reads it costs less than "
                                "storing it");
      for (int c : users) EvaluateIn(id, c);
      return;
    }
    Cut(id, !room              ? "its users are full"
            : !unfit.empty()   ? unfit
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
    Join(id, "one kernel evaluates every element anyway, and stores it for the others");
    EvaluateIn(id, owner);
    return;
  }
  ElementIndex identity;
  const int c = NewCluster(GroupKind::kMap, id, graph_.type(v).dims, &identity);
  StoreIn(v, c, identity);
  AddUse(v, {c, identity});
  EvaluateIn(id, c);
}

// Free work, and cheap work on what lies in memory anyway, is done again rather than stored.
bool Fuser::MayRepeat(ir::NodeId id, int cost) {
  const ir::Node& node = graph_.node(id);
  const ir::ValueId v = node.results[0];
  double evaluations = 0;
  for (const Use& use : uses_[v.index]) evaluations += Evaluations(use);
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
    // Of prologues FitsPrologue decides.
    if (use.packed == 0) evaluations += Evaluations(use);
  }
  return evaluations <= 1.01 * Size(graph_.type(v).NumElements());
}

// How often a cluster's loops evaluate something at `index`: what does not depend on inner loops is
// hoisted out of them.
double Fuser::Evaluations(const Use& use) const {
  if (use.packed > 0) return use.packed;
  const Cluster& c = clusters_[use.cluster];
  const ElementIndex& index = use.index;
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
  for (Use use : uses_[node.results[0].index]) {
    if (use.cluster != cluster) continue;
    lower::Reads reads =
        lower::ReadsOf(clusters_[cluster].nest.space, graph_, node, Def(id), use.index);
    if (use.packed > 0) use.repeated += Repeated(id, use);
    for (lower::Read& read : reads.reads) {
      use.index = std::move(read.index);
      AddUse(read.value, use);
    }
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

}  // namespace tenon::fuse
