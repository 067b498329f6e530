// ScalarEmitter's square root, and how it is computed where no instruction does: digit by digit.
#include <llvm/IR/Constants.h>
#include <llvm/IR/Intrinsics.h>

#include "tenon/codegen/llvm/kernel_emitter.h"
#include "tenon/codegen/llvm/scalar_emitter.h"

namespace tenon::codegen {

using llvm::BasicBlock;
using llvm::Value;

namespace {

// The integers of a float type: all of its bits.
struct FloatShape {
  int bits;      // of the type
  int mantissa;  // bits, the leading one included
  int bias;
};

// T sqrt(T x), rounded to nearest even. A finite x > 0 is M * 2^e with e even and M of `wide` bits,
// of which at least one of the top two is set. One bit of the root comes out for two of M (then of
// zeros): as many as the mantissa has and one to round by; there are no ties among square roots.
class SqrtFunction {
 public:
  SqrtFunction(Builder& b, llvm::Function* function, const FloatShape& shape)
      : b_(b), function_(function), shape_(shape), int_(b.getIntNTy(shape.bits)) {}

  void Emit() {
    Value* x = function_->getArg(0);
    llvm::Type* type = x->getType();
    b_.SetInsertPoint(Block("entry"));
    BasicBlock* special = Block("special");
    BasicBlock* finite = Block("finite");
    Value* positive = b_.CreateFCmpOGT(x, llvm::ConstantFP::get(type, 0.0));
    Value* below = b_.CreateFCmpOLT(x, llvm::ConstantFP::getInfinity(type));
    b_.CreateCondBr(b_.CreateAnd(positive, below), finite, special);
    // Zeros, infinity and NaN are their own roots; what is left is negative.
    b_.SetInsertPoint(special);
    Value* negative = b_.CreateFCmpOLT(x, llvm::ConstantFP::get(type, 0.0));
    b_.CreateRet(b_.CreateSelect(negative, llvm::ConstantFP::getNaN(type), x));
    b_.SetInsertPoint(finite);
    Split(b_.CreateBitCast(x, int_));
    Value* root = Digits();
    // (root + 1) / 2 has the leading one: it carries into the exponent, where one less is added.
    Value* rounded = b_.CreateLShr(b_.CreateAdd(root, Int(1)), Int(1));
    Value* result = b_.CreateAdd(
        rounded, b_.CreateShl(b_.CreateSub(exponent_, Int(1)), Int(shape_.mantissa - 1)));
    b_.CreateRet(b_.CreateBitCast(result, type));
  }

 private:
  BasicBlock* Block(const char* name) {
    return BasicBlock::Create(function_->getContext(), name, function_);
  }
  llvm::Constant* Int(int64_t value) {
    return llvm::ConstantInt::get(int_, static_cast<uint64_t>(value), /*IsSigned=*/true,
                                  /*ImplicitTrunc=*/true);
  }

  // Sets `digits_`, M from the type's top bit downwards, and `exponent_`, the biased one of the
  // root.
  void Split(Value* bits) {
    const int fraction = shape_.mantissa - 1;
    Value* biased = b_.CreateLShr(bits, Int(fraction));
    Value* low = b_.CreateAnd(bits, Int((int64_t{1} << fraction) - 1));
    // Denormal numbers are moved up until they have a leading one too.
    Value* zeros = b_.CreateBinaryIntrinsic(llvm::Intrinsic::ctlz, low, b_.getTrue());
    Value* up = b_.CreateSub(zeros, Int(shape_.bits - shape_.mantissa));
    Value* denormal = b_.CreateICmpEQ(biased, Int(0));
    Value* m = b_.CreateSelect(denormal, b_.CreateShl(low, up),
                               b_.CreateOr(low, Int(int64_t{1} << fraction)));
    Value* e = b_.CreateSelect(denormal, b_.CreateSub(Int(1), up), biased);
    // x = m * 2^(e - bias - fraction), and m's leading one is at `fraction`.
    Value* unbiased = b_.CreateSub(e, Int(shape_.bias));
    Value* odd = b_.CreateAnd(unbiased, Int(1));
    // With its leading one in the upper place of the top pair where the exponent is odd.
    digits_ = b_.CreateShl(m, b_.CreateAdd(odd, Int(shape_.bits - shape_.mantissa - 1)));
    exponent_ = b_.CreateAdd(b_.CreateAShr(unbiased, Int(1)), Int(shape_.bias));
  }

  Value* Digits() {
    BasicBlock* before = b_.GetInsertBlock();
    BasicBlock* loop = Block("digit");
    BasicBlock* done = Block("done");
    b_.CreateBr(loop);
    b_.SetInsertPoint(loop);
    const auto phi = [&](Value* first) {
      llvm::PHINode* node = b_.CreatePHI(int_, 2);
      node->addIncoming(first, before);
      return node;
    };
    llvm::PHINode* left = phi(Int(shape_.mantissa + 1));
    llvm::PHINode* digits = phi(digits_);
    llvm::PHINode* rest = phi(Int(0));
    llvm::PHINode* root = phi(Int(0));
    Value* next =
        b_.CreateOr(b_.CreateShl(rest, Int(2)), b_.CreateLShr(digits, Int(shape_.bits - 2)));
    Value* trial = b_.CreateOr(b_.CreateShl(root, Int(2)), Int(1));
    Value* fits = b_.CreateICmpUGE(next, trial);
    Value* twice = b_.CreateShl(root, Int(1));
    Value* new_root = b_.CreateSelect(fits, b_.CreateOr(twice, Int(1)), twice);
    rest->addIncoming(b_.CreateSelect(fits, b_.CreateSub(next, trial), next), loop);
    root->addIncoming(new_root, loop);
    digits->addIncoming(b_.CreateShl(digits, Int(2)), loop);
    Value* rest_of_loop = b_.CreateSub(left, Int(1));
    left->addIncoming(rest_of_loop, loop);
    b_.CreateCondBr(b_.CreateICmpNE(rest_of_loop, Int(0)), loop, done);
    b_.SetInsertPoint(done);
    return new_root;
  }

  Builder& b_;
  llvm::Function* function_;
  const FloatShape shape_;
  llvm::IntegerType* int_;
  Value* digits_ = nullptr;
  Value* exponent_ = nullptr;
};

llvm::Function* RootFunction(Builder& b, llvm::Type* type, const TargetInfo& target) {
  llvm::Module& module = *b.GetInsertBlock()->getModule();
  const char* name = type->isFloatTy() ? "sqrt_f32" : "sqrt_f64";
  if (llvm::Function* existing = module.getFunction(name)) return existing;
  llvm::IRBuilderBase::InsertPointGuard guard(b);
  llvm::Function* function =
      llvm::Function::Create(llvm::FunctionType::get(type, {type}, false),
                             llvm::GlobalValue::InternalLinkage, name, module);
  SetFunctionAttributes(*function, target);
  function->addFnAttr(llvm::Attribute::NoInline);
  SqrtFunction(b, function, type->isFloatTy() ? FloatShape{32, 24, 127} : FloatShape{64, 53, 1023})
      .Emit();
  return function;
}

}  // namespace

Value* ScalarEmitter::Sqrt(Value* v) {
  llvm::Type* element = v->getType()->getScalarType();
  const bool in_hardware = element->isFloatTy() ? target_.sqrt_f32 : target_.sqrt_f64;
  if (in_hardware) return b_.CreateUnaryIntrinsic(llvm::Intrinsic::sqrt, v);
  return CallByLanes(RootFunction(b_, element, target_), {v});
}

}  // namespace tenon::codegen
