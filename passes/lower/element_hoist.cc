// What ElementEmitter evaluates before a loop because the loop does not change it.
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "tenon/passes/lower/element.h"

namespace tenon::lower {

using ir::ComputeClass;
using KValue = kernel::ValueId;

void ElementEmitter::Hoist(ir::ValueId value, const ElementIndex& index,
                           const std::vector<VarId>& inner, const Tile& tile) {
  HoistAll({{value, index}}, inner, tile);
}

void ElementEmitter::HoistReads(const ir::Node& node, const ir::ComputeDef& def,
                                const ElementIndex& point, const std::vector<VarId>& inner,
                                const Tile& tile) {
  HoistAll(PlainReads(node, def, point), inner, tile);
}

void ElementEmitter::HoistAll(std::vector<std::pair<ir::ValueId, ElementIndex>> work,
                              const std::vector<VarId>& inner, const Tile& tile) {
  auto varies = [&](const ElementIndex& i) {
    return std::any_of(i.begin(), i.end(), [&](const IndexExpr& e) {
      return std::any_of(inner.begin(), inner.end(),
                         [&](VarId v) { return space_.DependsOn(e, v); });
    });
  };
  std::set<std::string> seen;
  std::map<std::string, bool> pure;
  while (!work.empty()) {
    auto [v, at] = std::move(work.back());
    work.pop_back();
    if (!seen.insert(MemoKey(v, at, {})).second || IsKnown(v, at)) continue;
    if (varies(at)) {
      for (auto& operand : OperandsOf(v, at)) work.push_back(std::move(operand));
    } else if (Pure(v, at, &pure)) {
      Eval(v, at, tile);
    }
  }
}

// The guards of a ComputeDef's accesses, where they are the same for all points of the tile.
KValue ElementEmitter::AllInside(const ir::Node& node, const ir::ComputeDef& def,
                                 const ElementIndex& point, const Tile& tile) {
  KValue inside;
  const std::vector<KValue> nothing_read(def.accesses.size());
  for (size_t a = 0; a < def.accesses.size(); ++a) {
    const ir::Access& access = def.accesses[a];
    for (const ir::Index& index : access.index) {
      if (index.indirect >= 0) return {};
    }
    if (!access.guarded) continue;
    const Guarded guarded =
        AccessIndex(node, def, static_cast<int>(a), point, tile, {}, nothing_read);
    if (!guarded.in_bounds.valid() || !k_.type(guarded.in_bounds).is_scalar()) return {};
    inside = And(inside, guarded.in_bounds);
  }
  return inside;
}

bool ElementEmitter::IsKnown(ir::ValueId v, const ElementIndex& index) {
  return Known(MemoKey(v, index, {})).valid() ||
         (provided_.count(v.index) > 0 && Known(ProvidedKey(v, index)).valid());
}

// Whether evaluating early is harmless: no index is read on the way (which might be out of range in
// a loop that never runs), and nothing is still to be provided. `known` remembers answers.
bool ElementEmitter::Pure(ir::ValueId v, const ElementIndex& index,
                          std::map<std::string, bool>* known) {
  if (IsKnown(v, index)) return true;
  const ir::NodeId id = kernel_.context().graph().producer(v);
  if (!id.valid() || !kernel_.IsFused(id)) return true;
  const auto [it, added] = known->emplace(MemoKey(v, index, {}), false);
  if (!added) return it->second;
  if (kernel_.context().Class(id) != ComputeClass::kReshape) {
    const ir::ComputeDef* def = kernel_.context().Def(id);
    if (def == nullptr || def->num_reduced() > 0) return false;
    for (size_t a = 0; a < def->accesses.size(); ++a) {
      const ir::Access& access = def->accesses[a];
      if (IsIndirectSource(*def, static_cast<int>(a)) || access.guarded) return false;
      for (const ir::Index& i : access.index) {
        if (i.indirect >= 0 || i.affine.divisor > 1) return false;
      }
    }
  }
  for (const auto& [operand, at] : OperandsOf(v, index)) {
    if (!Pure(operand, at, known)) return false;
  }
  return (*known)[MemoKey(v, index, {})] = true;
}

// What a fused value reads at `index`, as far as plain affine accesses go.
std::vector<std::pair<ir::ValueId, ElementIndex>> ElementEmitter::OperandsOf(
    ir::ValueId v, const ElementIndex& index) {
  std::vector<std::pair<ir::ValueId, ElementIndex>> result;
  const ir::Graph& graph = kernel_.context().graph();
  const ir::NodeId id = graph.producer(v);
  if (!id.valid() || !kernel_.IsFused(id)) return result;
  const ir::Node& node = graph.node(id);
  if (kernel_.context().Class(id) == ComputeClass::kReshape) {
    const ir::ValueId from = node.operands[0];
    result.emplace_back(from, space_.Reshape(index, graph.type(v).dims, graph.type(from).dims));
    return result;
  }
  const ir::ComputeDef* def = kernel_.context().Def(id);
  if (def == nullptr || def->num_reduced() > 0) return result;
  return PlainReads(node, *def, space_.Reshape(index, graph.type(v).dims, def->domain));
}

// The accesses that are affine and always inside.
std::vector<std::pair<ir::ValueId, ElementIndex>> ElementEmitter::PlainReads(
    const ir::Node& node, const ir::ComputeDef& def, const ElementIndex& point) {
  std::vector<std::pair<ir::ValueId, ElementIndex>> result;
  for (const ir::Access& access : def.accesses) {
    ElementIndex at;
    for (const ir::Index& i : access.index) {
      if (access.guarded || i.indirect >= 0 || i.affine.divisor > 1) break;
      at.push_back(IndexSpace::Apply(i.affine, point));
    }
    if (at.size() == access.index.size()) {
      result.emplace_back(node.operands[access.operand], std::move(at));
    }
  }
  return result;
}

}  // namespace tenon::lower
