// Rules of bits, comparisons, selection and conversion.
#include "tenon/passes/simplify/rules/util.h"

namespace tenon::passes::rules {

using ir::CompareAttrs;
using ir::CompareKind;
using ir::DType;
using ir::Literal;
using ir::OpCode;
using ir::TensorType;
using ir::Value;

namespace {

// Whether `v` is an integer or bool with all bits zero, or all set (bool: false, true).
bool IsAllBits(const Match& m, Value v, bool set) {
  const Literal* splat = m.Splat(v);
  if (splat == nullptr || ir::IsFloat(splat->dtype())) return false;
  if (splat->dtype() == DType::kBool) return (splat->GetAsDouble(0) != 0) == set;
  const std::byte want = set ? std::byte{0xff} : std::byte{0};
  for (size_t i = 0; i < splat->byte_size(); ++i) {
    if (splat->bytes()[i] != want) return false;
  }
  return true;
}

CompareKind Inverse(CompareKind kind) {
  switch (kind) {
    case CompareKind::kEq:
      return CompareKind::kNe;
    case CompareKind::kNe:
      return CompareKind::kEq;
    case CompareKind::kLt:
      return CompareKind::kGe;
    case CompareKind::kLe:
      return CompareKind::kGt;
    case CompareKind::kGt:
      return CompareKind::kLe;
    case CompareKind::kGe:
      return CompareKind::kLt;
  }
  return kind;
}

// Whether every value of `from` is a value of `to`.
bool Holds(DType to, DType from) {
  if (to == from || from == DType::kBool) return true;
  switch (to) {
    case DType::kF64:
      return from != DType::kI64;
    case DType::kF32:
      return from == DType::kBF16 || from == DType::kF16 || from == DType::kI8 ||
             from == DType::kU8;
    case DType::kF16:
      return from == DType::kI8 || from == DType::kU8;
    case DType::kBF16:
      return from == DType::kI8 || from == DType::kU8;
    case DType::kI64:
      return from == DType::kI32 || from == DType::kI8 || from == DType::kU8;
    case DType::kI32:
      return from == DType::kI8 || from == DType::kU8;
    case DType::kI8:
    case DType::kU8:
    case DType::kBool:
      return false;
  }
  return false;
}

}  // namespace

Replacement NotNot(Match& m) {
  if (!m.Is(m[0], OpCode::kNot)) return std::nullopt;
  return m.OperandOf(m[0]);
}

Replacement NotCompare(Match& m) {
  if (!m.Is(m[0], OpCode::kCompare) || !m.SingleUse(m[0])) return std::nullopt;
  const CompareKind kind = m.AttrsOf<CompareAttrs>(m[0]).kind;
  const Value x = m.OperandOf(m[0], 0);
  const Value y = m.OperandOf(m[0], 1);
  // With NaN, both x < y and x >= y are false.
  if (IsFloat(x.type()) && kind != CompareKind::kEq && kind != CompareKind::kNe) {
    return std::nullopt;
  }
  return Make(m, OpCode::kCompare, CompareAttrs{Inverse(kind)}, {x, y});
}

Replacement AndIdentity(Match& m) {
  if (Same(m[0], m[1])) return m[0];
  for (int i = 0; i < 2; ++i) {
    if (IsAllBits(m, m[i], true)) return m[1 - i];
    if (IsAllBits(m, m[i], false)) return m[i];
  }
  return std::nullopt;
}

Replacement OrIdentity(Match& m) {
  if (Same(m[0], m[1])) return m[0];
  for (int i = 0; i < 2; ++i) {
    if (IsAllBits(m, m[i], false)) return m[1 - i];
    if (IsAllBits(m, m[i], true)) return m[i];
  }
  return std::nullopt;
}

Replacement XorIdentity(Match& m) {
  if (Same(m[0], m[1])) return Full(m, m.type(), 0);
  for (int i = 0; i < 2; ++i) {
    if (IsAllBits(m, m[i], false)) return m[1 - i];
  }
  return std::nullopt;
}

Replacement ShiftZero(Match& m) {
  if (!IsAllBits(m, m[1], false)) return std::nullopt;
  return m[0];
}

Replacement CompareSelf(Match& m) {
  if (!Same(m[0], m[1])) return std::nullopt;
  switch (m.attrs<CompareAttrs>().kind) {
    case CompareKind::kLt:
    case CompareKind::kGt:
      return Full(m, m.type(), 0);
    case CompareKind::kNe:
      if (IsFloat(m[0].type())) return std::nullopt;  // how NaN is found
      return Full(m, m.type(), 0);
    case CompareKind::kEq:
    case CompareKind::kLe:
    case CompareKind::kGe:
      if (IsFloat(m[0].type())) return std::nullopt;
      return Full(m, m.type(), 1);
  }
  return std::nullopt;
}

Replacement CompareBool(Match& m) {
  if (m[0].dtype() != DType::kBool) return std::nullopt;
  const CompareKind kind = m.attrs<CompareAttrs>().kind;
  if (kind != CompareKind::kEq && kind != CompareKind::kNe) return std::nullopt;
  for (int i = 0; i < 2; ++i) {
    const std::optional<double> number = m.SplatValue(m[i]);
    if (!number) continue;
    if ((*number != 0) == (kind == CompareKind::kEq)) return m[1 - i];
    return Make(m, OpCode::kNot, {m[1 - i]});
  }
  return std::nullopt;
}

Replacement SelectConstant(Match& m) {
  if (Same(m[1], m[2])) return m[1];
  const std::optional<double> condition = m.SplatValue(m[0]);
  if (!condition) return std::nullopt;
  const Value chosen = *condition != 0 ? m[1] : m[2];
  if (!(chosen.type() == m.type())) return std::nullopt;
  return chosen;
}

Replacement SelectNot(Match& m) {
  if (!m.Is(m[0], OpCode::kNot)) return std::nullopt;
  return Make(m, OpCode::kSelect, {m.OperandOf(m[0]), m[2], m[1]});
}

Replacement SelectNested(Match& m) {
  for (int i = 1; i <= 2; ++i) {
    if (!m.Is(m[i], OpCode::kSelect) || !Same(m.OperandOf(m[i], 0), m[0])) continue;
    std::vector<Value> operands = m.operands();
    operands[i] = m.OperandOf(m[i], i);
    return Make(m, OpCode::kSelect, operands);
  }
  return std::nullopt;
}

Replacement SelectBool(Match& m) {
  if (m.type().dtype != DType::kBool || !(m[0].type() == m.type())) return std::nullopt;
  if (IsAllBits(m, m[1], true) && IsAllBits(m, m[2], false)) return m[0];
  if (IsAllBits(m, m[1], false) && IsAllBits(m, m[2], true)) return Make(m, OpCode::kNot, {m[0]});
  return std::nullopt;
}

Replacement CastSame(Match& m) {
  if (m[0].dtype() != m.type().dtype) return std::nullopt;
  return m[0];
}

Replacement CastCast(Match& m) {
  if (!m.Is(m[0], OpCode::kCast)) return std::nullopt;
  const Value x = m.OperandOf(m[0]);
  const DType to = m.type().dtype;
  if (!Holds(m[0].dtype(), x.dtype())) return std::nullopt;
  // A conversion to bool asks whether a number is not zero, which the wider type answers alike.
  if (x.dtype() == to) return x;
  return Make(m, OpCode::kCast, ir::CastAttrs{to}, {x});
}

Replacement BitcastBitcast(Match& m) {
  if (!m.Is(m[0], OpCode::kBitcast)) return std::nullopt;
  const Value x = m.OperandOf(m[0]);
  const DType to = m.type().dtype;
  if (x.dtype() == to) return x;
  return Make(m, OpCode::kBitcast, ir::CastAttrs{to}, {x});
}

}  // namespace tenon::passes::rules
