#include "tenon/ir/kernel/scalar_rules.h"

#include <algorithm>

#include "tenon/ir/check.h"

namespace tenon::kernel {
namespace {

using ir::Combiner;
using ir::DType;
using ir::ScalarOp;

bool IsComputed(DType t) { return t == ir::ComputeType(t); }
bool IsArithmetic(DType t) { return IsComputed(t) && t != DType::kBool; }

enum class Rule { kArithmetic, kOrder, kBits, kShift, kFloat, kComparison, kIsFinite, kOther };

Rule RuleOf(ScalarOp op) {
  switch (op) {
    case ScalarOp::kAdd:
    case ScalarOp::kSub:
    case ScalarOp::kMul:
    case ScalarOp::kDiv:
    case ScalarOp::kRem:
    case ScalarOp::kNeg:
    case ScalarOp::kAbs:
    case ScalarOp::kSign:
    case ScalarOp::kFma:
    case ScalarOp::kFloor:
    case ScalarOp::kCeil:
    case ScalarOp::kRound:
    case ScalarOp::kTrunc:
      return Rule::kArithmetic;
    case ScalarOp::kMax:
    case ScalarOp::kMin:
      return Rule::kOrder;
    case ScalarOp::kAnd:
    case ScalarOp::kOr:
    case ScalarOp::kXor:
    case ScalarOp::kNot:
      return Rule::kBits;
    case ScalarOp::kShl:
    case ScalarOp::kShrLogical:
    case ScalarOp::kShrArithmetic:
      return Rule::kShift;
    case ScalarOp::kSqrt:
    case ScalarOp::kExp:
    case ScalarOp::kExpm1:
    case ScalarOp::kLog:
    case ScalarOp::kLog1p:
    case ScalarOp::kSin:
    case ScalarOp::kCos:
    case ScalarOp::kTanh:
    case ScalarOp::kSigmoid:
    case ScalarOp::kErf:
    case ScalarOp::kRsqrt:
    case ScalarOp::kPow:
      return Rule::kFloat;
    case ScalarOp::kEq:
    case ScalarOp::kNe:
    case ScalarOp::kLt:
    case ScalarOp::kLe:
    case ScalarOp::kGt:
    case ScalarOp::kGe:
      return Rule::kComparison;
    case ScalarOp::kIsFinite:
      return Rule::kIsFinite;
    case ScalarOp::kSelect:
    case ScalarOp::kCast:
    case ScalarOp::kBitcast:
    case ScalarOp::kPhilox:
    case ScalarOp::kDot2:
      return Rule::kOther;
  }
  return Rule::kOther;
}

}  // namespace

bool FitsScalarOp(ScalarOp op, const std::vector<DType>& args, DType result) {
  if (static_cast<int>(args.size()) != ir::ScalarOpArity(op)) return false;
  const DType first = args[0];
  const bool same = std::all_of(args.begin(), args.end(), [&](DType t) { return t == first; });
  switch (RuleOf(op)) {
    case Rule::kArithmetic:
      return same && result == first && IsArithmetic(first);
    case Rule::kOrder:
      return same && result == first && IsComputed(first);
    case Rule::kBits:
      return same && result == first && (ir::IsInteger(first) || first == DType::kBool);
    case Rule::kShift:
      return same && result == first && ir::IsInteger(first);
    case Rule::kFloat:
      return same && result == first && ir::IsFloat(first) && IsComputed(first);
    case Rule::kComparison:
      return same && result == DType::kBool && IsComputed(first);
    case Rule::kIsFinite:
      return result == DType::kBool && IsComputed(first);
    case Rule::kOther:
      break;
  }
  if (op == ScalarOp::kSelect) {
    return first == DType::kBool && args[1] == args[2] && result == args[1];
  }
  if (op == ScalarOp::kBitcast) return ir::ByteSize(first) == ir::ByteSize(result);
  if (op == ScalarOp::kDot2) {
    return first == DType::kI32 && args[1] == first && args[2] == DType::kF32 && result == args[2];
  }
  if (op == ScalarOp::kPhilox) return same && first == DType::kI64 && result == DType::kI32;
  return true;  // a cast
}

bool FitsCombiner(Combiner combiner, DType dtype) {
  switch (combiner) {
    case Combiner::kNone:
      return false;
    case Combiner::kSum:
    case Combiner::kProd:
    case Combiner::kMax:
    case Combiner::kMin:
      return IsArithmetic(dtype);
    case Combiner::kAnd:
    case Combiner::kOr:
      return dtype == DType::kBool || ir::IsInteger(dtype);
  }
  return false;
}

ScalarOp CombineOp(Combiner combiner) {
  switch (combiner) {
    case Combiner::kNone:
      break;
    case Combiner::kSum:
      return ScalarOp::kAdd;
    case Combiner::kProd:
      return ScalarOp::kMul;
    case Combiner::kMax:
      return ScalarOp::kMax;
    case Combiner::kMin:
      return ScalarOp::kMin;
    case Combiner::kAnd:
      return ScalarOp::kAnd;
    case Combiner::kOr:
      return ScalarOp::kOr;
  }
  TENON_CHECK(combiner != Combiner::kNone);
  return ScalarOp::kAdd;
}

}  // namespace tenon::kernel
