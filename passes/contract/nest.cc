#include "tenon/passes/contract/nest.h"

#include <algorithm>
#include <utility>

#include "tenon/ir/check.h"

namespace tenon::contract {

using ir::Dim;
using ir::ScalarInstr;

namespace {

Dim ProductOf(const std::vector<NestDim>& dims) {
  Dim product = 1;
  for (const NestDim& d : dims) product = product * d.extent;
  return product;
}

// The access that value `i` of the body reads, through casts; -1 if it is anything else.
int AccessBehind(const ir::ScalarBody& body, int i) {
  const ScalarInstr& instr = body.instrs[i];
  if (instr.kind == ScalarInstr::Kind::kAccess) return instr.index;
  const bool is_cast = instr.kind == ScalarInstr::Kind::kOp && instr.op == ir::ScalarOp::kCast;
  return is_cast ? AccessBehind(body, instr.args[0]) : -1;
}

bool IsProductOfTwo(const ir::ComputeDef& def) {
  if (def.accesses.size() != 2 || def.combiner != ir::Combiner::kSum) return false;
  const ScalarInstr& last = def.body.instrs.back();
  if (last.kind != ScalarInstr::Kind::kOp || last.op != ir::ScalarOp::kMul) return false;
  const int left = AccessBehind(def.body, last.args[0]);
  const int right = AccessBehind(def.body, last.args[1]);
  if (left < 0 || right < 0 || left == right) return false;
  for (const ir::Access& access : def.accesses) {
    for (const ir::Index& index : access.index) {
      if (index.indirect >= 0) return false;
    }
  }
  return true;
}

bool Uses(const ir::Access& access, int iterator) {
  for (const ir::Index& index : access.index) {
    for (const ir::Affine::Term& term : index.affine.terms) {
      if (term.iterator == iterator) return true;
    }
  }
  return false;
}

std::vector<Dim> RowMajorStrides(const ir::Shape& shape) {
  std::vector<Dim> strides(shape.size(), Dim(1));
  for (size_t i = shape.size(); i-- > 1;) strides[i - 1] = strides[i] * shape[i];
  return strides;
}

bool IsNegative(const Dim& d) {
  const std::optional<int64_t> bound = d.UpperBound();
  return bound.has_value() && *bound < 0;
}

// Fills in how `access` reads memory: the operand, or what takes its place, over the range of its
// index expressions.
Operand MakeOperand(const ir::Graph& graph, const ir::Node& node, const ir::ComputeDef& def,
                    int access, bool computed) {
  Operand operand;
  operand.access = access;
  operand.value = node.operands[def.accesses[access].operand];
  operand.computed = computed;
  for (const ir::Index& index : def.accesses[access].index) {
    Dim first = index.affine.offset, last = index.affine.offset;
    for (const ir::Affine::Term& term : index.affine.terms) {
      const Dim reach = term.coefficient * (def.domain[term.iterator] - Dim(1));
      (IsNegative(term.coefficient) ? first : last) =
          (IsNegative(term.coefficient) ? first : last) + reach;
    }
    operand.first.push_back(first);
    operand.shape.push_back(last - first + Dim(1));
  }
  const ir::Shape& shape = computed ? operand.shape : graph.type(operand.value).dims;
  const std::vector<Dim> strides = RowMajorStrides(shape);
  for (size_t d = 0; d < shape.size(); ++d) {
    const Dim& start = def.accesses[access].index[d].affine.offset;
    operand.offset = operand.offset + strides[d] * (computed ? start - operand.first[d] : start);
  }
  return operand;
}

// How far one step of `iterator` moves in the operand's memory.
Dim StrideOf(const ir::Graph& graph, const ir::ComputeDef& def, const Operand& operand,
             int iterator) {
  const ir::Shape& shape = operand.computed ? operand.shape : graph.type(operand.value).dims;
  const std::vector<Dim> strides = RowMajorStrides(shape);
  const std::vector<ir::Index>& indices = def.accesses[operand.access].index;
  Dim stride = 0;
  for (size_t d = 0; d < indices.size(); ++d) {
    for (const ir::Affine::Term& term : indices[d].affine.terms) {
      if (term.iterator == iterator) stride = stride + strides[d] * term.coefficient;
    }
  }
  return stride;
}

// Joins neighbours that move as one loop through all three tensors.
void Collapse(std::vector<NestDim>* dims) {
  for (size_t i = dims->size(); i-- > 1;) {
    NestDim &outer = (*dims)[i - 1], &inner = (*dims)[i];
    if (!(outer.a == inner.a * inner.extent && outer.b == inner.b * inner.extent &&
          outer.c == inner.c * inner.extent)) {
      continue;
    }
    inner.extent = outer.extent * inner.extent;
    inner.iterators.insert(inner.iterators.begin(), outer.iterators.begin(), outer.iterators.end());
    dims->erase(dims->begin() + static_cast<int64_t>(i) - 1);
  }
  if (dims->empty()) dims->push_back({.extent = 1, .iterators = {}});
}

}  // namespace

Dim ContractNest::M() const { return ProductOf(m); }
Dim ContractNest::N() const { return ProductOf(n); }
Dim ContractNest::K() const { return ProductOf(k); }
Dim ContractNest::Batch() const { return ProductOf(batch); }

namespace {

// The nest whose lanes run along result dimension `last`; `lanes` is the access of B.
ContractNest BuildNest(const ir::Graph& graph, const ir::Node& node, const ir::ComputeDef& def,
                       const std::vector<bool>& not_stored, int lanes, bool pairs) {
  ContractNest nest;
  nest.accumulator = def.body.instrs.back().dtype;
  nest.pairs = pairs;
  Operand operands[2];
  for (int access = 0; access < 2; ++access) {
    const ir::ValueId value = node.operands[def.accesses[access].operand];
    bool computed = def.accesses[access].guarded || not_stored[access] ||
                    graph.type(value).dtype != nest.operand_dtype();
    for (const ir::Index& index : def.accesses[access].index) {
      computed |= index.affine.divisor > 1;
    }
    operands[access] = MakeOperand(graph, node, def, access, computed);
  }
  nest.a = operands[1 - lanes];
  nest.b = operands[lanes];

  Dim c_stride = 1;
  for (int i = static_cast<int>(def.domain.size()) - 1; i >= 0; --i) {
    NestDim dim{.extent = def.domain[i], .iterators = {i}};
    dim.a = StrideOf(graph, def, nest.a, i);
    dim.b = StrideOf(graph, def, nest.b, i);
    const bool reduced = i >= def.num_parallel;
    if (!reduced) {
      dim.c = c_stride;
      c_stride = c_stride * dim.extent;
    }
    if (dim.extent == Dim(1)) continue;
    const bool in_a = Uses(def.accesses[nest.a.access], i);
    const bool in_b = Uses(def.accesses[nest.b.access], i);
    std::vector<NestDim>* list = reduced ? &nest.k
                                 : in_b  ? (in_a ? &nest.batch : &nest.n)
                                         : &nest.m;
    list->insert(list->begin(), std::move(dim));
  }
  Collapse(&nest.m);
  Collapse(&nest.n);
  Collapse(&nest.k);
  if (!nest.batch.empty()) Collapse(&nest.batch);
  return nest;
}

// Turns the innermost k loop into one over pairs; false where its elements do not come in pairs.
bool PairSteps(ContractNest* nest) {
  NestDim& k = nest->k.back();
  const NestDim& n = nest->n.back();
  if (!k.extent.is_constant() || k.extent.constant() % 2 != 0) return false;
  // A's rows are packed as pairs where they lie next to each other, and there is one loop of them.
  const bool packs_a = nest->m.size() == 1 && nest->m.back().a == Dim(1);
  if (!(k.a == Dim(1) || packs_a) || !(n.b == Dim(1) || k.b == Dim(1))) return false;
  k.extent = Dim(k.extent.constant() / 2);
  k.a = k.a * Dim(2);
  k.b = k.b * Dim(2);
  return true;
}

}  // namespace

bool IsDotProducts(const ContractNest& nest) {
  const bool one_row = nest.M() == Dim(1) && nest.Batch() == Dim(1);
  return one_row && !(nest.n.back().b == Dim(1)) && nest.k.back().b == nest.unit_step();
}

std::optional<ContractNest> MakeNest(const ir::Graph& graph, const ir::Node& node,
                                     const ir::ComputeDef& def, const std::vector<bool>& not_stored,
                                     bool has_dot2) {
  if (!IsProductOfTwo(def)) return std::nullopt;
  // The last dimension that is one decides whose elements lie along lanes.
  int last = def.num_parallel - 1;
  while (last >= 0 && def.domain[last] == Dim(1)) --last;
  if (last < 0 || Uses(def.accesses[0], last) == Uses(def.accesses[1], last)) return std::nullopt;
  const int lanes = Uses(def.accesses[1], last) ? 1 : 0;
  bool bf16 = has_dot2;
  for (const ir::Access& access : def.accesses) {
    bf16 &= graph.type(node.operands[access.operand]).dtype == ir::DType::kBF16;
  }
  if (bf16) {
    ContractNest nest = BuildNest(graph, node, def, not_stored, lanes, /*pairs=*/true);
    if (PairSteps(&nest)) return nest;
  }
  return BuildNest(graph, node, def, not_stored, lanes, /*pairs=*/false);
}

}  // namespace tenon::contract
