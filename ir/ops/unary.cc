// Element-wise ops of one operand.
#include <numbers>

#include "tenon/ir/ops/common.h"

namespace tenon::ir::ops {
namespace {

template <ScalarOp op>
ComputeDef Compute(const OpView& view) {
  ComputeDef def = ElementwiseNest(view);
  def.body.Op(op, {0});
  return def;
}

Types InferFloat(const InferContext& c) {
  TENON_RETURN_IF_ERROR(CheckFloat(c.operands[0].dtype));
  return {{c.operands[0]}};
}

Types InferNumber(const InferContext& c) {
  TENON_RETURN_IF_ERROR(CheckNumber(c.operands[0].dtype));
  return {{c.operands[0]}};
}

template <ScalarOp op>
OpDef Unary(absl::string_view summary, Types (*infer)(const InferContext&)) {
  return Elementwise(summary, 1, infer, Compute<op>);
}

constexpr absl::string_view kSteps = "a step function: zero almost everywhere";

}  // namespace

template <>
OpDef Define<OpCode::kNeg>() {
  return WithGradient(Unary<ScalarOp::kNeg>("-x, element by element; integers wrap.", InferNumber),
                      [](GradContext& c) -> Cotangents { return {-Cotangent(c)}; });
}

template <>
OpDef Define<OpCode::kAbs>() {
  return WithGradient(
      Unary<ScalarOp::kAbs>("|x|, element by element; the most negative integer stays as it is.",
                            InferNumber),
      [](GradContext& c) -> Cotangents { return {Cotangent(c) * Sign(c.operands[0])}; },
      "at 0 the gradient is 0");
}

template <>
OpDef Define<OpCode::kSign>() {
  return WithZeroGradient(
      Unary<ScalarOp::kSign>("-1, 0 (keeping its sign) or 1 as x is below, at or above 0; NaN for "
                             "NaN.",
                             InferNumber),
      kSteps);
}

template <>
OpDef Define<OpCode::kExp>() {
  return WithGradient(Unary<ScalarOp::kExp>("e to the x, element by element.", InferFloat),
                      [](GradContext& c) -> Cotangents { return {Cotangent(c) * c.results[0]}; });
}

template <>
OpDef Define<OpCode::kExpm1>() {
  return WithGradient(
      Unary<ScalarOp::kExpm1>("e to the x, less 1, without cancellation near 0.", InferFloat),
      [](GradContext& c) -> Cotangents { return {Cotangent(c) * Exp(c.operands[0])}; });
}

template <>
OpDef Define<OpCode::kLog>() {
  return WithGradient(
      Unary<ScalarOp::kLog>("The natural logarithm; -inf at 0, NaN below.", InferFloat),
      [](GradContext& c) -> Cotangents { return {Cotangent(c) / c.operands[0]}; });
}

template <>
OpDef Define<OpCode::kLog1p>() {
  return WithGradient(
      Unary<ScalarOp::kLog1p>("The natural logarithm of 1 + x, without cancellation near 0.",
                              InferFloat),
      [](GradContext& c) -> Cotangents { return {Cotangent(c) / (c.operands[0] + 1)}; });
}

template <>
OpDef Define<OpCode::kSqrt>() {
  return WithGradient(
      Unary<ScalarOp::kSqrt>("The square root, exactly rounded; NaN below 0.", InferFloat),
      [](GradContext& c) -> Cotangents { return {Cotangent(c) * 0.5 / c.results[0]}; },
      "at 0 the gradient is infinite");
}

template <>
OpDef Define<OpCode::kRsqrt>() {
  return WithGradient(Unary<ScalarOp::kRsqrt>("1 over the square root.", InferFloat),
                      [](GradContext& c) -> Cotangents {
                        return {Cotangent(c) * -0.5 * c.results[0] / c.operands[0]};
                      });
}

template <>
OpDef Define<OpCode::kSin>() {
  return WithGradient(
      Unary<ScalarOp::kSin>("The sine of x in radians.", InferFloat),
      [](GradContext& c) -> Cotangents { return {Cotangent(c) * Cos(c.operands[0])}; });
}

template <>
OpDef Define<OpCode::kCos>() {
  return WithGradient(
      Unary<ScalarOp::kCos>("The cosine of x in radians.", InferFloat),
      [](GradContext& c) -> Cotangents { return {-(Cotangent(c) * Sin(c.operands[0]))}; });
}

template <>
OpDef Define<OpCode::kTanh>() {
  return WithGradient(Unary<ScalarOp::kTanh>("The hyperbolic tangent.", InferFloat),
                      [](GradContext& c) -> Cotangents {
                        const Value& y = c.results[0];
                        return {Cotangent(c) * (1 - y * y)};
                      });
}

template <>
OpDef Define<OpCode::kSigmoid>() {
  return WithGradient(Unary<ScalarOp::kSigmoid>("1 / (1 + e to the -x).", InferFloat),
                      [](GradContext& c) -> Cotangents {
                        const Value& y = c.results[0];
                        return {Cotangent(c) * (y * (1 - y))};
                      });
}

template <>
OpDef Define<OpCode::kErf>() {
  return WithGradient(Unary<ScalarOp::kErf>("The error function.", InferFloat),
                      [](GradContext& c) -> Cotangents {
                        const Value& x = c.operands[0];
                        return {Cotangent(c) * (Exp(-(x * x)) * (2 * std::numbers::inv_sqrtpi))};
                      });
}

template <>
OpDef Define<OpCode::kFloor>() {
  return WithZeroGradient(
      Unary<ScalarOp::kFloor>("The largest whole number not above x.", InferFloat), kSteps);
}

template <>
OpDef Define<OpCode::kCeil>() {
  return WithZeroGradient(
      Unary<ScalarOp::kCeil>("The smallest whole number not below x.", InferFloat), kSteps);
}

template <>
OpDef Define<OpCode::kRound>() {
  return WithZeroGradient(
      Unary<ScalarOp::kRound>("The nearest whole number; ties go to the even one.", InferFloat),
      kSteps);
}

template <>
OpDef Define<OpCode::kTrunc>() {
  return WithZeroGradient(
      Unary<ScalarOp::kTrunc>("The whole part of x: rounded toward 0.", InferFloat), kSteps);
}

template <>
OpDef Define<OpCode::kNot>() {
  return WithZeroGradient(
      Unary<ScalarOp::kNot>("Every bit of an integer turned over, or a bool negated.",
                            [](const InferContext& c) -> Types {
                              if (IsFloat(c.operands[0].dtype)) {
                                return Error("bool or an integer type is needed, not ",
                                             DTypeName(c.operands[0].dtype));
                              }
                              return {{c.operands[0]}};
                            }),
      "its operand is no real number");
}

template <>
OpDef Define<OpCode::kIsFinite>() {
  return WithZeroGradient(
      Unary<ScalarOp::kIsFinite>("bool: whether x is neither infinite nor NaN.",
                                 [](const InferContext& c) -> Types {
                                   TENON_RETURN_IF_ERROR(CheckFloat(c.operands[0].dtype));
                                   return {{TensorType{DType::kBool, c.operands[0].dims}}};
                                 }),
      "its result is bool");
}

template <>
OpDef Define<OpCode::kStopGradient>() {
  OpDef def{};
  def.summary = "x itself; differentiation takes it for a constant.";
  def.min_operands = def.max_operands = 1;
  def.compute_class = ComputeClass::kMap;
  def.infer = [](const InferContext& c) -> Types { return {{c.operands[0]}}; };
  def.compute = [](const OpView& v) { return ElementwiseNest(v); };
  return WithZeroGradient(std::move(def), "that is its purpose");
}

}  // namespace tenon::ir::ops
