#include "tenon/passes/fuse/cost.h"

#include <algorithm>

namespace tenon::fuse {

using ir::ScalarOp;

int ScalarOpCost(ScalarOp op) {
  switch (op) {
    case ScalarOp::kAdd:
    case ScalarOp::kSub:
    case ScalarOp::kMul:
    case ScalarOp::kMax:
    case ScalarOp::kMin:
    case ScalarOp::kNeg:
    case ScalarOp::kAbs:
    case ScalarOp::kSign:
    case ScalarOp::kFma:
    case ScalarOp::kDot2:
    case ScalarOp::kAnd:
    case ScalarOp::kOr:
    case ScalarOp::kXor:
    case ScalarOp::kNot:
    case ScalarOp::kShl:
    case ScalarOp::kShrLogical:
    case ScalarOp::kShrArithmetic:
    case ScalarOp::kFloor:
    case ScalarOp::kCeil:
    case ScalarOp::kRound:
    case ScalarOp::kTrunc:
    case ScalarOp::kEq:
    case ScalarOp::kNe:
    case ScalarOp::kLt:
    case ScalarOp::kLe:
    case ScalarOp::kGt:
    case ScalarOp::kGe:
    case ScalarOp::kIsFinite:
    case ScalarOp::kSelect:
    case ScalarOp::kCast:
      return 1;
    case ScalarOp::kBitcast:
      return 0;
    case ScalarOp::kDiv:
    case ScalarOp::kRem:
    case ScalarOp::kSqrt:
      return 6;
    case ScalarOp::kRsqrt:
    case ScalarOp::kExp:
      return 12;
    case ScalarOp::kExpm1:
    case ScalarOp::kLog:
    case ScalarOp::kLog1p:
    case ScalarOp::kTanh:
    case ScalarOp::kSigmoid:
    case ScalarOp::kErf:
      return 20;
    case ScalarOp::kSin:
    case ScalarOp::kCos:
      return 25;
    case ScalarOp::kPow:
      return 60;
    case ScalarOp::kPhilox:
      return 80;
  }
  return 1;
}

int BodyCost(const ir::ComputeDef& def) {
  int cost = 0;
  for (const ir::ScalarInstr& instr : def.body.instrs) {
    if (instr.kind == ir::ScalarInstr::Kind::kOp) cost += ScalarOpCost(instr.op);
  }
  return cost;
}

double Size(const ir::Dim& dim) {
  return static_cast<double>(std::max<int64_t>(1, dim.UpperBound().value_or(int64_t{1} << 40)));
}

}  // namespace tenon::fuse
