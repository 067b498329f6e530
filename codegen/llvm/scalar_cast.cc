// ScalarEmitter's conversions: the bits of ir/dtype.h, by instructions where those give the same.
#include <llvm/IR/Constants.h>
#include <llvm/IR/DerivedTypes.h>
#include <llvm/IR/Intrinsics.h>

#include "tenon/codegen/llvm/scalar_emitter.h"
#include "tenon/ir/check.h"

namespace tenon::codegen {

using ir::DType;
using llvm::Value;

Value* ScalarEmitter::WidenBF16(Value* bits) {
  Value* word = b_.CreateZExt(bits, Like(bits, DType::kI32));
  return b_.CreateBitCast(b_.CreateShl(word, Int(word, 16)), Like(bits, DType::kF32));
}

// By integer arithmetic on every target: x86's instruction flushes subnormals.
Value* ScalarEmitter::NarrowBF16(Value* v) {
  Value* bits = b_.CreateBitCast(v, Like(v, DType::kI32));
  Value* top = b_.CreateLShr(bits, Int(bits, 16));
  Value* odd = b_.CreateAnd(top, Int(bits, 1));
  Value* rounded =
      b_.CreateLShr(b_.CreateAdd(b_.CreateAdd(bits, Int(bits, 0x7fff)), odd), Int(bits, 16));
  Value* quiet = b_.CreateOr(top, Int(bits, 0x40));
  Value* result = b_.CreateSelect(b_.CreateFCmpUNO(v, v), quiet, rounded);
  return b_.CreateTrunc(result, Like(v, DType::kBF16));
}

namespace {

llvm::Type* HalfLike(Value* v) {
  return v->getType()->getWithNewType(llvm::Type::getHalfTy(v->getContext()));
}

}  // namespace

Value* ScalarEmitter::WidenF16(Value* bits) {
  if (target_.converts_f16) {
    return b_.CreateFPExt(b_.CreateBitCast(bits, HalfLike(bits)), Like(bits, DType::kF32));
  }
  llvm::Type* f32 = Like(bits, DType::kF32);
  Value* word = b_.CreateZExt(bits, Like(bits, DType::kI32));
  Value* sign = b_.CreateShl(b_.CreateAnd(word, Int(word, 0x8000)), Int(word, 16));
  Value* magnitude = b_.CreateAnd(word, Int(word, 0x7fff));
  // Normal numbers: shift into place and move the exponent's bias by 112.
  Value* shifted = b_.CreateShl(magnitude, Int(word, 13));
  Value* normal = b_.CreateAdd(shifted, Int(word, 112u << 23));
  // Infinity and NaN: all exponent bits, and the quiet bit for NaN.
  Value* special = b_.CreateOr(shifted, Int(word, 0x7f800000));
  Value* is_nan = b_.CreateICmpUGT(magnitude, Int(word, 0x7c00));
  special = b_.CreateSelect(is_nan, b_.CreateOr(special, Int(word, 0x400000)), special);
  // Subnormal numbers: an exact product.
  Value* small = b_.CreateSIToFP(magnitude, f32);
  small = b_.CreateBitCast(b_.CreateFMul(small, Float(small, 0x1p-24)), word->getType());
  Value* result = b_.CreateSelect(b_.CreateICmpULT(magnitude, Int(word, 0x400)), small, normal);
  result = b_.CreateSelect(b_.CreateICmpUGE(magnitude, Int(word, 0x7c00)), special, result);
  return b_.CreateBitCast(b_.CreateOr(result, sign), f32);
}

Value* ScalarEmitter::NarrowF16(Value* v) {
  llvm::Type* i16 = Like(v, DType::kF16);
  if (target_.converts_f16) {
    return b_.CreateBitCast(b_.CreateFPTrunc(v, HalfLike(v)), i16);
  }
  Value* bits = b_.CreateBitCast(v, Like(v, DType::kI32));
  Value* sign = b_.CreateAnd(b_.CreateLShr(bits, Int(bits, 16)), Int(bits, 0x8000));
  Value* magnitude = b_.CreateAnd(bits, Int(bits, 0x7fffffff));
  Value* shifted = b_.CreateLShr(magnitude, Int(bits, 13));
  Value* odd = b_.CreateAnd(shifted, Int(bits, 1));
  Value* rounded = b_.CreateAdd(b_.CreateAdd(magnitude, Int(bits, 0xfff)), odd);
  Value* result = b_.CreateLShr(b_.CreateSub(rounded, Int(bits, 0x38000000)), Int(bits, 13));
  // Subnormal in f16: adding 0.5 aligns the mantissa and rounds in hardware.
  Value* aligned = b_.CreateBitCast(magnitude, v->getType());
  aligned = b_.CreateBitCast(b_.CreateFAdd(aligned, Float(aligned, 0.5)), bits->getType());
  Value* small = b_.CreateSub(aligned, Int(bits, 0x3f000000));
  result = b_.CreateSelect(b_.CreateICmpULT(magnitude, Int(bits, 0x38800000)), small, result);
  result = b_.CreateSelect(b_.CreateICmpUGE(magnitude, Int(bits, 0x477ff000)), Int(bits, 0x7c00),
                           result);
  Value* nan = b_.CreateOr(b_.CreateAnd(shifted, Int(bits, 0x1ff)), Int(bits, 0x7e00));
  result = b_.CreateSelect(b_.CreateICmpUGT(magnitude, Int(bits, 0x7f800000)), nan, result);
  return b_.CreateTrunc(b_.CreateOr(result, sign), i16);
}

Value* ScalarEmitter::Cast(DType from, DType to, Value* v) {
  if (from == to) return v;
  // The 16-bit formats go through f32.
  if (from == DType::kBF16) return Cast(DType::kF32, to, WidenBF16(v));
  if (from == DType::kF16) return Cast(DType::kF32, to, WidenF16(v));
  if (to == DType::kBF16) return NarrowBF16(Cast(from, DType::kF32, v));
  if (to == DType::kF16) return NarrowF16(Cast(from, DType::kF32, v));

  llvm::Type* type = Like(v, to);
  if (to == DType::kBool) {
    return ir::IsFloat(from) ? b_.CreateFCmpUNE(v, Float(v, 0.0)) : b_.CreateICmpNE(v, Int(v, 0));
  }
  const bool is_signed = ir::IsSigned(from);
  if (ir::IsFloat(from)) {
    if (ir::IsFloat(to)) return b_.CreateFPCast(v, type);
    // Truncates, saturates, and gives 0 for NaN.
    return b_.CreateIntrinsic(
        ir::IsSigned(to) ? llvm::Intrinsic::fptosi_sat : llvm::Intrinsic::fptoui_sat,
        {type, v->getType()}, {v});
  }
  if (ir::IsFloat(to)) return is_signed ? b_.CreateSIToFP(v, type) : b_.CreateUIToFP(v, type);
  return b_.CreateIntCast(v, type, is_signed);
}

Value* ScalarEmitter::Bitcast(DType from, DType to, Value* v) {
  if (from == to) return v;
  if (to == DType::kBool) return b_.CreateICmpNE(v, Int(v, 0));
  if (from == DType::kBool) return b_.CreateZExt(v, Like(v, to));
  TENON_CHECK(ir::ByteSize(from) == ir::ByteSize(to));
  return b_.CreateBitCast(v, Like(v, to));
}

}  // namespace tenon::codegen
