#include "tenon/passes/lower/element.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tenon/ir/check.h"
#include "tenon/runtime/abi.h"

namespace tenon::lower {

using ir::Combiner;
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

// --- Indices

// base + row * row_stride + lane * lane_stride; `general`, where valid, is the whole instead.
struct ElementEmitter::Position {
  KValue base;
  Dim row_stride = 0;
  Dim lane_stride = 0;
  KValue general;
};

ElementEmitter::Position ElementEmitter::Resolve(const IndexExpr& e, const Tile& tile) {
  Position p;
  p.base = k_.ConstI64(0);
  KValue general;
  for (const auto& [v, coefficient] : e.terms) {
    const IndexSpace::Var var = space_.var(v);
    KValue value;
    if (var.kind == IndexSpace::VarKind::kDigit) {
      value = IndexValue(var.of, tile);
      const Type t = k_.type(value);
      auto operand = [&](const Dim& d) { return k_.Splat(k_.DimValue(d), t.rows, t.lanes); };
      if (!(var.divisor == Dim(1))) {
        value = k_.Scalar(ScalarOp::kDiv, {value, operand(var.divisor)});
      }
      value = k_.Scalar(ScalarOp::kRem, {value, operand(var.extent)});
    } else {
      auto it = bound_.find(v);
      TENON_CHECK(it != bound_.end());
      value = it->second;
    }
    if (v == tile.row_var && tile.rows > 1) p.row_stride = coefficient;
    if (v == tile.lane_var && tile.lanes > 1) p.lane_stride = coefficient;
    const KValue scaled = k_.Mul(value, k_.DimValue(coefficient));
    KValue& sum = k_.type(value).is_scalar() ? p.base : general;
    sum = sum.valid() ? k_.Add(sum, scaled) : scaled;
  }
  p.base = k_.Add(p.base, k_.DimValue(e.offset));
  if (!general.valid()) return p;
  p.general = k_.Add(general, p.base);
  if (!(p.row_stride == Dim(0))) {
    p.general = k_.Add(p.general, k_.Mul(RowNumbers(tile.rows), k_.DimValue(p.row_stride)));
  }
  if (!(p.lane_stride == Dim(0))) {
    p.general = k_.Add(p.general, k_.Mul(k_.Iota(tile.lanes), k_.DimValue(p.lane_stride)));
  }
  return p;
}

KValue ElementEmitter::RowNumbers(int rows) {
  std::vector<KValue> numbers;
  for (int r = 0; r < rows; ++r) numbers.push_back(k_.ConstI64(r));
  return k_.ConcatRows(numbers);
}

KValue ElementEmitter::IndexValue(const IndexExpr& e, const Tile& tile) {
  const Position p = Resolve(e, tile);
  if (p.general.valid()) return p.general;
  KValue value = p.base;
  if (!(p.row_stride == Dim(0))) {
    value = k_.Add(value, k_.Mul(RowNumbers(tile.rows), k_.DimValue(p.row_stride)));
  }
  if (!(p.lane_stride == Dim(0))) {
    value = k_.Add(value, k_.Mul(k_.Iota(tile.lanes), k_.DimValue(p.lane_stride)));
  }
  return value;
}

KValue ElementEmitter::And(KValue a, KValue b) {
  if (!a.valid()) return b;
  if (!b.valid()) return a;
  return k_.Scalar(ScalarOp::kAnd, {a, b});
}

KValue ElementEmitter::InBounds(const IndexExpr& e, const Dim& extent, const Tile& tile) {
  KValue inside;
  const bool low = space_.ProvablyNonNegative(e), high = space_.ProvablyBelow(e, extent);
  if (low && high) return inside;
  const KValue value = IndexValue(e, tile);
  if (!low) inside = k_.Scalar(ScalarOp::kGe, {value, k_.ConstI64(0)});
  if (!high) inside = And(inside, k_.Scalar(ScalarOp::kLt, {value, k_.DimValue(extent)}));
  return inside;
}

KValue ElementEmitter::ActivePoints(const Tile& tile) {
  KValue active;
  if (tile.row_count.valid()) {
    active = k_.Scalar(ScalarOp::kLt, {RowNumbers(tile.rows), tile.row_count});
  }
  if (tile.lane_count.valid()) {
    active = And(active, k_.Scalar(ScalarOp::kLt, {k_.Iota(tile.lanes), tile.lane_count}));
  }
  return active;
}

// --- Memory

KValue ElementEmitter::LoadAt(int buffer, DType dtype, const IndexExpr& position, const Tile& tile,
                              KValue mask) {
  const Position p = Resolve(position, tile);
  const Type m = mask.valid() ? k_.type(mask) : Type{DType::kBool, 1, 1};
  if (!p.general.valid()) {
    const bool by_row = !(p.row_stride == Dim(0)), by_lane = !(p.lane_stride == Dim(0));
    const int rows = by_row ? tile.rows : m.rows;
    const int lanes = by_lane ? tile.lanes : m.lanes;
    kernel::MemRef mem{.buffer = buffer, .offset = p.base};
    if (rows > 1) {
      mem.row_stride = k_.DimValue(p.row_stride);
      if (by_row) mem.row_count = tile.row_count;
    }
    if (lanes > 1) {
      if (!(p.lane_stride == Dim(1))) mem.lane_stride = k_.DimValue(p.lane_stride);
      if (by_lane) mem.lane_count = tile.lane_count;
    }
    // Predicates are given for every element, for every lane, or for all at once.
    if (mask.valid()) mem.predicate = m.rows > 1 ? k_.Splat(mask, rows, lanes) : mask;
    if (mask.valid() && m.rows == 1 && m.lanes == 1 && rows == 1) mem.predicate = mask;
    return k_.Load(dtype, rows, lanes, mem);
  }
  const Type g = k_.type(p.general);
  const int rows = std::max(g.rows, m.rows), lanes = std::max(g.lanes, m.lanes);
  const KValue offsets = k_.Splat(p.general, rows, lanes);
  std::vector<KValue> loaded;
  for (int r = 0; r < rows; ++r) {
    kernel::MemRef mem{.buffer = buffer, .offset = k_.Row(offsets, r)};
    if (lanes > 1) mem.lane_count = tile.lane_count;
    if (mask.valid()) mem.predicate = k_.Row(mask, m.rows > 1 ? r : 0);
    if (rows > 1 && tile.row_count.valid()) {
      mem.predicate =
          And(mem.predicate, k_.Scalar(ScalarOp::kLt, {k_.ConstI64(r), tile.row_count}));
    }
    loaded.push_back(k_.Load(dtype, 1, lanes, mem));
  }
  return k_.ConcatRows(loaded);
}

void ElementEmitter::StoreAt(int buffer, const IndexExpr& position, const Tile& tile,
                             KValue value) {
  const Position p = Resolve(position, tile);
  value = k_.Splat(value, tile.rows, tile.lanes);
  if (!p.general.valid()) {
    kernel::MemRef mem{.buffer = buffer, .offset = p.base};
    if (tile.rows > 1) {
      mem.row_stride = k_.DimValue(p.row_stride);
      mem.row_count = tile.row_count;
    }
    if (tile.lanes > 1) {
      if (!(p.lane_stride == Dim(1))) mem.lane_stride = k_.DimValue(p.lane_stride);
      mem.lane_count = tile.lane_count;
    }
    k_.Store(value, mem);
    return;
  }
  const KValue offsets = k_.Splat(p.general, tile.rows, tile.lanes);
  for (int r = 0; r < tile.rows; ++r) {
    kernel::MemRef mem{.buffer = buffer, .offset = k_.Row(offsets, r)};
    if (tile.lanes > 1) mem.lane_count = tile.lane_count;
    if (tile.rows > 1 && tile.row_count.valid()) {
      mem.predicate = k_.Scalar(ScalarOp::kLt, {k_.ConstI64(r), tile.row_count});
    }
    k_.Store(k_.Row(value, r), mem);
  }
}

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

namespace {

std::string MemoKey(ir::ValueId value, const ElementIndex& index, KValue mask) {
  return absl::StrCat(value.index, "@", mask.index, ":", Key(index));
}

}  // namespace

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
    return LoadAt(kernel_.Param(value, /*written=*/false), type.dtype, position, tile, mask);
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

// --- Hoisting

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
  while (!work.empty()) {
    auto [v, at] = std::move(work.back());
    work.pop_back();
    if (!seen.insert(MemoKey(v, at, {})).second || IsKnown(v, at)) continue;
    if (varies(at)) {
      for (auto& operand : OperandsOf(v, at)) work.push_back(std::move(operand));
    } else if (Pure(v)) {
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
// a loop that never runs), and nothing is still to be provided.
bool ElementEmitter::Pure(ir::ValueId v) {
  const ir::Graph& graph = kernel_.context().graph();
  const ir::NodeId id = graph.producer(v);
  if (!id.valid() || !kernel_.IsFused(id)) return true;
  if (kernel_.context().Class(id) == ComputeClass::kReshape)
    return Pure(graph.node(id).operands[0]);
  const ir::ComputeDef* def = kernel_.context().Def(id);
  if (def == nullptr || def->num_reduced() > 0) return false;
  for (size_t a = 0; a < def->accesses.size(); ++a) {
    if (IsIndirectSource(*def, static_cast<int>(a)) || def->accesses[a].guarded) return false;
  }
  for (ir::ValueId operand : graph.node(id).operands) {
    if (!Pure(operand)) return false;
  }
  return true;
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
