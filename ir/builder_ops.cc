// The free functions of builder.h that compute: element-wise maths, reductions, windows and
// contractions.
#include <algorithm>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "tenon/ir/builder.h"
#include "tenon/ir/builder_operands.h"

namespace tenon::ir {

// --- Operands
// --------------------------------------------------------------------------------------

GraphBuilder* InnermostBuilder(absl::Span<const Operand> operands) {
  GraphBuilder* innermost = nullptr;
  for (const Operand& x : operands) {
    GraphBuilder* const candidate = x.value.builder();
    if (candidate == nullptr) continue;
    for (GraphBuilder* b = candidate; b != nullptr; b = b->parent()) {
      if (b == innermost || innermost == nullptr) {
        innermost = candidate;
        break;
      }
    }
  }
  return innermost;
}

Value AsValue(const Operand& x) { return x.value; }

Value ApplyOne(OpCode op, Attributes attributes, std::initializer_list<Operand> operands,
               const SourceLocation& location) {
  GraphBuilder* const builder = InnermostBuilder(operands);
  if (builder == nullptr) return Value();
  std::vector<Value> values;
  for (const Operand& x : operands) values.push_back(AsValue(x));
  return builder->Apply(op, std::move(attributes), std::move(values), {}, location)[0];
}

std::vector<int64_t> FromEnd(std::vector<int64_t> axes, int rank) {
  for (int64_t& axis : axes) axis = FromEnd(axis, rank);
  return axes;
}

Value Stretch(GraphBuilder& builder, Value x, const Shape& to, const SourceLocation& location) {
  if (!x.ok() || x.shape() == to) return x;
  std::vector<int64_t> axes(x.rank());
  std::iota(axes.begin(), axes.end(), static_cast<int64_t>(to.size()) - x.rank());
  return builder.Apply(OpCode::kBroadcast, BroadcastAttrs{to, std::move(axes)}, {x}, {},
                       location)[0];
}

namespace {

// The shape that all of `shapes` stretch to; nullopt with the offending dimension in `clash`.
std::optional<Shape> CommonShape(const std::vector<Shape>& shapes, std::string* clash) {
  size_t rank = 0;
  for (const Shape& s : shapes) rank = std::max(rank, s.size());
  Shape common(rank, Dim(1));
  for (const Shape& s : shapes) {
    for (size_t i = 0; i < s.size(); ++i) {
      Dim& d = common[rank - s.size() + i];
      if (d == Dim(1)) {
        d = s[i];
      } else if (!(s[i] == Dim(1)) && !(s[i] == d)) {
        *clash =
            absl::StrCat("dimension ", static_cast<int64_t>(i) - static_cast<int64_t>(s.size()),
                         " is ", d.ToString(), " here and ", s[i].ToString(), " there");
        return std::nullopt;
      }
    }
  }
  return common;
}

std::string TypesText(const std::vector<Value>& values) {
  std::string out;
  for (const Value& v : values) {
    absl::StrAppend(&out, out.empty() ? "" : ", ", v.type().ToString());
  }
  return out;
}

Value Unary(OpCode op, const Operand& x) { return ApplyOne(op, NoAttrs{}, {x}, x.location); }

Value Elementwise(OpCode op, Attributes attributes, std::initializer_list<Operand> operands,
                  int first_typed = 0) {
  const SourceLocation& location = operands.begin()->location;
  std::optional<Aligned> aligned = Align(op, operands, first_typed);
  if (!aligned) return Value(InnermostBuilder(operands), ValueId());
  return aligned->builder->Apply(op, std::move(attributes), std::move(aligned->values), {},
                                 location)[0];
}

}  // namespace

std::optional<Aligned> Align(OpCode op, std::initializer_list<Operand> operands, int first_typed) {
  const SourceLocation& location = operands.begin()->location;
  GraphBuilder* const builder = InnermostBuilder(operands);
  if (builder == nullptr) return std::nullopt;
  DType dtype = DType::kF32;
  bool found = false;
  int i = 0;
  for (const Operand& x : operands) {
    if (!x.is_number() && x.value.builder() == nullptr) {
      builder->AddError(Location(location), absl::StrCat(OpName(op), ": operand ", i,
                                                         " is a default-constructed Value"));
      return std::nullopt;
    }
    if (!x.is_number() && !x.value.ok()) return std::nullopt;
    if (!x.is_number() && i >= first_typed && !found) {
      dtype = x.value.dtype();
      found = true;
    }
    ++i;
  }
  Aligned aligned{builder, {}};
  std::vector<Shape> shapes;
  for (const Operand& x : operands) {
    Value v = x.is_number() ? builder->Scalar(dtype, x.number, location) : x.value;
    if (!v.ok()) return std::nullopt;
    shapes.push_back(v.shape());
    aligned.values.push_back(v);
  }
  std::string clash;
  const std::optional<Shape> common = CommonShape(shapes, &clash);
  if (!common) {
    builder->AddError(Location(location), absl::StrCat(OpName(op), "(", TypesText(aligned.values),
                                                       "): the shapes do not broadcast: ", clash));
    return std::nullopt;
  }
  for (Value& v : aligned.values) {
    v = Stretch(*builder, v, *common, location);
    if (!v.ok()) return std::nullopt;
  }
  return aligned;
}

// --- Element-wise
// ----------------------------------------------------------------------------------

Value operator+(Operand a, Operand b) { return Elementwise(OpCode::kAdd, NoAttrs{}, {a, b}); }
Value operator-(Operand a, Operand b) { return Elementwise(OpCode::kSub, NoAttrs{}, {a, b}); }
Value operator*(Operand a, Operand b) { return Elementwise(OpCode::kMul, NoAttrs{}, {a, b}); }
Value operator/(Operand a, Operand b) { return Elementwise(OpCode::kDiv, NoAttrs{}, {a, b}); }
Value operator-(Operand a) { return Unary(OpCode::kNeg, a); }
Value Rem(Operand a, Operand b) { return Elementwise(OpCode::kRem, NoAttrs{}, {a, b}); }
Value Pow(Operand a, Operand b) { return Elementwise(OpCode::kPow, NoAttrs{}, {a, b}); }
Value Max(Operand a, Operand b) { return Elementwise(OpCode::kMax, NoAttrs{}, {a, b}); }
Value Min(Operand a, Operand b) { return Elementwise(OpCode::kMin, NoAttrs{}, {a, b}); }
Value And(Operand a, Operand b) { return Elementwise(OpCode::kAnd, NoAttrs{}, {a, b}); }
Value Or(Operand a, Operand b) { return Elementwise(OpCode::kOr, NoAttrs{}, {a, b}); }
Value Xor(Operand a, Operand b) { return Elementwise(OpCode::kXor, NoAttrs{}, {a, b}); }
Value Shl(Operand a, Operand b) { return Elementwise(OpCode::kShl, NoAttrs{}, {a, b}); }
Value ShrLogical(Operand a, Operand b) {
  return Elementwise(OpCode::kShrLogical, NoAttrs{}, {a, b});
}
Value ShrArithmetic(Operand a, Operand b) {
  return Elementwise(OpCode::kShrArithmetic, NoAttrs{}, {a, b});
}
Value Abs(Operand x) { return Unary(OpCode::kAbs, x); }
Value Sign(Operand x) { return Unary(OpCode::kSign, x); }
Value Exp(Operand x) { return Unary(OpCode::kExp, x); }
Value Expm1(Operand x) { return Unary(OpCode::kExpm1, x); }
Value Log(Operand x) { return Unary(OpCode::kLog, x); }
Value Log1p(Operand x) { return Unary(OpCode::kLog1p, x); }
Value Sqrt(Operand x) { return Unary(OpCode::kSqrt, x); }
Value Rsqrt(Operand x) { return Unary(OpCode::kRsqrt, x); }
Value Sin(Operand x) { return Unary(OpCode::kSin, x); }
Value Cos(Operand x) { return Unary(OpCode::kCos, x); }
Value Tanh(Operand x) { return Unary(OpCode::kTanh, x); }
Value Sigmoid(Operand x) { return Unary(OpCode::kSigmoid, x); }
Value Erf(Operand x) { return Unary(OpCode::kErf, x); }
Value Floor(Operand x) { return Unary(OpCode::kFloor, x); }
Value Ceil(Operand x) { return Unary(OpCode::kCeil, x); }
Value Round(Operand x) { return Unary(OpCode::kRound, x); }
Value Trunc(Operand x) { return Unary(OpCode::kTrunc, x); }
Value Not(Operand x) { return Unary(OpCode::kNot, x); }
Value IsFinite(Operand x) { return Unary(OpCode::kIsFinite, x); }
Value StopGradient(Operand x) { return Unary(OpCode::kStopGradient, x); }

Value Eq(Operand a, Operand b) {
  return Elementwise(OpCode::kCompare, CompareAttrs{CompareKind::kEq}, {a, b});
}
Value Ne(Operand a, Operand b) {
  return Elementwise(OpCode::kCompare, CompareAttrs{CompareKind::kNe}, {a, b});
}
Value Lt(Operand a, Operand b) {
  return Elementwise(OpCode::kCompare, CompareAttrs{CompareKind::kLt}, {a, b});
}
Value Le(Operand a, Operand b) {
  return Elementwise(OpCode::kCompare, CompareAttrs{CompareKind::kLe}, {a, b});
}
Value Gt(Operand a, Operand b) {
  return Elementwise(OpCode::kCompare, CompareAttrs{CompareKind::kGt}, {a, b});
}
Value Ge(Operand a, Operand b) {
  return Elementwise(OpCode::kCompare, CompareAttrs{CompareKind::kGe}, {a, b});
}
Value Select(Operand condition, Operand if_true, Operand if_false) {
  return Elementwise(OpCode::kSelect, NoAttrs{}, {condition, if_true, if_false}, 1);
}
Value Cast(Operand x, DType dtype) {
  if (x.value.ok() && x.value.dtype() == dtype) return x.value;
  return ApplyOne(OpCode::kCast, CastAttrs{dtype}, {x}, x.location);
}
Value Bitcast(Operand x, DType dtype) {
  return ApplyOne(OpCode::kBitcast, CastAttrs{dtype}, {x}, x.location);
}

// --- Reductions
// ------------------------------------------------------------------------------------

namespace {

// The axes asked for, sorted; all of them for none.
std::vector<int64_t> ReducedAxes(const Value& x, std::vector<int64_t> axes) {
  if (axes.empty()) {
    axes.resize(x.rank());
    std::iota(axes.begin(), axes.end(), 0);
  }
  axes = FromEnd(std::move(axes), x.rank());
  std::sort(axes.begin(), axes.end());
  return axes;
}

Value Reduce(Combiner kind, const Operand& x, std::vector<int64_t> axes, bool keep_dims) {
  const Value& v = x.value;
  if (v.builder() == nullptr || !v.ok()) return v;
  axes = ReducedAxes(v, std::move(axes));
  Value y = ApplyOne(OpCode::kReduce, ReduceAttrs{kind, axes}, {x}, x.location);
  if (!y.ok() || !keep_dims) return y;
  Shape kept = v.shape();
  for (int64_t axis : axes) kept[axis] = Dim(1);
  return ApplyOne(OpCode::kReshape, ReshapeAttrs{std::move(kept)}, {y}, x.location);
}

}  // namespace

Value ReduceSum(Operand x, std::vector<int64_t> axes, bool keep_dims) {
  return Reduce(Combiner::kSum, x, std::move(axes), keep_dims);
}
Value ReduceProd(Operand x, std::vector<int64_t> axes, bool keep_dims) {
  return Reduce(Combiner::kProd, x, std::move(axes), keep_dims);
}
Value ReduceMax(Operand x, std::vector<int64_t> axes, bool keep_dims) {
  return Reduce(Combiner::kMax, x, std::move(axes), keep_dims);
}
Value ReduceMin(Operand x, std::vector<int64_t> axes, bool keep_dims) {
  return Reduce(Combiner::kMin, x, std::move(axes), keep_dims);
}
Value ReduceAll(Operand x, std::vector<int64_t> axes, bool keep_dims) {
  return Reduce(Combiner::kAnd, x, std::move(axes), keep_dims);
}
Value ReduceAny(Operand x, std::vector<int64_t> axes, bool keep_dims) {
  return Reduce(Combiner::kOr, x, std::move(axes), keep_dims);
}

Value ReduceMean(Operand x, std::vector<int64_t> axes, bool keep_dims) {
  Value v = x.value;
  if (v.builder() == nullptr || !v.ok()) return v;
  const DType dtype = v.dtype();
  // The 16-bit formats cannot hold the sum, nor the count, of a few thousand elements.
  const DType wide = ComputeType(dtype);
  Value sum = Reduce(Combiner::kSum, Operand(Cast(Operand(v, x.location), wide), x.location), axes,
                     keep_dims);
  if (!sum.ok()) return sum;
  Dim count(1);
  for (int64_t axis : ReducedAxes(v, axes)) count = count * v.shape()[axis];
  Value n = v.builder()->Extent(count, wide, x.location);
  return Cast(Operand(Operand(sum, x.location) / Operand(n, x.location), x.location), dtype);
}

Value ArgMax(Operand x, int64_t axis) {
  const Value v = x.value;
  if (v.builder() == nullptr || !v.ok()) return v;
  const SourceLocation& l = x.location;
  auto at = [&l](Value value) { return Operand(value, l); };
  axis = FromEnd(axis, v.rank());
  Value largest = ReduceMax(x, {axis}, /*keep_dims=*/true);
  if (!largest.ok()) return largest;
  Value hit = Eq(x, at(largest));
  if (IsFloat(v.dtype())) {  // a NaN is the largest, and equals nothing
    hit = Or(at(hit), at(And(at(Ne(x, x)), at(Ne(at(largest), at(largest))))));
  }
  Value index = v.builder()->Iota({DType::kI64, v.shape()}, axis, l);
  Value beyond = v.builder()->Scalar(DType::kI64, 4611686018427387904.0, l);
  return ReduceMin(at(Select(at(hit), at(index), at(beyond))), {axis});
}

Value Cumulative(Combiner kind, Operand x, int64_t axis, bool exclusive, bool reverse) {
  return ApplyOne(OpCode::kCumulative,
                  CumulativeAttrs{kind, FromEnd(axis, x.value.rank()), exclusive, reverse}, {x},
                  x.location);
}

// --- Windows
// ---------------------------------------------------------------------------------------

namespace {

// Empty attribute vectors mean: one everywhere, or zero everywhere.
void Default(std::vector<int64_t>& field, int rank, int64_t value) {
  if (field.empty()) field.assign(rank, value);
}

void Default(WindowIndexAttrs& a, int rank) {
  Default(a.window, rank, 1);
  Default(a.stride, rank, 1);
  Default(a.dilation, rank, 1);
  Default(a.pad_low, rank, 0);
  Default(a.pad_high, rank, 0);
}

}  // namespace

Value WindowReduce(Operand x, WindowAttrs attrs) {
  const int rank = x.value.rank();
  Default(attrs.window, rank, 1);
  Default(attrs.stride, rank, 1);
  Default(attrs.dilation, rank, 1);
  Default(attrs.base_dilation, rank, 1);
  Default(attrs.pad_low, rank, 0);
  Default(attrs.pad_high, rank, 0);
  return ApplyOne(OpCode::kWindowReduce, std::move(attrs), {x}, x.location);
}

Value WindowArgmax(Operand x, WindowIndexAttrs attrs) {
  Default(attrs, x.value.rank());
  WindowAttrs reduce{Combiner::kMax,
                     attrs.window,
                     attrs.stride,
                     attrs.dilation,
                     std::vector<int64_t>(x.value.rank(), 1),
                     attrs.pad_low,
                     attrs.pad_high};
  Value largest = WindowReduce(x, std::move(reduce));
  return ApplyOne(OpCode::kWindowArgmax, std::move(attrs), {x, Operand(largest, x.location)},
                  x.location);
}

Value WindowSelect(Operand x, Operand indices, WindowIndexAttrs attrs) {
  Default(attrs, x.value.rank());
  return ApplyOne(OpCode::kWindowSelect, std::move(attrs), {x, indices}, x.location);
}

Value WindowUnselect(Operand y, Operand indices, WindowIndexAttrs attrs) {
  Default(attrs, y.value.rank());
  return ApplyOne(OpCode::kWindowUnselect, std::move(attrs), {y, indices}, y.location);
}

// --- Contractions
// ----------------------------------------------------------------------------------

Value Contract(std::string spec, Operand a, Operand b, bool wide) {
  return ApplyOne(OpCode::kContract, ContractAttrs{std::move(spec), wide}, {a, b}, a.location);
}

Value MatMul(Operand a, Operand b) {
  GraphBuilder* const builder = InnermostBuilder({a, b});
  if (builder == nullptr || !a.value.ok() || !b.value.ok()) return Value(builder, ValueId());
  const int rank_a = a.value.rank(), rank_b = b.value.rank();
  if (rank_a < 2 || (rank_b != 2 && rank_b != rank_a)) {
    builder->AddError(
        Location(a.location),
        absl::StrCat(
            "matmul(", a.value.type().ToString(), ", ", b.value.type().ToString(),
            "): matrices are needed, with the same batch dimensions or none on the right"));
    return Value(builder, ValueId());
  }
  const std::string batch = std::string("abcdefgh").substr(0, rank_a - 2);
  const std::string batch_b = rank_b == rank_a ? batch : "";
  return Contract(absl::StrCat(batch, "mk,", batch_b, "kn->", batch, "mn"), a, b);
}

namespace {

void Default(ConvAttrs& a, int rank) {
  const int spatial = std::max(rank - 2, 0);
  Default(a.stride, spatial, 1);
  Default(a.dilation, spatial, 1);
  Default(a.pad_low, spatial, 0);
  Default(a.pad_high, spatial, 0);
}

}  // namespace

Value Conv(Operand x, Operand filter, ConvAttrs attrs) {
  Default(attrs, x.value.rank());
  return ApplyOne(OpCode::kConv, std::move(attrs), {x, filter}, x.location);
}
Value ConvTranspose(Operand y, Operand filter, ConvAttrs attrs) {
  Default(attrs, y.value.rank());
  return ApplyOne(OpCode::kConvTranspose, std::move(attrs), {y, filter}, y.location);
}
Value ConvFilter(Operand x, Operand y, ConvAttrs attrs) {
  Default(attrs, x.value.rank());
  return ApplyOne(OpCode::kConvFilter, std::move(attrs), {x, y}, x.location);
}

}  // namespace tenon::ir
