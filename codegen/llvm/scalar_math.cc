// ScalarEmitter's transcendental functions: the templates of ir/math.h over LLVM's builder, so that
// native code and the interpreters give the same bits. And the remainder of floats.
#include <llvm/IR/Constants.h>
#include <llvm/IR/DerivedTypes.h>
#include <llvm/IR/GlobalVariable.h>
#include <llvm/IR/Intrinsics.h>
#include <llvm/IR/IntrinsicsX86.h>

#include "tenon/codegen/llvm/kernel_emitter.h"
#include "tenon/codegen/llvm/scalar_emitter.h"
#include "tenon/ir/check.h"
#include "tenon/ir/math.h"

namespace tenon::codegen {

using ir::DType;
using llvm::BasicBlock;
using llvm::Value;

namespace {

// The arithmetic of ir/math.h as LLVM instructions; all values have the lanes of the function's
// argument.
template <int kWidth>
class LlvmPolicy {
 public:
  static constexpr int kBits = kWidth;
  using F = Value*;
  using I = Value*;
  using B = Value*;

  LlvmPolicy(ScalarEmitter& emitter, llvm::Type* float_type)
      : emitter_(emitter),
        b_(emitter.builder()),
        float_(float_type),
        int_(float_type->getWithNewType(b_.getIntNTy(kWidth))) {}

  bool fused() const { return emitter_.use_fma(); }
  F Const(double value) { return llvm::ConstantFP::get(float_, value); }
  I Int(int64_t value) {
    const llvm::APInt bits(64, static_cast<uint64_t>(value));
    return llvm::ConstantInt::get(int_, bits.zextOrTrunc(kWidth));
  }
  F Add(F a, F b) { return b_.CreateFAdd(a, b); }
  F Sub(F a, F b) { return b_.CreateFSub(a, b); }
  F Mul(F a, F b) { return b_.CreateFMul(a, b); }
  F Div(F a, F b) { return b_.CreateFDiv(a, b); }
  F Fma(F a, F b, F c) { return emitter_.Fma(a, b, c); }
  F Sqrt(F a) { return emitter_.Sqrt(a); }
  B Lt(F a, F b) { return b_.CreateFCmpOLT(a, b); }
  B Le(F a, F b) { return b_.CreateFCmpOLE(a, b); }
  B Eq(F a, F b) { return b_.CreateFCmpOEQ(a, b); }
  F Select(B c, F a, F b) { return b_.CreateSelect(c, a, b); }
  I SelectInt(B c, I a, I b) { return b_.CreateSelect(c, a, b); }
  B And(B a, B b) { return b_.CreateAnd(a, b); }
  I Bits(F a) { return b_.CreateBitCast(a, int_); }
  F FromBits(I a) { return b_.CreateBitCast(a, float_); }
  I IntAdd(I a, I b) { return b_.CreateAdd(a, b); }
  I IntSub(I a, I b) { return b_.CreateSub(a, b); }
  I IntMul(I a, I b) { return b_.CreateMul(a, b); }
  I IntAnd(I a, I b) { return b_.CreateAnd(a, b); }
  I IntOr(I a, I b) { return b_.CreateOr(a, b); }
  I IntXor(I a, I b) { return b_.CreateXor(a, b); }
  I Shl(I a, int count) { return b_.CreateShl(a, Int(count)); }
  I ShrLogical(I a, int count) { return b_.CreateLShr(a, Int(count)); }
  I ShrArithmetic(I a, int count) { return b_.CreateAShr(a, Int(count)); }
  I ShlBy(I a, I count) { return b_.CreateShl(a, count); }
  I ShrBy(I a, I count) { return b_.CreateLShr(a, count); }
  B IntEq(I a, I b) { return b_.CreateICmpEQ(a, b); }
  B IntLess(I a, I b) { return b_.CreateICmpULT(a, b); }
  F FromInt(I a) { return b_.CreateSIToFP(a, float_); }

  // x86 scales in one instruction, whole vectors.
  bool scales_by_any() const {
    const auto* vector = llvm::dyn_cast<llvm::FixedVectorType>(float_);
    return emitter_.target().scales_in_hardware && kWidth == 32 && vector != nullptr &&
           vector->getNumElements() == 16;
  }
  F Scale(F x, F k, I n) {
    if (!scales_by_any()) return math::ScaleInTwoSteps(*this, x, n);
    return b_.CreateIntrinsic(
        llvm::Intrinsic::x86_avx512_mask_scalef_ps_512, {},
        {x, k, llvm::PoisonValue::get(float_), b_.getInt16(-1), b_.getInt32(kRoundAsSet)});
  }
  F Held(F x, double bound) {
    constexpr int kSmallerMagnitude = 2;  // with the sign of x; the other one where x is NaN
    return b_.CreateIntrinsic(
        llvm::Intrinsic::x86_avx512_mask_range_ps_512, {},
        {x, Const(bound), b_.getInt32(kSmallerMagnitude), llvm::PoisonValue::get(float_),
         b_.getInt16(-1), b_.getInt32(kRoundAsSet)});
  }

  // One permutation where a register, or two, hold the table; else one load a lane.
  F Lookup(const float (&table)[16], I index) {
    const auto* vector = llvm::dyn_cast<llvm::FixedVectorType>(int_);
    const int lanes = vector == nullptr ? 1 : static_cast<int>(vector->getNumElements());
    const int register_lanes = emitter_.target().desc.vector_bits / 32;
    if (!emitter_.target().x86 || register_lanes < 8 || lanes == 1 || lanes > register_lanes) {
      return LookupByLanes(table, index, lanes);
    }
    const auto part = [&](int first, int count) {
      return llvm::ConstantDataVector::get(b_.getContext(), llvm::ArrayRef(table + first, count));
    };
    Value* wide = Resized(index, register_lanes);
    Value* found;
    if (register_lanes == 16) {
      found =
          b_.CreateIntrinsic(llvm::Intrinsic::x86_avx512_permvar_sf_512, {}, {part(0, 16), wide});
    } else {
      Value* low = b_.CreateIntrinsic(llvm::Intrinsic::x86_avx2_permps, {}, {part(0, 8), wide});
      Value* high = b_.CreateIntrinsic(llvm::Intrinsic::x86_avx2_permps, {}, {part(8, 8), wide});
      Value* bit = b_.CreateAnd(wide, llvm::ConstantInt::get(wide->getType(), 8));
      Value* is_low = b_.CreateICmpEQ(bit, llvm::Constant::getNullValue(wide->getType()));
      found = b_.CreateSelect(is_low, low, high);
    }
    return Resized(found, lanes);
  }

  // A branch around what is slow, taken when any lane needs it.
  template <typename Slow>
  math::Reduced<LlvmPolicy> Rarely(B rare, const math::Reduced<LlvmPolicy>& usual, Slow slow) {
    BasicBlock* before = b_.GetInsertBlock();
    llvm::Function* function = before->getParent();
    BasicBlock* body = BasicBlock::Create(b_.getContext(), "rare", function);
    BasicBlock* end = BasicBlock::Create(b_.getContext(), "usual", function);
    b_.CreateCondBr(rare->getType()->isVectorTy() ? b_.CreateOrReduce(rare) : rare, body, end);
    b_.SetInsertPoint(body);
    const math::Reduced<LlvmPolicy> found = slow();
    const math::Reduced<LlvmPolicy> chosen = {Select(rare, found.r, usual.r),
                                              Select(rare, found.tail, usual.tail),
                                              Select(rare, found.quadrant, usual.quadrant)};
    BasicBlock* body_end = b_.GetInsertBlock();
    b_.CreateBr(end);
    b_.SetInsertPoint(end);
    const auto merge = [&](Value* a, Value* b) {
      llvm::PHINode* phi = b_.CreatePHI(a->getType(), 2);
      phi->addIncoming(a, before);
      phi->addIncoming(b, body_end);
      return phi;
    };
    return {merge(usual.r, chosen.r), merge(usual.tail, chosen.tail),
            merge(usual.quadrant, chosen.quadrant)};
  }

 private:
  static constexpr int kRoundAsSet = 4;  // in the current rounding direction

  // The first lanes of `v`, or `v` and lanes of any value.
  Value* Resized(Value* v, int lanes) {
    llvm::SmallVector<int, 16> from;
    const int have =
        static_cast<int>(llvm::cast<llvm::FixedVectorType>(v->getType())->getNumElements());
    if (have == lanes) return v;
    for (int lane = 0; lane < lanes; ++lane) from.push_back(lane < have ? lane : -1);
    return b_.CreateShuffleVector(v, from);
  }

  F LookupByLanes(const float (&table)[16], I index, int lanes) {
    llvm::GlobalVariable* memory = TableInMemory(table);
    Value* places = b_.CreateAnd(index, Int(15));
    const auto element = [&](Value* place) {
      Value* pointer = b_.CreateGEP(b_.getFloatTy(), memory, b_.CreateZExt(place, b_.getInt64Ty()));
      return b_.CreateAlignedLoad(b_.getFloatTy(), pointer, llvm::Align(4));
    };
    if (lanes == 1 && !float_->isVectorTy()) return element(places);
    Value* found = llvm::PoisonValue::get(float_);
    for (int lane = 0; lane < lanes; ++lane) {
      Value* place = b_.CreateExtractElement(places, b_.getInt64(lane));
      found = b_.CreateInsertElement(found, element(place), b_.getInt64(lane));
    }
    return found;
  }

  // One copy of a table a module.
  llvm::GlobalVariable* TableInMemory(const float (&table)[16]) {
    llvm::Module& module = *b_.GetInsertBlock()->getModule();
    llvm::Constant* values = llvm::ConstantDataArray::get(b_.getContext(), llvm::ArrayRef(table));
    for (llvm::GlobalVariable& global : module.globals()) {
      if (global.hasInitializer() && global.getInitializer() == values) return &global;
    }
    auto* global = new llvm::GlobalVariable(module, values->getType(), /*isConstant=*/true,
                                            llvm::GlobalValue::PrivateLinkage, values, "table");
    global->setUnnamedAddr(llvm::GlobalValue::UnnamedAddr::Global);
    global->setAlignment(llvm::Align(64));
    return global;
  }

  ScalarEmitter& emitter_;
  Builder& b_;
  llvm::Type* float_;
  llvm::Type* int_;
};

// The remainder of x by y, both positive, x at least y and finite: y is doubled until it passes
// x / 2, then subtracted where it fits on the way back. Every product and difference is exact. Ends
// the block that the builder is in, and leaves it in the one where the remainder is known.
Value* EmitRemainderLoops(Builder& b, llvm::Function* f, Value* x, Value* y, Value* half) {
  llvm::Type* type = x->getType();
  const auto block = [&](const char* label) {
    return BasicBlock::Create(f->getContext(), label, f);
  };
  BasicBlock* before = b.GetInsertBlock();
  BasicBlock* grow = block("grow");
  BasicBlock* shrink = block("shrink");
  BasicBlock* subtract = block("subtract");
  BasicBlock* done = block("done");
  b.CreateBr(grow);

  b.SetInsertPoint(grow);
  llvm::PHINode* growing = b.CreatePHI(type, 2);
  growing->addIncoming(y, before);
  growing->addIncoming(b.CreateFAdd(growing, growing), grow);
  b.CreateCondBr(b.CreateFCmpOLE(growing, half), grow, shrink);

  b.SetInsertPoint(shrink);
  llvm::PHINode* rest = b.CreatePHI(type, 2);
  llvm::PHINode* multiple = b.CreatePHI(type, 2);
  rest->addIncoming(x, grow);
  multiple->addIncoming(growing, grow);
  b.CreateCondBr(b.CreateFCmpOGE(multiple, y), subtract, done);
  b.SetInsertPoint(subtract);
  Value* fits = b.CreateFCmpOGE(rest, multiple);
  rest->addIncoming(b.CreateSelect(fits, b.CreateFSub(rest, multiple), rest), subtract);
  multiple->addIncoming(b.CreateFMul(multiple, llvm::ConstantFP::get(type, 0.5)), subtract);
  b.CreateBr(shrink);
  b.SetInsertPoint(done);
  return rest;
}

// T remainder(T x, T y), with the sign of x; NaN where x is infinite or y zero.
llvm::Function* RemainderFunction(Builder& b, llvm::Module& module, llvm::Type* type,
                                  const TargetInfo& target) {
  const char* name = type->isFloatTy() ? "remainder_f32" : "remainder_f64";
  if (llvm::Function* existing = module.getFunction(name)) return existing;
  llvm::IRBuilderBase::InsertPointGuard guard(b);
  llvm::Function* f = llvm::Function::Create(llvm::FunctionType::get(type, {type, type}, false),
                                             llvm::GlobalValue::InternalLinkage, name, module);
  SetFunctionAttributes(*f, target);
  f->addFnAttr(llvm::Attribute::NoInline);
  const auto block = [&](const char* label) {
    return BasicBlock::Create(module.getContext(), label, f);
  };
  BasicBlock* entry = block("entry");
  BasicBlock* invalid = block("invalid");
  BasicBlock* valid = block("valid");
  BasicBlock* smaller = block("smaller");
  BasicBlock* divide = block("divide");

  b.SetInsertPoint(entry);
  Value* x = b.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, f->getArg(0));
  Value* y = b.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, f->getArg(1));
  Value* finite = b.CreateFCmpOLT(x, llvm::ConstantFP::getInfinity(type));
  Value* divides = b.CreateFCmpOGT(y, llvm::ConstantFP::get(type, 0.0));
  b.CreateCondBr(b.CreateAnd(finite, divides), valid, invalid);
  b.SetInsertPoint(invalid);
  b.CreateRet(llvm::ConstantFP::getNaN(type));
  b.SetInsertPoint(valid);
  Value* half = b.CreateFMul(x, llvm::ConstantFP::get(type, 0.5));
  // Also where y is infinite, and doubling would not end.
  b.CreateCondBr(b.CreateFCmpOLT(x, y), smaller, divide);
  b.SetInsertPoint(smaller);
  b.CreateRet(f->getArg(0));
  b.SetInsertPoint(divide);
  Value* rest = EmitRemainderLoops(b, f, x, y, half);
  b.CreateRet(b.CreateBinaryIntrinsic(llvm::Intrinsic::copysign, rest, f->getArg(0)));
  return f;
}

}  // namespace

Value* ScalarEmitter::Transcendental(ir::ScalarOp op, DType dtype, llvm::ArrayRef<Value*> args) {
  Value* x = args[0];
  Value* y = args.size() > 1 ? args[1] : args[0];
  if (dtype == DType::kF64) {
    LlvmPolicy<64> policy(*this, x->getType());
    return math::Evaluate(policy, op, x, y);
  }
  LlvmPolicy<32> policy(*this, x->getType());
  return math::Evaluate(policy, op, x, y);
}

// In 64-bit lanes, so that products need no widening.
Value* ScalarEmitter::Philox(Value* key, Value* index, Value* stream) {
  LlvmPolicy<64> policy(*this, Like(key, DType::kF64));
  return b_.CreateTrunc(math::Philox(policy, key, index, stream), Like(key, DType::kI32));
}

Value* ScalarEmitter::Remainder(Value* x, Value* y) {
  llvm::Type* element = x->getType()->getScalarType();
  return CallByLanes(RemainderFunction(b_, *b_.GetInsertBlock()->getModule(), element, target_),
                     {x, y});
}

Value* ScalarEmitter::CallByLanes(llvm::Function* function, llvm::ArrayRef<Value*> args) {
  const auto* vector = llvm::dyn_cast<llvm::FixedVectorType>(args[0]->getType());
  if (vector == nullptr) return b_.CreateCall(function, args);
  Value* result = llvm::PoisonValue::get(args[0]->getType());
  for (unsigned lane = 0; lane < vector->getNumElements(); ++lane) {
    llvm::SmallVector<Value*, 2> scalars;
    for (Value* arg : args) scalars.push_back(b_.CreateExtractElement(arg, b_.getInt64(lane)));
    result = b_.CreateInsertElement(result, b_.CreateCall(function, scalars), b_.getInt64(lane));
  }
  return result;
}

}  // namespace tenon::codegen
