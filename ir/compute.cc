#include "tenon/ir/compute.h"

#include <utility>

#include "tenon/ir/check.h"
#include "tenon/ir/literal.h"

namespace tenon::ir {

absl::string_view ScalarOpName(ScalarOp op) {
  switch (op) {
#define TENON_SCALAR_OP(enumerator, spelling, arity) \
  case ScalarOp::enumerator:                         \
    return spelling;
#include "tenon/ir/scalar_ops.def"
  }
  return "?";
}

int ScalarOpArity(ScalarOp op) {
  switch (op) {
#define TENON_SCALAR_OP(enumerator, spelling, arity) \
  case ScalarOp::enumerator:                         \
    return arity;
#include "tenon/ir/scalar_ops.def"
  }
  return 0;
}

absl::string_view CombinerName(Combiner combiner) {
  switch (combiner) {
    case Combiner::kNone:
      return "none";
    case Combiner::kSum:
      return "sum";
    case Combiner::kProd:
      return "prod";
    case Combiner::kMax:
      return "max";
    case Combiner::kMin:
      return "min";
    case Combiner::kAnd:
      return "and";
    case Combiner::kOr:
      return "or";
  }
  return "?";
}

namespace {

int Append(ScalarBody& body, ScalarInstr instr) {
  body.instrs.push_back(std::move(instr));
  return static_cast<int>(body.instrs.size()) - 1;
}

bool GivesBool(ScalarOp op) {
  return (op >= ScalarOp::kEq && op <= ScalarOp::kGe) || op == ScalarOp::kIsFinite;
}

}  // namespace

int ScalarBody::Access(int access, DType dtype) {
  return Append(*this, {.kind = ScalarInstr::Kind::kAccess, .dtype = dtype, .index = access});
}

int ScalarBody::InBounds(int access) {
  return Append(*this,
                {.kind = ScalarInstr::Kind::kInBounds, .dtype = DType::kBool, .index = access});
}

int ScalarBody::Iterator(int iterator) {
  return Append(*this,
                {.kind = ScalarInstr::Kind::kIterator, .dtype = DType::kI64, .index = iterator});
}

int ScalarBody::Constant(DType dtype, double value) {
  // Integers saturate, so that infinities are the lowest and highest value of any type.
  const Literal literal = Literal::Filled(dtype, {}, value);
  int64_t integer = 0;
  if (dtype == DType::kI64) {
    integer = literal.data<int64_t>()[0];
  } else if (!IsFloat(dtype)) {
    integer = static_cast<int64_t>(literal.GetAsDouble(0));
    value = static_cast<double>(integer);
  }
  return Append(*this, {.kind = ScalarInstr::Kind::kConstant,
                        .dtype = dtype,
                        .constant = value,
                        .integer = integer});
}

int ScalarBody::ConstantI64(int64_t value) {
  return Append(*this, {.kind = ScalarInstr::Kind::kConstant,
                        .dtype = DType::kI64,
                        .constant = static_cast<double>(value),
                        .integer = value});
}

int ScalarBody::Op(ScalarOp op, std::vector<int> args) {
  TENON_CHECK(static_cast<int>(args.size()) == ScalarOpArity(op));
  TENON_CHECK(op != ScalarOp::kCast && op != ScalarOp::kBitcast);
  DType dtype = instrs[args.back()].dtype;
  if (GivesBool(op)) dtype = DType::kBool;
  if (op == ScalarOp::kPhilox) dtype = DType::kI32;
  ScalarInstr instr{.kind = ScalarInstr::Kind::kOp, .dtype = dtype, .op = op};
  for (size_t i = 0; i < args.size(); ++i) instr.args[i] = args[i];
  return Append(*this, instr);
}

int ScalarBody::Cast(DType dtype, int arg) {
  return Append(*this, {.kind = ScalarInstr::Kind::kOp,
                        .dtype = dtype,
                        .op = ScalarOp::kCast,
                        .args = {arg, -1, -1}});
}

int ScalarBody::Bitcast(DType dtype, int arg) {
  return Append(*this, {.kind = ScalarInstr::Kind::kOp,
                        .dtype = dtype,
                        .op = ScalarOp::kBitcast,
                        .args = {arg, -1, -1}});
}

}  // namespace tenon::ir
