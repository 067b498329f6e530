// Rules of arithmetic on elements. What is legal follows from IEEE 754: x + 0.0 turns -0.0 into
// 0.0, x * 0.0 is not 0.0 for infinities and NaN, x - x is not 0.0 for them either.
#include <cmath>
#include <limits>

#include "tenon/passes/simplify/rules/util.h"

namespace tenon::passes::rules {

using ir::Literal;
using ir::OpCode;
using ir::TensorType;
using ir::Value;

namespace {

// Splats -y of a splat y of a float type.
Value NegatedSplat(Match& m, Value y) {
  const double number = *m.SplatValue(y);
  const TensorType type = y.type();
  return Full(m, type, -number);
}

// Whether adding splat `zero` leaves every x as it is, at this level of numerics.
bool IsAdditiveIdentity(const Match& m, Value zero) {
  const std::optional<double> number = m.SplatValue(zero);
  if (!number.has_value() || *number != 0) return false;
  return !IsFloat(zero.type()) || std::signbit(*number) || AtLeastStandard(m);
}

// select(p, 1, 0), or a cast of p: p; nullopt otherwise.
std::optional<Value> AsIndicator(const Match& m, Value x) {
  if (m.Is(x, OpCode::kCast) && m.OperandOf(x).dtype() == ir::DType::kBool) return m.OperandOf(x);
  if (m.Is(x, OpCode::kSelect) && m.IsSplat(m.OperandOf(x, 1), 1) &&
      m.IsSplat(m.OperandOf(x, 2), 0)) {
    return m.OperandOf(x, 0);
  }
  return std::nullopt;
}

}  // namespace

Replacement AddZero(Match& m) {
  if (IsAdditiveIdentity(m, m[1])) return m[0];
  if (IsAdditiveIdentity(m, m[0])) return m[1];
  return std::nullopt;
}

Replacement AddNeg(Match& m) {
  if (m.Is(m[1], OpCode::kNeg)) return Make(m, OpCode::kSub, {m[0], m.OperandOf(m[1])});
  if (m.Is(m[0], OpCode::kNeg)) return Make(m, OpCode::kSub, {m[1], m.OperandOf(m[0])});
  return std::nullopt;
}

Replacement SubZero(Match& m) {
  const std::optional<double> right = m.SplatValue(m[1]);
  if (right == 0.0 && (!IsFloat(m.type()) || !std::signbit(*right) || AtLeastStandard(m))) {
    return m[0];
  }
  const std::optional<double> left = m.SplatValue(m[0]);
  // -0.0 - x = -x to the bit; 0.0 - x is 0.0 where -x is -0.0.
  if (left == 0.0 && (!IsFloat(m.type()) || std::signbit(*left) || AtLeastStandard(m))) {
    return Make(m, OpCode::kNeg, {m[1]});
  }
  return std::nullopt;
}

Replacement SubNeg(Match& m) {
  if (!m.Is(m[1], OpCode::kNeg)) return std::nullopt;
  return Make(m, OpCode::kAdd, {m[0], m.OperandOf(m[1])});
}

Replacement SubSelf(Match& m) {
  if (!Same(m[0], m[1]) || IsFloat(m.type())) return std::nullopt;
  return Full(m, m.type(), 0);
}

Replacement MulOne(Match& m) {
  for (int i = 0; i < 2; ++i) {
    if (m.IsSplat(m[i], 1)) return m[1 - i];
    if (m.IsSplat(m[i], -1)) return Make(m, OpCode::kNeg, {m[1 - i]});
  }
  return std::nullopt;
}

Replacement MulZero(Match& m) {
  if (IsFloat(m.type())) return std::nullopt;
  for (int i = 0; i < 2; ++i) {
    if (m.IsSplat(m[i], 0)) return Full(m, m.type(), 0);
  }
  return std::nullopt;
}

Replacement MulNeg(Match& m) {
  const bool neg0 = m.Is(m[0], OpCode::kNeg);
  const bool neg1 = m.Is(m[1], OpCode::kNeg);
  if (neg0 && neg1) return Make(m, OpCode::kMul, {m.OperandOf(m[0]), m.OperandOf(m[1])});
  if (!IsFloat(m.type())) return std::nullopt;
  if (neg0 && m.SplatValue(m[1])) {
    return Make(m, OpCode::kMul, {m.OperandOf(m[0]), NegatedSplat(m, m[1])});
  }
  if (neg1 && m.SplatValue(m[0])) {
    return Make(m, OpCode::kMul, {NegatedSplat(m, m[0]), m.OperandOf(m[1])});
  }
  return std::nullopt;
}

Replacement MulBool(Match& m) {
  const std::optional<Value> p = AsIndicator(m, m[0]);
  const std::optional<Value> q = AsIndicator(m, m[1]);
  if (!p || !q || !m.SingleUse(m[0]) || !m.SingleUse(m[1])) return std::nullopt;
  const TensorType type = m.type();
  return Make(m, OpCode::kSelect,
              {Make(m, OpCode::kAnd, {*p, *q}), Full(m, type, 1), Full(m, type, 0)});
}

Replacement DivOne(Match& m) {
  if (m.IsSplat(m[1], 1)) return m[0];
  if (m.IsSplat(m[1], -1) && IsFloat(m.type())) return Make(m, OpCode::kNeg, {m[0]});
  return std::nullopt;
}

Replacement DivPowerOfTwo(Match& m) {
  if (!IsFloat(m.type())) return std::nullopt;
  const std::optional<double> divisor = m.SplatValue(m[1]);
  if (!divisor || !std::isfinite(*divisor) || *divisor == 0) return std::nullopt;
  int exponent;
  if (std::abs(std::frexp(*divisor, &exponent)) != 0.5) return std::nullopt;
  // The reciprocal must be a normal number of the type that the product is computed in, and a value
  // of the type itself: subnormal constants are no bargain.
  const double reciprocal = 1 / *divisor;
  const Literal rounded = Literal::Filled(m.type().dtype, {}, reciprocal);
  const double smallest = m.type().dtype == ir::DType::kF64 ? std::numeric_limits<double>::min()
                          : m.type().dtype == ir::DType::kF16
                              ? 0x1p-14
                              : static_cast<double>(std::numeric_limits<float>::min());
  if (rounded.GetAsDouble(0) != reciprocal || std::abs(reciprocal) < smallest) return std::nullopt;
  const TensorType type = m.type();
  return Make(m, OpCode::kMul, {m[0], Full(m, type, reciprocal)});
}

Replacement DivNeg(Match& m) {
  // The most negative integer is its own negative, so this is for floats.
  if (!IsFloat(m.type()) || !m.Is(m[0], OpCode::kNeg) || !m.Is(m[1], OpCode::kNeg)) {
    return std::nullopt;
  }
  return Make(m, OpCode::kDiv, {m.OperandOf(m[0]), m.OperandOf(m[1])});
}

Replacement NegNeg(Match& m) {
  if (!m.Is(m[0], OpCode::kNeg)) return std::nullopt;
  return m.OperandOf(m[0]);
}

Replacement NegSub(Match& m) {
  if (!m.Is(m[0], OpCode::kSub) || !m.SingleUse(m[0])) return std::nullopt;
  return Make(m, OpCode::kSub, {m.OperandOf(m[0], 1), m.OperandOf(m[0], 0)});
}

Replacement AbsOfSign(Match& m) {
  if (m.Is(m[0], OpCode::kAbs)) return m[0];
  if (m.Is(m[0], OpCode::kNeg) && IsFloat(m.type())) {
    return Make(m, OpCode::kAbs, {m.OperandOf(m[0])});
  }
  return std::nullopt;
}

Replacement Idempotent(Match& m) {
  if (m.Is(m[0], m.op())) return m[0];
  // What is integral already stays as it is under every rounding.
  const std::optional<OpCode> inner = m.OpOf(m[0]);
  const bool rounding = m.op() != OpCode::kSign;
  if (rounding && (inner == OpCode::kFloor || inner == OpCode::kCeil || inner == OpCode::kRound ||
                   inner == OpCode::kTrunc)) {
    return m[0];
  }
  return std::nullopt;
}

Replacement MaxSelf(Match& m) {
  if (Same(m[0], m[1])) return m[0];
  for (int i = 0; i < 2; ++i) {
    if (!m.Is(m[i], m.op())) continue;
    const Value other = m[1 - i];
    // Which of two zeros, or of two NaNs, comes out depends on the order: floats in one order only.
    if (Same(m.OperandOf(m[i], 1), other) && (i == 0 || !IsFloat(m.type()))) return m[i];
    if (Same(m.OperandOf(m[i], 0), other) && !IsFloat(m.type())) return m[i];
  }
  return std::nullopt;
}

Replacement MaxIdentity(Match& m) {
  const double infinity = std::numeric_limits<double>::infinity();
  const double sign = m.op() == OpCode::kMax ? -1 : 1;
  for (int i = 0; i < 2; ++i) {
    const Literal* splat = m.Splat(m[i]);
    if (splat == nullptr) continue;
    if (IsFloat(m.type())) {
      if (splat->GetAsDouble(0) == sign * infinity) return m[1 - i];
      continue;
    }
    if (splat->dtype() == ir::DType::kI64) {
      const int64_t limit = m.op() == OpCode::kMax ? std::numeric_limits<int64_t>::min()
                                                   : std::numeric_limits<int64_t>::max();
      if (splat->data<int64_t>()[0] == limit) return m[1 - i];
      continue;
    }
    const int bits = static_cast<int>(8 * ir::ByteSize(splat->dtype()));
    const bool is_signed = ir::IsSigned(splat->dtype());
    const double high = std::ldexp(1.0, bits - (is_signed ? 1 : 0)) - 1;
    const double low = is_signed ? -std::ldexp(1.0, bits - 1) : 0;
    if (splat->GetAsDouble(0) == (m.op() == OpCode::kMax ? low : high)) return m[1 - i];
  }
  return std::nullopt;
}

Replacement PowConstant(Match& m) {
  if (!IsFloat(m.type())) return std::nullopt;
  const std::optional<double> exponent = m.SplatValue(m[1]);
  if (exponent == 1.0) return m[0];
  if (exponent == 2.0) return Make(m, OpCode::kMul, {m[0], m[0]});
  if (exponent == -1.0) {
    const TensorType type = m.type();
    return Make(m, OpCode::kDiv, {Full(m, type, 1), m[0]});
  }
  return std::nullopt;
}

Replacement RemoveStopGradient(Match& m) { return m[0]; }

}  // namespace tenon::passes::rules
