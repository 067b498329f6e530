#include "tenon/ir/kernel/canonical.h"

#include <utility>
#include <vector>

#include "tenon/ir/check.h"

namespace tenon::kernel {
namespace {

// SSA puts every use after its definition, so one backward walk sees all uses first.
void RemoveDead(Block* block, std::vector<bool>* used) {
  std::vector<Instr> kept;
  for (size_t n = block->instrs.size(); n-- > 0;) {
    Instr& instr = block->instrs[n];
    bool live = HasEffects(instr);
    for (ValueId result : instr.results) live = live || (*used)[result.index];
    if (!live) continue;
    for (Block& inner : instr.blocks) RemoveDead(&inner, used);
    VisitOperands(std::as_const(instr), [&](ValueId v) { (*used)[v.index] = true; });
    kept.push_back(std::move(instr));
  }
  block->instrs.assign(std::make_move_iterator(kept.rbegin()),
                       std::make_move_iterator(kept.rend()));
}

struct Renumbering {
  const std::vector<Type>& old_types;
  std::vector<uint32_t> new_number;
  std::vector<Type> types = {Type()};

  void Define(ValueId& v) {
    types.push_back(old_types[v.index]);
    new_number[v.index] = static_cast<uint32_t>(types.size() - 1);
    v.index = new_number[v.index];
  }
  void Run(Block* block) {
    for (ValueId& param : block->params) Define(param);
    for (Instr& instr : block->instrs) {
      VisitOperands(instr, [&](ValueId& v) { v.index = new_number[v.index]; });
      for (Block& inner : instr.blocks) Run(&inner);
      for (ValueId& result : instr.results) Define(result);
    }
  }
};

}  // namespace

bool HasEffects(const Instr& instr) {
  switch (instr.op) {
    case Op::kStore:
    case Op::kFault:
    case Op::kFence:
    case Op::kParallel:
    case Op::kYield:
      return true;
    case Op::kFor:
    case Op::kIf:
      for (const Block& block : instr.blocks) {
        for (const Instr& inner : block.instrs) {
          if (inner.op != Op::kYield && HasEffects(inner)) return true;
        }
      }
      return false;
    case Op::kScalar:
    case Op::kConst:
    case Op::kSymbol:
    case Op::kIota:
    case Op::kSplat:
    case Op::kLoad:
    case Op::kReduceLanes:
    case Op::kReduceRows:
    case Op::kTranspose:
    case Op::kExtract:
    case Op::kRow:
    case Op::kConcatRows:
      return false;
  }
  return true;
}

void VisitOperands(Instr& instr, const std::function<void(ValueId&)>& visit) {
  for (ValueId& arg : instr.args) visit(arg);
  MemRef& m = instr.mem;
  for (ValueId* v :
       {&m.offset, &m.row_stride, &m.lane_stride, &m.lane_count, &m.row_count, &m.predicate}) {
    if (v->valid()) visit(*v);
  }
}

void VisitOperands(const Instr& instr, const std::function<void(ValueId)>& visit) {
  for (ValueId arg : instr.args) visit(arg);
  const MemRef& m = instr.mem;
  for (ValueId v :
       {m.offset, m.row_stride, m.lane_stride, m.lane_count, m.row_count, m.predicate}) {
    if (v.valid()) visit(v);
  }
}

void RemoveDeadInstrs(Kernel* kernel) {
  std::vector<bool> used(kernel->types.size(), false);
  RemoveDead(&kernel->body, &used);
}

void Renumber(Kernel* kernel) {
  Renumbering renumbering{kernel->types, std::vector<uint32_t>(kernel->types.size(), 0)};
  renumbering.Run(&kernel->body);
  kernel->types = std::move(renumbering.types);
}

}  // namespace tenon::kernel
