#include "tenon/passes/lower/trace.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "tenon/ir/check.h"

namespace tenon::lower {

using ir::Dim;

Reads ReadsAtPoint(IndexSpace& space, const ir::Graph& graph, const ir::Node& node,
                   const ir::ComputeDef& def, const ElementIndex& point) {
  Reads result;
  IndexExpr everything;
  for (const IndexExpr& p : point) {
    for (const auto& [v, coefficient] : p.terms) everything.terms.emplace(v, Dim(1));
  }
  for (const ir::Access& access : def.accesses) {
    const ir::ValueId operand = node.operands[access.operand];
    const ir::Shape& dims = graph.type(operand).dims;
    Read read{operand, {}};
    for (size_t d = 0; d < access.index.size(); ++d) {
      const ir::Index& index = access.index[d];
      IndexExpr e = IndexSpace::Apply(index.affine, point);
      if (index.affine.divisor > 1) {
        result.tests.push_back(e);
        e = space.Digit(e, Dim(index.affine.divisor), dims[d]);
      }
      if (index.indirect >= 0) {
        e = e + IndexExpr::Var(space.AddValue(dims[d], everything)) * Dim(index.indirect_sign);
      }
      const bool tested = access.guarded || (index.indirect >= 0 && !index.clamp);
      if (tested && !(space.ProvablyNonNegative(e) && space.ProvablyBelow(e, dims[d]))) {
        result.tests.push_back(e);
      }
      read.index.push_back(std::move(e));
    }
    result.reads.push_back(std::move(read));
  }
  for (const ir::ScalarInstr& instr : def.body.instrs) {
    if (instr.kind == ir::ScalarInstr::Kind::kIterator) result.tests.push_back(point[instr.index]);
  }
  return result;
}

Reads ReadsOf(IndexSpace& space, const ir::Graph& graph, const ir::Node& node,
              const ir::ComputeDef* def, const ElementIndex& index) {
  const ir::Shape& to = graph.type(node.results[0]).dims;
  if (def == nullptr) {
    const ir::ValueId from = node.operands[0];
    return {{{from, space.Reshape(index, to, graph.type(from).dims)}}, {}};
  }
  TENON_CHECK(def->num_reduced() == 0);
  return ReadsAtPoint(space, graph, node, *def, space.Reshape(index, to, def->domain));
}

Trace::Trace(IndexSpace& space, const ir::Graph& graph, DefFn def, FusedFn is_fused)
    : space_(space), graph_(graph), def_(std::move(def)), is_fused_(std::move(is_fused)) {}

void Trace::AddPoint(ir::NodeId reduction, const ElementIndex& point) {
  const ir::ComputeDef* def = def_(reduction);
  TENON_CHECK(def != nullptr);
  Follow(ReadsAtPoint(space_, graph_, graph_.node(reduction), *def, point));
}

void Trace::AddValue(ir::ValueId value, const ElementIndex& index) {
  if (!seen_.emplace(absl::StrCat(value.index, ":", Key(index)), true).second) return;
  const IndexExpr position = space_.Linearize(index, graph_.type(value).dims);
  const ir::NodeId id = graph_.producer(value);
  if (!id.valid() || !is_fused_(id)) {
    positions_.push_back(position);
    loaded_.push_back({value, index, position});
    return;
  }
  const ir::ComputeDef* def = def_(id);
  if (def == nullptr && graph_.node(id).operands.empty()) return;  // a constant
  computed_.push_back({value, index, position});
  // What is reduced is computed by its own loops.
  if (def != nullptr && def->num_reduced() > 0) return;
  Follow(ReadsOf(space_, graph_, graph_.node(id), def, index));
}

void Trace::Follow(const Reads& reads) {
  tests_.insert(tests_.end(), reads.tests.begin(), reads.tests.end());
  for (const Read& read : reads.reads) AddValue(read.value, read.index);
}

}  // namespace tenon::lower
