#include "tenon/codegen/llvm/matrix_values.h"

namespace tenon::codegen {

using kernel::Block;
using kernel::DType;
using kernel::Instr;
using kernel::MemRef;
using kernel::Op;
using kernel::Type;
using kernel::ValueId;

namespace {

bool HasShape(const Type& type) {
  const bool is_word = type.dtype == DType::kF32 || type.dtype == DType::kI32;
  return is_word && type.rows == kMatrixRows && type.lanes == kMatrixLanes;
}

class Finder {
 public:
  Finder(const kernel::Kernel& kernel, const Definitions& definitions)
      : kernel_(kernel), definitions_(definitions), in_(kernel.types.size(), false) {}

  // Everything that could, less what something else is done to; until nothing more falls away.
  std::vector<bool> Run() {
    Nominate(kernel_.body);
    if (!multiplies_) return std::vector<bool>(in_.size(), false);
    do {
      changed_ = false;
      Check(kernel_.body, nullptr);
    } while (changed_);
    return std::move(in_);
  }

 private:
  bool IsIn(ValueId v) const { return in_[v.index]; }

  void Drop(ValueId v) {
    changed_ |= in_[v.index];
    in_[v.index] = false;
  }

  // Whole rows of 64 bytes: no masks, and elements (or pairs of halves of elements) that lie next
  // to each other.
  bool IsWhole(const MemRef& mem) const {
    if (!kernel_.type(mem.offset).is_scalar() || mem.non_temporal) return false;
    if (mem.lane_count.valid() || mem.row_count.valid() || mem.predicate.valid()) return false;
    const size_t params = kernel_.params.size(), buffer = static_cast<size_t>(mem.buffer);
    const DType element =
        buffer < params ? kernel_.params[buffer].dtype : kernel_.locals[buffer - params].dtype;
    const int64_t elements = 4 / ir::ByteSize(element);
    if (!mem.lane_stride.valid()) return elements == 1;
    const Instr* stride = definitions_.instr[mem.lane_stride.index];
    return stride != nullptr && stride->op == Op::kConst && stride->integer == elements;
  }

  void Nominate(const Block& block) {
    for (const Instr& instr : block.instrs) {
      for (const Block& inner : instr.blocks) Nominate(inner);
      const bool dots = instr.op == Op::kTileDot && FitsMatrixRegisters(kernel_, instr);
      multiplies_ |= dots;
      if (dots || (instr.op == Op::kLoad && IsWhole(instr.mem))) {
        in_[instr.results[0].index] = HasShape(kernel_.type(instr.results[0]));
      }
      if (instr.op != Op::kFor && instr.op != Op::kIf) continue;
      for (size_t r = 0; r < instr.results.size(); ++r) {
        const bool fits = HasShape(kernel_.type(instr.results[r]));
        in_[instr.results[r].index] = fits;
        if (instr.op == Op::kFor) in_[instr.blocks[0].params[r + 1].index] = fits;
      }
    }
  }

  // `around`: the instruction whose block it is.
  void Check(const Block& block, const Instr* around) {
    for (const Instr& instr : block.instrs) {
      for (size_t i = 0; i < instr.args.size(); ++i) {
        if (!Allows(instr, i, around)) Drop(instr.args[i]);
      }
      for (const Block& inner : instr.blocks) Check(inner, &instr);
      if (instr.op == Op::kFor) CheckCarried(instr);
      if (instr.op == Op::kIf) CheckChosen(instr);
    }
  }

  // Whether argument `i` may come in a matrix register.
  bool Allows(const Instr& instr, size_t i, const Instr* around) const {
    switch (instr.op) {
      case Op::kTileDot:
        return FitsMatrixRegisters(kernel_, instr);
      case Op::kStore:
        return IsWhole(instr.mem);
      case Op::kFor:
        return i >= 2 && IsIn(instr.blocks[0].params[i - 1]);
      case Op::kYield:
        return around != nullptr && i < around->results.size() && IsIn(around->results[i]);
      default:
        return false;
    }
  }

  // A loop carries a value in a register from end to end, or not at all.
  void CheckCarried(const Instr& loop) {
    const Block& body = loop.blocks[0];
    for (size_t c = 0; c < loop.results.size(); ++c) {
      const ValueId param = body.params[c + 1], result = loop.results[c];
      if (IsIn(param) && IsIn(result) && IsIn(body.instrs.back().args[c])) continue;
      Drop(param);
      Drop(result);
    }
  }

  // What a branch gives goes to a register where the other one has it there.
  void CheckChosen(const Instr& branch) {
    for (size_t r = 0; r < branch.results.size(); ++r) {
      bool any = false;
      for (const Block& block : branch.blocks) any = any || IsIn(block.instrs.back().args[r]);
      if (!any) Drop(branch.results[r]);
    }
  }

  const kernel::Kernel& kernel_;
  const Definitions& definitions_;
  std::vector<bool> in_;
  bool multiplies_ = false;
  bool changed_ = false;
};

}  // namespace

bool FitsMatrixRegisters(const kernel::Kernel& kernel, const Instr& tile_dot) {
  for (ValueId arg : tile_dot.args) {
    if (!HasShape(kernel.type(arg))) return false;
  }
  return true;
}

std::vector<bool> FindMatrixValues(const kernel::Kernel& kernel, const Definitions& definitions) {
  return Finder(kernel, definitions).Run();
}

}  // namespace tenon::codegen
