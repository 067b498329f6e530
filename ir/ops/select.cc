// Comparison, choice and conversion.
#include "tenon/ir/ops/common.h"

namespace tenon::ir::ops {
namespace {

ScalarOp ScalarOf(CompareKind kind) {
  switch (kind) {
    case CompareKind::kEq:
      return ScalarOp::kEq;
    case CompareKind::kNe:
      return ScalarOp::kNe;
    case CompareKind::kLt:
      return ScalarOp::kLt;
    case CompareKind::kLe:
      return ScalarOp::kLe;
    case CompareKind::kGt:
      return ScalarOp::kGt;
    case CompareKind::kGe:
      return ScalarOp::kGe;
  }
  return ScalarOp::kEq;
}

}  // namespace

template <>
OpDef Define<OpCode::kCompare>() {
  OpDef def{};
  def.summary =
      "bool: a `kind` b, element by element, for kind eq, ne, lt, le, gt or ge. Ordered: false "
      "where either is NaN, but for ne, which is true. false counts as less than true.";
  def.min_operands = def.max_operands = 2;
  def.compute_class = ComputeClass::kMap;
  def.infer = [](const InferContext& c) -> Types {
    TENON_RETURN_IF_ERROR(CheckSame(c.operands[0], c.operands[1], "the left operand", "the right"));
    return {{TensorType{DType::kBool, c.operands[0].dims}}};
  };
  def.compute = [](const OpView& v) {
    ComputeDef nest = ElementwiseNest(v);
    nest.body.Op(ScalarOf(v.attrs<CompareAttrs>().kind), {0, 1});
    return nest;
  };
  def.differentiability = Differentiability::kZero;
  def.gradient_note = "its result is bool";
  return def;
}

template <>
OpDef Define<OpCode::kSelect>() {
  OpDef def{};
  def.summary = "b where the bool operand a holds, else c, element by element.";
  def.min_operands = def.max_operands = 3;
  def.compute_class = ComputeClass::kMap;
  def.infer = [](const InferContext& c) -> Types {
    if (c.operands[0].dtype != DType::kBool) {
      return Error("the condition is ", c.operands[0].ToString(), "; bool is needed");
    }
    TENON_RETURN_IF_ERROR(
        CheckSame(c.operands[1], c.operands[2], "the value for true", "that for false"));
    TENON_RETURN_IF_ERROR(CheckSame(c.operands[0], TensorType{DType::kBool, c.operands[1].dims},
                                    "the condition", "a condition that fits the values"));
    return {{c.operands[1]}};
  };
  def.compute = [](const OpView& v) {
    ComputeDef nest = ElementwiseNest(v);
    nest.body.Op(ScalarOp::kSelect, {0, 1, 2});
    return nest;
  };
  def.differentiability = Differentiability::kRule;
  def.gradient = [](GradContext& c) -> Cotangents {
    Cotangents out(3);
    if (c.needed[1]) out[1] = Select(c.operands[0], Cotangent(c), 0);
    if (c.needed[2]) out[2] = Select(c.operands[0], 0, Cotangent(c));
    return out;
  };
  return def;
}

template <>
OpDef Define<OpCode::kCast>() {
  OpDef def{};
  def.summary =
      "x converted to `dtype`. To a float: rounded to nearest, ties to even. Float to integer: "
      "truncated and saturated, NaN gives 0. Integer to integer: the low bits. To bool: whether x "
      "is not 0.";
  def.min_operands = def.max_operands = 1;
  def.compute_class = ComputeClass::kMap;
  def.infer = [](const InferContext& c) -> Types {
    return {{TensorType{c.attrs<CastAttrs>().dtype, c.operands[0].dims}}};
  };
  def.compute = [](const OpView& v) {
    ComputeDef nest = ElementwiseNest(v);
    nest.body.Cast(v.results[0].dtype, 0);
    return nest;
  };
  def.differentiability = Differentiability::kRule;
  def.gradient = [](GradContext& c) -> Cotangents {
    if (!IsFloat(c.operands[0].dtype()) || !IsFloat(c.results[0].dtype())) return {std::nullopt};
    return {Cast(Cotangent(c), c.operands[0].dtype())};
  };
  def.gradient_note = "zero between a float and any other type";
  return def;
}

template <>
OpDef Define<OpCode::kBitcast>() {
  OpDef def{};
  def.summary = "The bits of x read as `dtype`, which has the same width.";
  def.min_operands = def.max_operands = 1;
  def.compute_class = ComputeClass::kMap;
  def.infer = [](const InferContext& c) -> Types {
    const DType from = c.operands[0].dtype, to = c.attrs<CastAttrs>().dtype;
    if (ByteSize(from) != ByteSize(to)) {
      return Error(DTypeName(from), " has ", ByteSize(from), " bytes and ", DTypeName(to), " ",
                   ByteSize(to));
    }
    if (to == DType::kBool && from != DType::kBool) return Error("not every byte is a bool");
    return {{TensorType{to, c.operands[0].dims}}};
  };
  def.compute = [](const OpView& v) {
    ComputeDef nest = ElementwiseNest(v);
    nest.body.Bitcast(v.results[0].dtype, 0);
    return nest;
  };
  def.differentiability = Differentiability::kNone;
  def.gradient_note = "bits are no smooth function of a number";
  return def;
}

}  // namespace tenon::ir::ops
