#include "tenon/codegen/llvm/recurrence.h"

#include <llvm/IR/Constants.h>

#include "tenon/ir/check.h"

namespace tenon::codegen {

using ir::ScalarOp;
using kernel::Instr;
using kernel::Op;
using kernel::ValueId;
using llvm::Value;

namespace {

// Beyond these, pointers would start to live on the stack.
constexpr size_t kMaxWalks = 8;

}  // namespace

Value* Displaced(Builder& b, llvm::Type* element, Value* pointer, Value* offset) {
  const auto* constant = llvm::dyn_cast<llvm::ConstantInt>(offset);
  if (constant == nullptr) return b.CreateGEP(element, pointer, offset);
  int64_t elements = constant->getSExtValue();
  const auto* inner = llvm::dyn_cast<llvm::GetElementPtrInst>(pointer);
  if (inner != nullptr && inner->getSourceElementType() == element && inner->getNumIndices() == 1) {
    if (const auto* before = llvm::dyn_cast<llvm::ConstantInt>(inner->getOperand(1))) {
      elements += before->getSExtValue();
      pointer = inner->getOperand(0);
    }
  }
  return elements == 0 ? pointer : b.CreateGEP(element, pointer, b.getInt64(elements));
}

Definitions::Definitions(const kernel::Kernel& kernel)
    : instr(kernel.types.size(), nullptr), loop(kernel.types.size(), nullptr) {
  Visit(kernel.body, nullptr);
}

void Definitions::Visit(const kernel::Block& block, const Instr* around) {
  for (ValueId v : block.params) loop[v.index] = around;
  for (const Instr& i : block.instrs) {
    for (ValueId v : i.results) {
      instr[v.index] = &i;
      loop[v.index] = around;
    }
    // A loop that is unrolled away is none: its body belongs to the loop around it.
    const bool is_loop = i.op == Op::kFor && i.unroll != 0;
    if (is_loop) {
      innermost[&i] = true;
      if (around != nullptr) innermost[around] = false;
    }
    for (const kernel::Block& nested : i.blocks) Visit(nested, is_loop ? &i : around);
  }
}

LoopAddresses::LoopAddresses(const kernel::Kernel& kernel, const Definitions& definitions,
                             const std::vector<Tile>& values, Builder& builder, const Instr& loop,
                             llvm::BasicBlock* preheader, llvm::BasicBlock* header, Value* low,
                             llvm::PHINode* index, int64_t step)
    : kernel_(kernel),
      definitions_(definitions),
      values_(values),
      b_(builder),
      loop_(loop),
      preheader_(preheader),
      header_(header),
      low_(low),
      index_(index),
      step_(step) {}

Value* LoopAddresses::Once(char op, Value* a, Value* b) {
  Value*& result = computed_[{op, a, b}];
  if (result == nullptr) {
    llvm::IRBuilderBase::InsertPointGuard guard(b_);
    b_.SetInsertPoint(preheader_->getTerminator());
    result = op == '+' ? b_.CreateAdd(a, b) : op == '-' ? b_.CreateSub(a, b) : b_.CreateMul(a, b);
  }
  return result;
}

Value* LoopAddresses::Sum(Value* a, Value* b) {
  if (a == nullptr) return b;
  return b == nullptr ? a : Once('+', a, b);
}

Value* LoopAddresses::Difference(Value* a, Value* b) {
  if (b == nullptr) return a;
  return Once('-', a == nullptr ? b_.getInt64(0) : a, b);
}

Value* LoopAddresses::Product(Value* a, Value* b) {
  return a == nullptr || b == nullptr ? nullptr : Once('*', a, b);
}

Value* LoopAddresses::Whole(Value* v, int64_t constant) {
  Value* c = constant == 0 ? nullptr : b_.getInt64(constant);
  Value* sum = Sum(v, c);
  return sum == nullptr ? b_.getInt64(0) : sum;
}

std::optional<LoopAddresses::Linear> LoopAddresses::Analyse(ValueId value) {
  if (value == loop_.blocks[0].params[0]) return Linear{nullptr, copy_offset_, nullptr, 1};
  Value* v = values_[value.index].scalar();
  if (const auto* c = llvm::dyn_cast<llvm::ConstantInt>(v)) {
    return Linear{nullptr, c->getSExtValue()};
  }
  const Instr* def = definitions_.instr[value.index];
  if (definitions_.loop[value.index] != &loop_) return Linear{v, 0};
  if (def == nullptr || def->op != Op::kScalar) return std::nullopt;
  const ScalarOp op = def->scalar_op;
  if (op != ScalarOp::kAdd && op != ScalarOp::kSub && op != ScalarOp::kMul) return std::nullopt;
  const std::optional<Linear> a = Analyse(def->args[0]);
  if (!a.has_value()) return std::nullopt;
  const std::optional<Linear> b = Analyse(def->args[1]);
  if (!b.has_value()) return std::nullopt;
  if (op == ScalarOp::kMul) return AnalyseProduct(*a, *b);
  if (op == ScalarOp::kAdd) {
    return Linear{Sum(a->base, b->base), a->constant + b->constant, Sum(a->stride, b->stride),
                  a->stride_constant + b->stride_constant};
  }
  return Linear{Difference(a->base, b->base), a->constant - b->constant,
                Difference(a->stride, b->stride), a->stride_constant - b->stride_constant};
}

std::optional<LoopAddresses::Linear> LoopAddresses::AnalyseProduct(const Linear& a,
                                                                   const Linear& b) {
  if (!a.invariant() && !b.invariant()) return std::nullopt;
  const Linear& x = b.invariant() ? a : b;  // may move
  const Linear& k = b.invariant() ? b : a;  // does not
  if (k.is_constant()) {
    Value* factor = b_.getInt64(k.constant);
    return Linear{Product(x.base, factor), x.constant * k.constant, Product(x.stride, factor),
                  x.stride_constant * k.constant};
  }
  Value* factor = Whole(k.base, k.constant);
  Linear result;
  result.base = Product(Whole(x.base, x.constant), factor);
  if (!x.invariant()) result.stride = Product(Whole(x.stride, x.stride_constant), factor);
  return result;
}

// Whether an addressing mode scales the loop variable to what `key` moves by.
bool LoopAddresses::Scales(const Key& key) const {
  if (index_ == nullptr || key.stride != nullptr) return false;
  const auto bits = static_cast<int64_t>(key.element->getPrimitiveSizeInBits().getFixedValue());
  const int64_t bytes = key.stride_constant * (bits / 8);
  return bytes == 1 || bytes == 2 || bytes == 4 || bytes == 8;
}

Value* LoopAddresses::Scaled(const Key& key) {
  llvm::IRBuilderBase::InsertPointGuard guard(b_);
  b_.SetInsertPoint(preheader_->getTerminator());
  Value* origin =
      key.base == nullptr ? key.buffer : b_.CreateGEP(key.element, key.buffer, key.base);
  b_.SetInsertPoint(header_, header_->getFirstNonPHIIt());
  Value* scaled = index_;
  if (key.stride_constant != 1) scaled = b_.CreateMul(index_, b_.getInt64(key.stride_constant));
  return b_.CreateGEP(key.element, origin, scaled);
}

LoopAddresses::Walk LoopAddresses::NewWalk(const Key& key) {
  if (Scales(key)) return {Scaled(key), nullptr};
  Value* stride = Whole(key.stride, key.stride_constant);
  Value* start = Sum(key.base, Product(low_, stride));
  Value* move = Product(stride, b_.getInt64(step_));
  llvm::IRBuilderBase::InsertPointGuard guard(b_);
  b_.SetInsertPoint(preheader_->getTerminator());
  Value* first = b_.CreateGEP(key.element, key.buffer, start);
  b_.SetInsertPoint(header_, header_->begin());
  llvm::PHINode* phi = b_.CreatePHI(key.buffer->getType(), 2, "walk");
  phi->addIncoming(first, preheader_);
  order_.push_back(key);
  return {phi, move};
}

Value* LoopAddresses::Pointer(Value* buffer, llvm::Type* element, ValueId offset) {
  const std::optional<Linear> linear = Analyse(offset);
  if (!linear.has_value()) return nullptr;
  if (linear->invariant()) return nullptr;  // nothing walks: the plain form is as good
  const Key key{buffer, element, linear->base, linear->stride, linear->stride_constant};
  auto it = walks_.find(key);
  if (it == walks_.end()) {
    if (walks_.size() >= kMaxWalks) return nullptr;
    it = walks_.emplace(key, NewWalk(key)).first;
  }
  return Displaced(b_, element, it->second.pointer, b_.getInt64(linear->constant));
}

Value* LoopAddresses::InvariantProduct(ValueId value, int64_t factor) {
  const std::optional<Linear> linear = Analyse(value);
  if (!linear.has_value() || !linear->invariant()) return nullptr;
  Value* product = Product(Whole(linear->base, linear->constant), b_.getInt64(factor));
  return product;
}

void LoopAddresses::Close(llvm::BasicBlock* latch) {
  llvm::IRBuilderBase::InsertPointGuard guard(b_);
  b_.SetInsertPoint(latch);
  for (const Key& key : order_) {
    const Walk& walk = walks_.at(key);
    auto* phi = llvm::cast<llvm::PHINode>(walk.pointer);
    phi->addIncoming(b_.CreateGEP(key.element, phi, walk.move), latch);
  }
}

}  // namespace tenon::codegen
