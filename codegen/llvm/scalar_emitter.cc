#include "tenon/codegen/llvm/scalar_emitter.h"

#include <llvm/IR/Constants.h>
#include <llvm/IR/DerivedTypes.h>
#include <llvm/IR/Intrinsics.h>
#include <llvm/IR/IntrinsicsX86.h>

#include "tenon/ir/check.h"

namespace tenon::codegen {

using ir::DType;
using ir::ScalarOp;
using llvm::Value;

llvm::Type* RegisterType(llvm::LLVMContext& context, DType dtype, int lanes) {
  llvm::Type* element = nullptr;
  switch (dtype) {
    case DType::kF32:
      element = llvm::Type::getFloatTy(context);
      break;
    case DType::kF64:
      element = llvm::Type::getDoubleTy(context);
      break;
    case DType::kBF16:
    case DType::kF16:
      element = llvm::Type::getInt16Ty(context);
      break;
    case DType::kI8:
    case DType::kU8:
      element = llvm::Type::getInt8Ty(context);
      break;
    case DType::kI32:
      element = llvm::Type::getInt32Ty(context);
      break;
    case DType::kI64:
      element = llvm::Type::getInt64Ty(context);
      break;
    case DType::kBool:
      element = llvm::Type::getInt1Ty(context);
      break;
  }
  return lanes == 1 ? element : llvm::FixedVectorType::get(element, lanes);
}

llvm::Type* MemoryType(llvm::LLVMContext& context, DType dtype) {
  if (dtype == DType::kBool) return llvm::Type::getInt8Ty(context);
  return RegisterType(context, dtype, 1);
}

llvm::Type* ScalarEmitter::Like(Value* like, DType dtype) {
  const auto* vector = llvm::dyn_cast<llvm::FixedVectorType>(like->getType());
  return RegisterType(b_.getContext(), dtype,
                      vector == nullptr ? 1 : static_cast<int>(vector->getNumElements()));
}

llvm::Constant* ScalarEmitter::Int(Value* like, uint64_t value) {
  llvm::Type* type = like->getType();
  const unsigned bits = type->getScalarSizeInBits();
  return llvm::ConstantInt::get(type, llvm::APInt(64, value).zextOrTrunc(bits));
}

llvm::Constant* ScalarEmitter::Float(Value* like, double value) {
  return llvm::ConstantFP::get(like->getType(), value);
}

Value* ScalarEmitter::Emit(ScalarOp op, DType operand, DType result, llvm::ArrayRef<Value*> args) {
  switch (op) {
    case ScalarOp::kAdd:
    case ScalarOp::kSub:
    case ScalarOp::kMul:
    case ScalarOp::kDiv:
    case ScalarOp::kRem:
    case ScalarOp::kMax:
    case ScalarOp::kMin:
    case ScalarOp::kNeg:
    case ScalarOp::kAbs:
    case ScalarOp::kSign:
    case ScalarOp::kFma:
      return Arithmetic(op, operand, args);
    case ScalarOp::kAnd:
    case ScalarOp::kOr:
    case ScalarOp::kXor:
    case ScalarOp::kNot:
    case ScalarOp::kShl:
    case ScalarOp::kShrLogical:
    case ScalarOp::kShrArithmetic:
      return Bits(op, operand, args);
    case ScalarOp::kFloor:
    case ScalarOp::kCeil:
    case ScalarOp::kRound:
    case ScalarOp::kTrunc:
      return ir::IsFloat(operand) ? Round(op, args[0]) : args[0];
    case ScalarOp::kSqrt:
      return Sqrt(args[0]);
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
      return Transcendental(op, operand, args);
    case ScalarOp::kEq:
    case ScalarOp::kNe:
    case ScalarOp::kLt:
    case ScalarOp::kLe:
    case ScalarOp::kGt:
    case ScalarOp::kGe:
      return Compare(op, operand, args[0], args[1]);
    case ScalarOp::kIsFinite: {
      if (!ir::IsFloat(operand)) return llvm::ConstantInt::get(Like(args[0], DType::kBool), 1);
      Value* magnitude = b_.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, args[0]);
      return b_.CreateFCmpONE(magnitude, llvm::ConstantFP::getInfinity(args[0]->getType()));
    }
    case ScalarOp::kSelect:
      return b_.CreateSelect(args[0], args[1], args[2]);
    case ScalarOp::kCast:
      return Cast(operand, result, args[0]);
    case ScalarOp::kBitcast:
      return Bitcast(operand, result, args[0]);
    case ScalarOp::kPhilox:
      return Philox(args[0], args[1], args[2]);
    case ScalarOp::kDot2:
      return Dot2(args[0], args[1], args[2]);
  }
  TENON_CHECK(false);
}

Value* ScalarEmitter::Arithmetic(ScalarOp op, DType dtype, llvm::ArrayRef<Value*> args) {
  const bool real = ir::IsFloat(dtype);
  Value* a = args[0];
  Value* b = args.size() > 1 ? args[1] : nullptr;
  switch (op) {
    case ScalarOp::kAdd:
      return real ? b_.CreateFAdd(a, b) : b_.CreateAdd(a, b);
    case ScalarOp::kSub:
      return real ? b_.CreateFSub(a, b) : b_.CreateSub(a, b);
    case ScalarOp::kMul:
      return real ? b_.CreateFMul(a, b) : b_.CreateMul(a, b);
    case ScalarOp::kDiv:
      return real ? b_.CreateFDiv(a, b) : Divide(/*remainder=*/false, dtype, a, b);
    case ScalarOp::kRem:
      return real ? Remainder(a, b) : Divide(/*remainder=*/true, dtype, a, b);
    case ScalarOp::kMax:
      return MaxMin(/*max=*/true, dtype, a, b);
    case ScalarOp::kMin:
      return MaxMin(/*max=*/false, dtype, a, b);
    case ScalarOp::kNeg:
      return real ? b_.CreateFNeg(a) : b_.CreateNeg(a);
    case ScalarOp::kAbs:
      if (real) return b_.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, a);
      if (!ir::IsSigned(dtype)) return a;
      return b_.CreateBinaryIntrinsic(llvm::Intrinsic::abs, a, b_.getFalse());
    case ScalarOp::kSign:
      return Sign(dtype, a);
    case ScalarOp::kFma:
      if (real) return Fma(a, b, args[2]);
      return b_.CreateAdd(b_.CreateMul(a, b), args[2]);
    default:
      TENON_CHECK(false);
  }
}

Value* ScalarEmitter::Fma(Value* a, Value* b, Value* c) {
  if (!use_fma_) return b_.CreateFAdd(b_.CreateFMul(a, b), c);
  return b_.CreateIntrinsic(llvm::Intrinsic::fma, {a->getType()}, {a, b, c});
}

// The divisor is replaced where hardware would trap: by zero the quotient is 0 and the remainder
// the dividend; the most negative number over -1 wraps, which dividing by 1 gives as well.
Value* ScalarEmitter::Divide(bool remainder, DType dtype, Value* a, Value* b) {
  const bool is_signed = ir::IsSigned(dtype);
  const auto divide = [&](Value* divisor) {
    if (remainder) return is_signed ? b_.CreateSRem(a, divisor) : b_.CreateURem(a, divisor);
    return is_signed ? b_.CreateSDiv(a, divisor) : b_.CreateUDiv(a, divisor);
  };
  if (const auto* constant = llvm::dyn_cast<llvm::Constant>(b)) {
    const auto* splat = llvm::dyn_cast_or_null<llvm::ConstantInt>(
        constant->getType()->isVectorTy() ? constant->getSplatValue() : constant);
    if (splat != nullptr && !splat->isZero() && !splat->isMinusOne()) return divide(b);
  }
  Value* is_zero = b_.CreateICmpEQ(b, Int(b, 0));
  Value* traps = is_zero;
  if (is_signed) {
    const unsigned bits = a->getType()->getScalarSizeInBits();
    Value* overflow = b_.CreateAnd(
        b_.CreateICmpEQ(a,
                        llvm::ConstantInt::get(a->getType(), llvm::APInt::getSignedMinValue(bits))),
        b_.CreateICmpEQ(b, llvm::Constant::getAllOnesValue(b->getType())));
    traps = b_.CreateOr(is_zero, overflow);
  }
  Value* quotient = divide(b_.CreateSelect(traps, Int(b, 1), b));
  return b_.CreateSelect(is_zero, remainder ? a : Int(a, 0), quotient);
}

namespace {

// Whether `v` is a constant, the same in every lane, that is not NaN.
bool IsConstantNumber(Value* v) {
  const auto* constant = llvm::dyn_cast<llvm::Constant>(v);
  if (constant == nullptr) return false;
  if (constant->getType()->isVectorTy()) constant = constant->getSplatValue();
  const auto* number = llvm::dyn_cast_or_null<llvm::ConstantFP>(constant);
  return number != nullptr && !number->isNaN();
}

}  // namespace

Value* ScalarEmitter::MaxMin(bool max, DType dtype, Value* a, Value* b) {
  if (dtype == DType::kBool) return max ? b_.CreateOr(a, b) : b_.CreateAnd(a, b);
  if (!ir::IsFloat(dtype)) {
    const bool is_signed = ir::IsSigned(dtype);
    const auto id = max ? (is_signed ? llvm::Intrinsic::smax : llvm::Intrinsic::umax)
                        : (is_signed ? llvm::Intrinsic::smin : llvm::Intrinsic::umin);
    return b_.CreateBinaryIntrinsic(id, a, b);
  }
  // With a number on the left an ordered comparison does: false for a NaN on the right, which is
  // then taken. That is one instruction on x86.
  if (IsConstantNumber(a)) return MaxMinOfNumbers(max, a, b);
  if (IsConstantNumber(b)) {
    return b_.CreateSelect(max ? b_.CreateFCmpUGT(a, b) : b_.CreateFCmpULT(a, b), a, b);
  }
  return b_.CreateSelect(b_.CreateFCmpUNO(a, a), a, MaxMinOfNumbers(max, a, b));
}

Value* ScalarEmitter::MaxMinOfNumbers(bool max, Value* a, Value* b) {
  return b_.CreateSelect(max ? b_.CreateFCmpOGT(a, b) : b_.CreateFCmpOLT(a, b), a, b);
}

Value* ScalarEmitter::Sign(DType dtype, Value* v) {
  if (dtype == DType::kBool) return v;
  if (!ir::IsFloat(dtype)) {
    if (!ir::IsSigned(dtype)) {
      return b_.CreateBinaryIntrinsic(llvm::Intrinsic::umin, v, Int(v, 1));
    }
    Value* at_most_one = b_.CreateBinaryIntrinsic(llvm::Intrinsic::smin, v, Int(v, 1));
    return b_.CreateBinaryIntrinsic(llvm::Intrinsic::smax, at_most_one,
                                    llvm::Constant::getAllOnesValue(v->getType()));
  }
  Value* negative = b_.CreateSelect(b_.CreateFCmpOLT(v, Float(v, 0.0)), Float(v, -1.0), v);
  return b_.CreateSelect(b_.CreateFCmpOGT(v, Float(v, 0.0)), Float(v, 1.0), negative);
}

Value* ScalarEmitter::Bits(ScalarOp op, DType dtype, llvm::ArrayRef<Value*> args) {
  Value* a = args[0];
  const auto count = [&] {  // modulo the width
    return b_.CreateAnd(args[1], Int(args[1], a->getType()->getScalarSizeInBits() - 1));
  };
  switch (op) {
    case ScalarOp::kAnd:
      return b_.CreateAnd(a, args[1]);
    case ScalarOp::kOr:
      return b_.CreateOr(a, args[1]);
    case ScalarOp::kXor:
      return b_.CreateXor(a, args[1]);
    case ScalarOp::kNot:
      return b_.CreateNot(a);
    case ScalarOp::kShl:
      return b_.CreateShl(a, count());
    case ScalarOp::kShrLogical:
      return b_.CreateLShr(a, count());
    case ScalarOp::kShrArithmetic:
      // Of u8 the sign bit is the top bit all the same: the op names the shift, not the type.
      (void)dtype;
      return b_.CreateAShr(a, count());
    default:
      TENON_CHECK(false);
  }
}

Value* ScalarEmitter::Compare(ScalarOp op, DType dtype, Value* a, Value* b) {
  using Predicate = llvm::CmpInst::Predicate;
  const bool real = ir::IsFloat(dtype);
  const bool is_signed = ir::IsSigned(dtype);
  const auto pick = [&](Predicate f, Predicate s, Predicate u) {
    return b_.CreateCmp(real ? f : is_signed ? s : u, a, b);
  };
  switch (op) {
    case ScalarOp::kEq:
      return pick(Predicate::FCMP_OEQ, Predicate::ICMP_EQ, Predicate::ICMP_EQ);
    case ScalarOp::kNe:
      return pick(Predicate::FCMP_UNE, Predicate::ICMP_NE, Predicate::ICMP_NE);
    case ScalarOp::kLt:
      return pick(Predicate::FCMP_OLT, Predicate::ICMP_SLT, Predicate::ICMP_ULT);
    case ScalarOp::kLe:
      return pick(Predicate::FCMP_OLE, Predicate::ICMP_SLE, Predicate::ICMP_ULE);
    case ScalarOp::kGt:
      return pick(Predicate::FCMP_OGT, Predicate::ICMP_SGT, Predicate::ICMP_UGT);
    case ScalarOp::kGe:
      return pick(Predicate::FCMP_OGE, Predicate::ICMP_SGE, Predicate::ICMP_UGE);
    default:
      TENON_CHECK(false);
  }
}

// Zero, with its sign, in place of denormals.
Value* ScalarEmitter::FlushDenormals(Value* v) {
  Value* magnitude = b_.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, v);
  Value* zero = b_.CreateBinaryIntrinsic(llvm::Intrinsic::copysign, Float(v, 0), v);
  return b_.CreateSelect(b_.CreateFCmpOLT(magnitude, Float(v, 0x1p-126)), zero, v);
}

// What is below the normal numbers before it is rounded to a denormal is flushed.
Value* ScalarEmitter::AddBf16Product(Value* a, Value* b, bool high, Value* sum) {
  const auto half = [&](Value* pair) {
    Value* bits =
        high ? b_.CreateAnd(pair, Int(pair, 0xffff0000)) : b_.CreateShl(pair, Int(pair, 16));
    return FlushDenormals(Bitcast(DType::kI32, DType::kF32, bits));
  };
  Value *x = half(a), *y = half(b);
  Value* result = Fma(x, y, sum);
  Value* scale = Float(x, 0x1p64);
  Value* scaled = Fma(b_.CreateFMul(x, scale), y, b_.CreateFMul(sum, scale));
  const auto fabs = [&](Value* v) { return b_.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, v); };
  Value* below = b_.CreateAnd(b_.CreateFCmpOEQ(fabs(result), Float(x, 0x1p-126)),
                              b_.CreateFCmpOLT(fabs(scaled), Float(x, 0x1p-62)));
  Value* zero = b_.CreateBinaryIntrinsic(llvm::Intrinsic::copysign, Float(x, 0), result);
  return b_.CreateSelect(below, zero, FlushDenormals(result));
}

Value* ScalarEmitter::Dot2(Value* a, Value* b, Value* c) {
  if (target_.bf16_dot) return Dot2InHardware(a, b, c);
  return AddBf16Product(a, b, false, AddBf16Product(a, b, true, FlushDenormals(c)));
}

Value* ScalarEmitter::Dot2InHardware(Value* a, Value* b, Value* c) {
  const auto* vector = llvm::dyn_cast<llvm::FixedVectorType>(c->getType());
  const int lanes = vector == nullptr ? 1 : static_cast<int>(vector->getNumElements());
  if (lanes < 4) {  // in the low lanes of the smallest vector
    const auto widen = [&](Value* v) -> Value* {
      llvm::Type* type = llvm::FixedVectorType::get(v->getType()->getScalarType(), 4);
      Value* wide = llvm::Constant::getNullValue(type);
      for (int i = 0; i < lanes; ++i) {
        Value* lane = vector == nullptr ? v : b_.CreateExtractElement(v, b_.getInt64(i));
        wide = b_.CreateInsertElement(wide, lane, b_.getInt64(i));
      }
      return wide;
    };
    Value* wide = Dot2InHardware(widen(a), widen(b), widen(c));
    if (lanes == 1) return b_.CreateExtractElement(wide, b_.getInt64(0));
    return b_.CreateShuffleVector(wide, llvm::ArrayRef<int>{0, 1});
  }
  const llvm::Intrinsic::ID intrinsic = lanes == 16  ? llvm::Intrinsic::x86_avx512bf16_dpbf16ps_512
                                        : lanes == 8 ? llvm::Intrinsic::x86_avx512bf16_dpbf16ps_256
                                                     : llvm::Intrinsic::x86_avx512bf16_dpbf16ps_128;
  llvm::Type* pairs = llvm::FixedVectorType::get(b_.getBFloatTy(), 2 * lanes);
  return b_.CreateIntrinsic(intrinsic, {c, b_.CreateBitCast(a, pairs), b_.CreateBitCast(b, pairs)});
}

Value* ScalarEmitter::Combine(ir::Combiner combiner, DType dtype, Value* a, Value* b) {
  switch (combiner) {
    case ir::Combiner::kNone:
      return b;
    case ir::Combiner::kSum:
      return Arithmetic(ScalarOp::kAdd, dtype, {a, b});
    case ir::Combiner::kProd:
      return Arithmetic(ScalarOp::kMul, dtype, {a, b});
    case ir::Combiner::kMax:
      return MaxMin(/*max=*/true, dtype, a, b);
    case ir::Combiner::kMin:
      return MaxMin(/*max=*/false, dtype, a, b);
    case ir::Combiner::kAnd:
      return b_.CreateAnd(a, b);
    case ir::Combiner::kOr:
      return b_.CreateOr(a, b);
  }
  TENON_CHECK(false);
}

// Adding 2^(mantissa bits) to a magnitude below it rounds to nearest even in hardware; the others
// correct that by one. Larger magnitudes and NaN are whole already.
Value* ScalarEmitter::Round(ScalarOp op, Value* v) {
  const auto intrinsic = [&](llvm::Intrinsic::ID id) { return b_.CreateUnaryIntrinsic(id, v); };
  if (target_.rounds_in_hardware) {
    if (op == ScalarOp::kFloor) return intrinsic(llvm::Intrinsic::floor);
    if (op == ScalarOp::kCeil) return intrinsic(llvm::Intrinsic::ceil);
    if (op == ScalarOp::kTrunc) return intrinsic(llvm::Intrinsic::trunc);
    return intrinsic(llvm::Intrinsic::roundeven);
  }
  const bool is_double = v->getType()->getScalarSizeInBits() == 64;
  Value* magic = Float(v, is_double ? 0x1p52 : 0x1p23);
  Value* magnitude = intrinsic(llvm::Intrinsic::fabs);
  Value* nearest = b_.CreateFSub(b_.CreateFAdd(magnitude, magic), magic);
  const auto with_sign = [&](Value* rounded) {
    return b_.CreateBinaryIntrinsic(llvm::Intrinsic::copysign, rounded, v);
  };
  Value* result = nullptr;
  if (op == ScalarOp::kTrunc) {
    Value* less = b_.CreateFSub(nearest, Float(v, 1.0));
    result = with_sign(b_.CreateSelect(b_.CreateFCmpOGT(nearest, magnitude), less, nearest));
  } else {
    result = with_sign(nearest);
    if (op == ScalarOp::kFloor) {
      Value* less = b_.CreateFSub(result, Float(v, 1.0));
      result = b_.CreateSelect(b_.CreateFCmpOGT(result, v), less, result);
    } else if (op == ScalarOp::kCeil) {
      Value* more = with_sign(b_.CreateFAdd(result, Float(v, 1.0)));
      result = b_.CreateSelect(b_.CreateFCmpOLT(result, v), more, result);
    }
  }
  return b_.CreateSelect(b_.CreateFCmpOLT(magnitude, magic), result, v);
}

}  // namespace tenon::codegen
