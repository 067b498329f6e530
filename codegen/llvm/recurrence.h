// LoopAddresses: addresses inside of an innermost loop, as pointers that walk.
//
// An offset that is linear in the loop variable, base + variable * stride + constant, becomes a
// pointer phi that moves by stride * step an iteration, and a constant displacement. Accesses that
// differ by a constant alone share the phi. Where an addressing mode can scale the loop variable to
// the stride (on x86, to 1, 2, 4 or 8 bytes), the variable is what walks, for all buffers at once.
// That is the form in which LLVM's loop strength reduction finds nothing to improve, so that it is
// left out (lean_passes.h): a panel of a contraction costs one register and folds the rest into
// addressing modes. Whatever is not linear is left to the plain computation of its offset.
#ifndef TENON_CODEGEN_LLVM_RECURRENCE_H_
#define TENON_CODEGEN_LLVM_RECURRENCE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <tuple>
#include <vector>

#include "tenon/codegen/llvm/scalar_emitter.h"
#include "tenon/codegen/llvm/tile.h"
#include "tenon/ir/kernel/kernel.h"

namespace tenon::codegen {

// Where the values of a kernel are defined.
struct Definitions {
  explicit Definitions(const kernel::Kernel& kernel);

  std::vector<const kernel::Instr*> instr;  // by value; null for parameters of blocks
  std::vector<const kernel::Instr*> loop;   // the innermost kFor around the definition, or null
  // Whether a kFor holds no other kFor.
  std::map<const kernel::Instr*, bool> innermost;

 private:
  void Visit(const kernel::Block& block, const kernel::Instr* loop);
};

// pointer + offset, in elements. Constants on constants become one: LLVM's selection would fold
// them, but only after several visits to each.
llvm::Value* Displaced(Builder& b, llvm::Type* element, llvm::Value* pointer, llvm::Value* offset);

class LoopAddresses {
 public:
  // `preheader` ends in a branch to `header`, which is the (empty) first block of the loop. `step`
  // is what the variable moves by in one iteration of the emitted loop, `index` the variable, or
  // null where addressing modes do not scale it.
  LoopAddresses(const kernel::Kernel& kernel, const Definitions& definitions,
                const std::vector<Tile>& values, Builder& builder, const kernel::Instr& loop,
                llvm::BasicBlock* preheader, llvm::BasicBlock* header, llvm::Value* low,
                llvm::PHINode* index, int64_t step);

  // The body that follows is emitted for variable + `offset`.
  void SetCopyOffset(int64_t offset) { copy_offset_ = offset; }

  // buffer + offset, by a walking pointer; null where the offset is not linear, or registers for
  // pointers have run out.
  llvm::Value* Pointer(llvm::Value* buffer, llvm::Type* element, kernel::ValueId offset);

  // value * factor, computed before the loop; null where the value changes within.
  llvm::Value* InvariantProduct(kernel::ValueId value, int64_t factor);

  // Adds the moves of the pointers at the end of `latch`, which must have no terminator yet.
  void Close(llvm::BasicBlock* latch);

 private:
  // base + constant + variable * (stride + stride_constant); null Values are 0.
  struct Linear {
    llvm::Value* base = nullptr;
    int64_t constant = 0;
    llvm::Value* stride = nullptr;
    int64_t stride_constant = 0;
    bool invariant() const { return stride == nullptr && stride_constant == 0; }
    bool is_constant() const { return invariant() && base == nullptr; }
  };
  struct Key {
    llvm::Value* buffer;
    llvm::Type* element;
    llvm::Value* base;
    llvm::Value* stride;
    int64_t stride_constant;
    auto AsTuple() const { return std::tie(buffer, element, base, stride, stride_constant); }
    bool operator<(const Key& other) const { return AsTuple() < other.AsTuple(); }
  };
  struct Walk {
    llvm::Value* pointer;
    llvm::Value* move;  // of the phi that the pointer is, in elements; null where it is scaled
  };

  bool Scales(const Key& key) const;
  llvm::Value* Scaled(const Key& key);
  Walk NewWalk(const Key& key);
  std::optional<Linear> Analyse(kernel::ValueId value);
  std::optional<Linear> AnalyseProduct(const Linear& a, const Linear& b);
  // Arithmetic in the preheader, each result computed once.
  llvm::Value* Sum(llvm::Value* a, llvm::Value* b);
  llvm::Value* Difference(llvm::Value* a, llvm::Value* b);
  llvm::Value* Product(llvm::Value* a, llvm::Value* b);
  llvm::Value* Whole(llvm::Value* v, int64_t constant);
  llvm::Value* Once(char op, llvm::Value* a, llvm::Value* b);

  const kernel::Kernel& kernel_;
  const Definitions& definitions_;
  const std::vector<Tile>& values_;
  Builder& b_;
  const kernel::Instr& loop_;
  llvm::BasicBlock* preheader_;
  llvm::BasicBlock* header_;
  llvm::Value* low_;
  llvm::PHINode* index_;
  int64_t step_;
  int64_t copy_offset_ = 0;
  std::map<Key, Walk> walks_;
  std::vector<Key> order_;  // of phis, in which they were made: emission must not depend on keys
  std::map<std::tuple<char, llvm::Value*, llvm::Value*>, llvm::Value*> computed_;
};

}  // namespace tenon::codegen

#endif  // TENON_CODEGEN_LLVM_RECURRENCE_H_
