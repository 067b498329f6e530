// Prologues of contractions: what the packing of an operand evaluates, in place of loading it.
//
// A contraction's kernel that packs an operand anyway can evaluate its elements on the way. It does
// so as often as it packs them (contract/operand_use.h): once for each block of rows or group of
// panels that is packed by itself. The cost rule: all that a chain of operations is repeated, in
// operations an element of the operand, reads of further tensors counted, must stay below what a
// trip through memory is worth (kExpensive). What would find a home elsewhere (the epilogue of
// another contraction, a kernel of rows) goes there; what depends on parameters alone belongs in
// `prepare`, which packs such a B itself.
#include <algorithm>
#include <utility>

#include "tenon/passes/contract/operand_use.h"
#include "tenon/passes/fuse/cost.h"
#include "tenon/passes/fuse/fuser.h"

namespace tenon::fuse {

using ir::ComputeClass;
using lower::ElementIndex;
using lower::IndexExpr;

namespace {

// How far towards an operand's sources another home is looked for.
constexpr int kHomeDepth = 8;

}  // namespace

// Whether an operand is computed by something that a prologue may consist of.
bool Fuser::MayPack(ir::ValueId v) const {
  const ir::NodeId id = graph_.producer(Memory(v));
  return id.valid() && Class(id) == ComputeClass::kMap && !InMemory(v) && !InMemory(Memory(v));
}

// Operands are read from memory, or evaluated at the points of the contraction's domain.
void Fuser::ReadOperands(ir::NodeId id, int cluster) {
  const ir::Node& node = graph_.node(id);
  const ir::ComputeDef& def = *Def(id);
  std::vector<bool> candidates;
  for (const ir::Access& access : def.accesses) {
    const ir::ValueId v = node.operands[access.operand];
    const auto uses = std::count(node.operands.begin(), node.operands.end(), v);
    candidates.push_back(fuse_ && uses == 1 && MayPack(v));
  }
  std::vector<contract::OperandUse> uses(def.accesses.size());
  if (std::count(candidates.begin(), candidates.end(), true) > 0) {
    const int epilogue = static_cast<int>(clusters_[cluster].members.size()) - 1;
    uses = contract::OperandUses(graph_, node, def, target_, options_, candidates, epilogue);
  }
  lower::IndexSpace& space = clusters_[cluster].nest.space;
  const ir::Shape kept(def.domain.begin(), def.domain.begin() + def.num_parallel);
  ElementIndex point = space.Delinearize(clusters_[cluster].nest.Position(), kept);
  for (size_t i = kept.size(); i < def.domain.size(); ++i) {
    point.push_back(def.domain[i] == ir::Dim(1) ? IndexExpr()
                                                : IndexExpr::Var(space.AddLoop(def.domain[i])));
  }
  std::set<int> evaluated;
  for (size_t a = 0; a < uses.size(); ++a) {
    if (!candidates[a] || uses[a].evaluations == 0) continue;
    ir::ComputeDef one;
    one.domain = def.domain;
    one.num_parallel = def.num_parallel;
    one.accesses = {def.accesses[a]};
    lower::Reads reads = lower::ReadsAtPoint(space, graph_, node, one, point);
    Use use{cluster, std::move(reads.reads[0].index), uses[a].evaluations, 0, uses[a].prepared};
    evaluated.insert(def.accesses[a].operand);
    AddUse(reads.reads[0].value, std::move(use));
  }
  for (size_t i = 0; i < node.operands.size(); ++i) {
    if (evaluated.count(static_cast<int>(i)) > 0) continue;
    readers_[node.operands[i].index].insert(cluster);
  }
}

// Operations an element that evaluating the node's result as `use` says repeats.
double Fuser::Repeated(ir::NodeId id, const Use& use) {
  const ir::ComputeDef& def = *Def(id);
  const ir::ValueId v = graph_.node(id).results[0];
  if (use.prepared && fixed_[v.index]) return 0;
  const double work = BodyCost(def) + std::max<double>(0, def.accesses.size() - 1.0);
  return work * std::max(0.0, use.packed / Size(graph_.type(v).NumElements()) - 1);
}

bool Fuser::FitsPrologue(ir::NodeId id, const Use& use, std::string* reason) {
  const ir::ValueId v = graph_.node(id).results[0];
  for (const ir::Access& access : Def(id)->accesses) {
    for (const ir::Index& index : access.index) {
      // An index out of range has to be found, whatever the contraction reads.
      if (index.indirect >= 0) *reason = "a contraction reads it, and it gathers";
    }
  }
  // What only moves is not worth a place in `prepare`.
  if (fixed_[v.index] && !use.prepared && BodyCost(*Def(id)) > 0)
    *reason = "it depends on parameters alone";
  if (LeadsToContraction(v, kHomeDepth) || LeadsToReduction(v, kHomeDepth)) {
    *reason = "a contraction reads it, and the kernel before has a place for it";
  }
  if (reason->empty() && use.repeated + Repeated(id, use) > kExpensive) {
    *reason = "packing would evaluate it again and again";
  }
  return reason->empty();
}

// Whether a kernel of rows or windows stands before `v` and may evaluate it in the end.
bool Fuser::LeadsToReduction(ir::ValueId v, int depth) const {
  const ir::NodeId id = graph_.producer(v);
  if (!id.valid() || depth == 0) return false;
  const ComputeClass c = Class(id);
  if (c == ComputeClass::kReduce || c == ComputeClass::kWindow) return true;
  if (c != ComputeClass::kMap && c != ComputeClass::kReshape) return false;
  const std::vector<ir::ValueId>& operands = graph_.node(id).operands;
  return std::any_of(operands.begin(), operands.end(),
                     [&](ir::ValueId operand) { return LeadsToReduction(operand, depth - 1); });
}

}  // namespace tenon::fuse
