// Element-wise ops of two operands, whose types must be equal: the builder broadcasts beforehand.
#include "tenon/ir/ops/common.h"

namespace tenon::ir::ops {
namespace {

template <ScalarOp op>
ComputeDef Compute(const OpView& view) {
  ComputeDef def = ElementwiseNest(view);
  def.body.Op(op, {0, 1});
  return def;
}

Types InferNumbers(const InferContext& c) {
  TENON_RETURN_IF_ERROR(CheckSame(c.operands[0], c.operands[1], "the left operand", "the right"));
  TENON_RETURN_IF_ERROR(CheckNumber(c.operands[0].dtype));
  return {{c.operands[0]}};
}

Types InferFloats(const InferContext& c) {
  TENON_RETURN_IF_ERROR(CheckSame(c.operands[0], c.operands[1], "the left operand", "the right"));
  TENON_RETURN_IF_ERROR(CheckFloat(c.operands[0].dtype));
  return {{c.operands[0]}};
}

Types InferBits(const InferContext& c) {
  TENON_RETURN_IF_ERROR(CheckSame(c.operands[0], c.operands[1], "the left operand", "the right"));
  if (IsFloat(c.operands[0].dtype)) {
    return Error("bool or an integer type is needed, not ", DTypeName(c.operands[0].dtype));
  }
  return {{c.operands[0]}};
}

Types InferShift(const InferContext& c) {
  TENON_RETURN_IF_ERROR(CheckSame(c.operands[0], c.operands[1], "the left operand", "the right"));
  if (!IsInteger(c.operands[0].dtype)) {
    return Error("an integer type is needed, not ", DTypeName(c.operands[0].dtype));
  }
  return {{c.operands[0]}};
}

template <ScalarOp op>
OpDef Binary(absl::string_view summary, Types (*infer)(const InferContext&)) {
  return Elementwise(summary, 2, infer, Compute<op>);
}

OpDef OnBits(OpDef def) { return WithZeroGradient(def, "its operands are no real numbers"); }

}  // namespace

template <>
OpDef Define<OpCode::kAdd>() {
  return WithGradient(
      Binary<ScalarOp::kAdd>("a + b, element by element; integers wrap.", InferNumbers),
      [](GradContext& c) -> Cotangents {
        return {Cotangent(c), Cotangent(c)};
      });
}

template <>
OpDef Define<OpCode::kSub>() {
  return WithGradient(
      Binary<ScalarOp::kSub>("a - b, element by element; integers wrap.", InferNumbers),
      [](GradContext& c) -> Cotangents {
        Cotangents out(2);
        out[0] = Cotangent(c);
        if (c.needed[1]) out[1] = -Cotangent(c);
        return out;
      });
}

template <>
OpDef Define<OpCode::kMul>() {
  return WithGradient(
      Binary<ScalarOp::kMul>("a * b, element by element; integers wrap.", InferNumbers),
      [](GradContext& c) -> Cotangents {
        Cotangents out(2);
        const DType dtype = c.operands[0].type().dtype;
        if (c.operands[0].id() == c.operands[1].id() && ComputeType(dtype) == dtype) {
          // A square: twice the factor, which may be the same for many elements, not two products.
          // (In f16 twice the factor might be too much.)
          if (c.needed[0]) out[0] = Cotangent(c) * 2 * c.operands[0];
          return out;
        }
        if (c.needed[0]) out[0] = Cotangent(c) * c.operands[1];
        if (c.needed[1]) out[1] = Cotangent(c) * c.operands[0];
        return out;
      });
}

template <>
OpDef Define<OpCode::kDiv>() {
  return WithGradient(
      Binary<ScalarOp::kDiv>("a / b, element by element. Integers truncate toward 0; over 0 they "
                             "give 0, and the most negative over -1 wraps.",
                             InferNumbers),
      [](GradContext& c) -> Cotangents {
        Cotangents out(2);
        const Value quotient = Cotangent(c) / c.operands[1];
        if (c.needed[0]) out[0] = quotient;
        if (c.needed[1]) out[1] = -(quotient * c.results[0]);
        return out;
      });
}

template <>
OpDef Define<OpCode::kRem>() {
  return WithGradient(
      Binary<ScalarOp::kRem>("The rest of a / b truncated toward 0, with the sign of a. Integers "
                             "over 0 give a.",
                             InferNumbers),
      [](GradContext& c) -> Cotangents {
        Cotangents out(2);
        if (c.needed[0]) out[0] = Cotangent(c);
        if (c.needed[1]) out[1] = -(Cotangent(c) * Trunc(c.operands[0] / c.operands[1]));
        return out;
      },
      "where the quotient jumps, that of the branch taken");
}

template <>
OpDef Define<OpCode::kPow>() {
  return WithGradient(
      Binary<ScalarOp::kPow>("a to the b. NaN for a below 0 unless b is whole; 1 for b = 0.",
                             InferFloats),
      [](GradContext& c) -> Cotangents {
        const Value &a = c.operands[0], &b = c.operands[1];
        Cotangents out(2);
        if (c.needed[0]) {
          // Without the guard, b = 0 at a = 0 would give 0 * infinity.
          const Value flat = Eq(b, 0);
          const Value slope = b * Pow(a, Select(flat, 1, b - 1));
          out[0] = Cotangent(c) * Select(flat, 0, slope);
        }
        if (c.needed[1]) {
          const Value logarithm = Log(Select(Eq(a, 0), 1, a));
          out[1] = Cotangent(c) * (c.results[0] * logarithm);
        }
        return out;
      },
      "at a = 0 the gradient for b is 0; for a below 0 it is NaN");
}

template <>
OpDef Define<OpCode::kMax>() {
  return WithGradient(
      Binary<ScalarOp::kMax>("The larger of a and b; NaN where either is NaN.", InferNumbers),
      [](GradContext& c) -> Cotangents {
        const Value &a = c.operands[0], &b = c.operands[1];
        const Value wins = Gt(a, b);
        Cotangents out(2);
        if (c.needed[0]) out[0] = Select(wins, Cotangent(c), 0.0);
        if (c.needed[1]) out[1] = Select(wins, 0.0, Cotangent(c));
        return out;
      },
      "at a tie all of it goes to b: so relu(x) = max(x, 0) has slope 0 at 0");
}

template <>
OpDef Define<OpCode::kMin>() {
  return WithGradient(
      Binary<ScalarOp::kMin>("The smaller of a and b; NaN where either is NaN.", InferNumbers),
      [](GradContext& c) -> Cotangents {
        const Value &a = c.operands[0], &b = c.operands[1];
        const Value wins = Lt(a, b);
        Cotangents out(2);
        if (c.needed[0]) out[0] = Select(wins, Cotangent(c), 0.0);
        if (c.needed[1]) out[1] = Select(wins, 0.0, Cotangent(c));
        return out;
      },
      "at a tie all of it goes to b");
}

template <>
OpDef Define<OpCode::kAnd>() {
  return OnBits(Binary<ScalarOp::kAnd>("a and b, bit by bit, or of bool.", InferBits));
}
template <>
OpDef Define<OpCode::kOr>() {
  return OnBits(Binary<ScalarOp::kOr>("a or b, bit by bit, or of bool.", InferBits));
}
template <>
OpDef Define<OpCode::kXor>() {
  return OnBits(Binary<ScalarOp::kXor>("a exclusive-or b, bit by bit, or of bool.", InferBits));
}
template <>
OpDef Define<OpCode::kShl>() {
  return OnBits(Binary<ScalarOp::kShl>("a shifted left by b, taken modulo the width.", InferShift));
}
template <>
OpDef Define<OpCode::kShrLogical>() {
  return OnBits(Binary<ScalarOp::kShrLogical>(
      "a shifted right by b, taken modulo the width; zeros come in.", InferShift));
}
template <>
OpDef Define<OpCode::kShrArithmetic>() {
  return OnBits(Binary<ScalarOp::kShrArithmetic>(
      "a shifted right by b, taken modulo the width; copies of the top bit come in, for u8 too.",
      InferShift));
}

}  // namespace tenon::ir::ops
