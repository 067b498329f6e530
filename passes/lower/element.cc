#include "tenon/passes/lower/element.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tenon/ir/check.h"
#include "tenon/runtime/abi.h"

namespace tenon::lower {

using ir::ComputeClass;
using ir::Dim;
using ir::DType;
using ir::ScalarInstr;
using ir::ScalarOp;
using kernel::Type;
using KValue = kernel::ValueId;

ElementEmitter::ElementEmitter(KernelContext& kernel)
    : kernel_(kernel), k_(kernel.builder()), memo_(1) {}

void ElementEmitter::Bind(VarId v, KValue value) { bound_[v] = value; }

void ElementEmitter::Store(ir::ValueId value, const ElementIndex& index, const Tile& tile,
                           KValue tile_value) {
  const IndexExpr position = space_.Linearize(index, kernel_.context().graph().type(value).dims);
  StoreAt(kernel_.Param(value, /*written=*/true), position, tile, tile_value);
}

// --- Values

Tile ElementEmitter::Shrink(const ElementIndex& index, const Tile& tile, KValue mask) {
  Tile small = tile;
  auto depends = [&](VarId v) {
    return std::any_of(index.begin(), index.end(),
                       [&](const IndexExpr& e) { return space_.DependsOn(e, v); });
  };
  const Type m = mask.valid() ? k_.type(mask) : Type{DType::kBool, 1, 1};
  if (tile.rows > 1 && m.rows == 1 && !depends(tile.row_var)) {
    small.rows = 1;
    small.row_var = -1;
    small.row_count = {};
  }
  if (tile.lanes > 1 && m.lanes == 1 && !depends(tile.lane_var)) {
    small.lanes = 1;
    small.lane_var = -1;
    small.lane_count = {};
  }
  return small;
}

std::string ElementEmitter::MemoKey(ir::ValueId value, const ElementIndex& index, KValue mask) {
  return absl::StrCat(value.index, "@", mask.index, ":", Key(index));
}

std::string ElementEmitter::ProvidedKey(ir::ValueId v, const ElementIndex& index) {
  const ir::Shape& dims = kernel_.context().graph().type(v).dims;
  return absl::StrCat("provided ", v.index, ":", space_.Linearize(index, dims).Key());
}

void ElementEmitter::Provide(ir::ValueId value, const ElementIndex& index, KValue tile_value) {
  provided_.insert(value.index);
  memo_.back()[ProvidedKey(value, index)] = tile_value;
}

KValue ElementEmitter::Known(const std::string& key) const {
  for (auto scope = memo_.rbegin(); scope != memo_.rend(); ++scope) {
    auto it = scope->find(key);
    if (it != scope->end()) return it->second;
  }
  return {};
}

KValue ElementEmitter::Eval(ir::ValueId value, const ElementIndex& index, const Tile& tile) {
  return EvalMasked(value, index, tile, {});
}

KValue ElementEmitter::EvalMasked(ir::ValueId value, const ElementIndex& index, const Tile& tile,
                                  KValue mask) {
  if (provided_.count(value.index) > 0) {
    if (KValue known = Known(ProvidedKey(value, index)); known.valid()) return known;
  }
  // What is known without a mask serves under one too.
  if (KValue known = Known(MemoKey(value, index, {})); known.valid()) return known;
  if (mask.valid()) {
    if (KValue known = Known(MemoKey(value, index, mask)); known.valid()) return known;
  }
  const KValue result = EvalUncached(value, index, Shrink(index, tile, mask), mask);
  memo_.back()[MemoKey(value, index, mask)] = result;
  return result;
}

KValue ElementEmitter::EvalUncached(ir::ValueId value, const ElementIndex& index, const Tile& tile,
                                    KValue mask) {
  const ir::Graph& graph = kernel_.context().graph();
  const ir::TensorType& type = graph.type(value);
  const ir::NodeId id = graph.producer(value);
  if (id.valid()) {
    if (std::optional<KValue> constant = kernel_.context().IsUniform(value)
                                             ? std::optional(UniformConstant(id))
                                             : std::nullopt) {
      return *constant;
    }
  }
  if (!id.valid() || !kernel_.IsFused(id)) {
    const IndexExpr position = space_.Linearize(index, type.dims);
    return LoadAt(kernel_.Param(value, /*written=*/false), type.dtype, position, tile, mask, value);
  }
  const ir::Node& node = graph.node(id);
  if (kernel_.context().Class(id) == ComputeClass::kReshape) {
    const ir::ValueId from = node.operands[0];
    return EvalMasked(from, space_.Reshape(index, type.dims, graph.type(from).dims), tile, mask);
  }
  const ir::ComputeDef* def = kernel_.context().Def(id);
  TENON_CHECK(def != nullptr && def->num_reduced() == 0);
  return EmitBody(node, *def, space_.Reshape(index, type.dims, def->domain), tile, mask);
}

KValue ElementEmitter::UniformConstant(ir::NodeId id) {
  const ir::Literal& literal = kernel_.context().graph().node(id).attrs<ir::ConstantAttrs>().value;
  if (literal.dtype() == DType::kI64) return k_.ConstI64(literal.data<int64_t>()[0]);
  return k_.Const(literal.dtype(), literal.GetAsDouble(0));
}

KValue ElementEmitter::EvalAccess(const ir::Node& node, const ir::ComputeDef& def, int access,
                                  const ElementIndex& point, const Tile& tile) {
  std::vector<KValue> read(def.accesses.size());
  for (int a = 0; a <= access; ++a) {
    const bool needed = a == access || IsIndirectSource(def, a);
    if (needed) read[a] = ReadAccess(node, def, a, point, tile, {}, &read, nullptr);
  }
  return read[access];
}

KValue ElementEmitter::EvalBody(const ir::Node& node, const ir::ComputeDef& def,
                                const ElementIndex& point, const Tile& tile, bool inside) {
  return EmitBody(node, def, point, tile, {}, inside);
}

bool ElementEmitter::IsIndirectSource(const ir::ComputeDef& def, int access) {
  for (const ir::Access& a : def.accesses) {
    for (const ir::Index& index : a.index) {
      if (index.indirect == access) return true;
    }
  }
  return false;
}

KValue ElementEmitter::ReadAccess(const ir::Node& node, const ir::ComputeDef& def, int access,
                                  const ElementIndex& point, const Tile& tile, KValue mask,
                                  std::vector<KValue>* read, KValue* in_bounds, bool inside) {
  const ir::Access& a = def.accesses[access];
  const ir::ValueId operand = node.operands[a.operand];
  Guarded guarded = AccessIndex(node, def, access, point, tile, mask, *read);
  if (inside) guarded.in_bounds = {};
  if (in_bounds != nullptr) *in_bounds = guarded.in_bounds;
  const KValue inner = And(mask, guarded.in_bounds);
  KValue value = EvalMasked(operand, guarded.index, tile, inner);
  // A masked load gives zero outside; what is computed there has to be replaced.
  const ir::NodeId producer = kernel_.context().graph().producer(operand);
  const bool computed =
      producer.valid() && (kernel_.IsFused(producer) || kernel_.context().IsUniform(operand));
  if (a.guarded && guarded.in_bounds.valid() && computed) {
    const DType dtype = k_.type(value).dtype;
    const DType work = ir::ComputeType(dtype);
    value =
        k_.Scalar(ScalarOp::kSelect, {guarded.in_bounds, k_.Cast(work, value), k_.Const(work, 0)});
    value = k_.Cast(dtype, value);
  }
  return value;
}

// The index of an access into its operand, and where it falls inside.
ElementEmitter::Guarded ElementEmitter::AccessIndex(const ir::Node& node, const ir::ComputeDef& def,
                                                    int access, const ElementIndex& point,
                                                    const Tile& tile, KValue mask,
                                                    const std::vector<KValue>& read) {
  const ir::Access& a = def.accesses[access];
  const ir::Shape& dims = kernel_.context().graph().type(node.operands[a.operand]).dims;
  Guarded result;
  for (size_t d = 0; d < a.index.size(); ++d) {
    const ir::Index& index = a.index[d];
    IndexExpr e = IndexSpace::Apply(index.affine, point);
    if (index.affine.divisor > 1) {
      // Where the division leaves a rest there is nothing; elsewhere it is a digit.
      const KValue whole = IndexValue(e, tile);
      const KValue divisor = k_.ConstI64(index.affine.divisor);
      const KValue rest = k_.Scalar(ScalarOp::kRem, {whole, divisor});
      result.in_bounds = And(result.in_bounds, k_.Scalar(ScalarOp::kEq, {rest, k_.ConstI64(0)}));
      result.in_bounds =
          And(result.in_bounds, InBounds(e, dims[d] * Dim(index.affine.divisor), tile));
      e = space_.Digit(e, Dim(index.affine.divisor), dims[d]);
    }
    if (index.indirect >= 0) {
      e = IndirectIndex(node, index, dims[d], a.guarded, read[index.indirect], point, tile, e, mask,
                        &result.in_bounds);
    }
    if (a.guarded && index.affine.divisor == 1) {
      result.in_bounds = And(result.in_bounds, InBounds(e, dims[d], tile));
    }
    result.index.push_back(std::move(e));
  }
  return result;
}

// affine + sign * (the integer read), clamped or checked as the access says.
IndexExpr ElementEmitter::IndirectIndex(const ir::Node& node, const ir::Index& index,
                                        const Dim& extent, bool guarded, KValue read,
                                        const ElementIndex& point, const Tile& tile,
                                        const IndexExpr& affine, KValue mask, KValue* in_bounds) {
  KValue value = k_.Cast(DType::kI64, read);
  IndexExpr depends_on;
  for (const IndexExpr& p : point) {
    for (const auto& [v, coefficient] : p.terms) depends_on.terms.emplace(v, Dim(1));
  }
  if (k_.type(value).is_scalar()) depends_on.terms.erase(tile.lane_var);
  if (k_.type(value).is_scalar()) depends_on.terms.erase(tile.row_var);
  if (index.clamp) {
    value = k_.Scalar(ScalarOp::kMin, {value, k_.DimValue(index.clamp_max)});
    value = k_.Scalar(ScalarOp::kMax, {value, k_.ConstI64(0)});
  }
  Dim value_extent = extent;
  if (index.clamp) value_extent = index.clamp_max + Dim(1);
  const VarId v = space_.AddValue(value_extent, depends_on);
  bound_[v] = value;
  IndexExpr e = affine + IndexExpr::Var(v) * Dim(index.indirect_sign);
  if (index.clamp || guarded) return e;
  // A gather: outside is a fault, and reads nothing.
  const KValue position = IndexValue(e, tile);
  KValue inside = And(k_.Scalar(ScalarOp::kGe, {position, k_.ConstI64(0)}),
                      k_.Scalar(ScalarOp::kLt, {position, k_.DimValue(extent)}));
  KValue outside = k_.Scalar(ScalarOp::kNot, {inside});
  outside = And(outside, And(mask, k_.type(position).is_scalar() ? KValue{} : ActivePoints(tile)));
  k_.Fault(outside, TENON_INDEX_OUT_OF_RANGE, kernel_.context().Site(node.location), position);
  *in_bounds = And(*in_bounds, inside);
  return e;
}

KValue ElementEmitter::EmitBody(const ir::Node& node, const ir::ComputeDef& def,
                                const ElementIndex& point, const Tile& tile, KValue mask,
                                bool inside) {
  std::vector<KValue> read(def.accesses.size()), in_bounds(def.accesses.size());
  for (size_t a = 0; a < def.accesses.size(); ++a) {
    read[a] =
        ReadAccess(node, def, static_cast<int>(a), point, tile, mask, &read, &in_bounds[a], inside);
  }
  std::vector<KValue> values;
  for (const ScalarInstr& instr : def.body.instrs) {
    switch (instr.kind) {
      case ScalarInstr::Kind::kAccess:
        values.push_back(read[instr.index]);
        break;
      case ScalarInstr::Kind::kInBounds:
        values.push_back(in_bounds[instr.index].valid() ? in_bounds[instr.index]
                                                        : k_.Const(DType::kBool, 1));
        break;
      case ScalarInstr::Kind::kIterator:
        values.push_back(IndexValue(point[instr.index], tile));
        break;
      case ScalarInstr::Kind::kExtent:
        values.push_back(k_.DimValue(def.domain[instr.index]));
        break;
      case ScalarInstr::Kind::kConstant:
        values.push_back(instr.dtype == DType::kI64 ? k_.ConstI64(instr.integer)
                                                    : k_.Const(instr.dtype, instr.constant));
        break;
      case ScalarInstr::Kind::kOp:
        values.push_back(EmitOp(instr, values));
        break;
    }
  }
  return values.back();
}

KValue ElementEmitter::EmitOp(const ScalarInstr& instr, const std::vector<KValue>& values) {
  if (instr.op == ScalarOp::kCast) return k_.Cast(instr.dtype, values[instr.args[0]]);
  if (instr.op == ScalarOp::kBitcast) return k_.Bitcast(instr.dtype, values[instr.args[0]]);
  std::vector<KValue> args;
  for (int i = 0; i < ir::ScalarOpArity(instr.op); ++i) {
    const KValue arg = values[instr.args[i]];
    args.push_back(k_.Cast(ir::ComputeType(k_.type(arg).dtype), arg));
  }
  return k_.Cast(instr.dtype, k_.Scalar(instr.op, std::move(args)));
}

}  // namespace tenon::lower
