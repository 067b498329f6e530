#include "tenon/ir/kernel/canonical.h"

#include <bit>
#include <cstdint>
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

// Writes numbers in a self-delimiting form, so that no two kernels write the same bytes.
class Serializer {
 public:
  void Number(uint64_t v) {
    while (v >= 0x80) {
      out_ += static_cast<char>(v | 0x80);
      v >>= 7;
    }
    out_ += static_cast<char>(v);
  }
  void Value(ValueId v) { Number(v.index); }
  void Values(const std::vector<ValueId>& values) {
    Number(values.size());
    for (ValueId v : values) Value(v);
  }
  void Memory(const MemRef& m) {
    Number(static_cast<uint64_t>(m.buffer + 1));
    for (ValueId v :
         {m.offset, m.row_stride, m.lane_stride, m.lane_count, m.row_count, m.predicate}) {
      Value(v);
    }
    Number(m.non_temporal);
  }
  void Instruction(const Instr& instr) {
    Number(static_cast<uint64_t>(instr.op));
    Number(static_cast<uint64_t>(instr.scalar_op));
    Number(static_cast<uint64_t>(instr.combiner));
    Number(instr.of_numbers ? 1 : 0);
    Number(static_cast<uint64_t>(instr.integer));
    Number(std::bit_cast<uint64_t>(instr.real));
    Number(static_cast<uint64_t>(instr.site + 1));
    Number(static_cast<uint64_t>(instr.unroll));
    Number(static_cast<uint64_t>(instr.level));
    Number(instr.to_write ? 1 : 0);
    Values(instr.args);
    Values(instr.results);
    Memory(instr.mem);
    Number(instr.blocks.size());
    for (const Block& block : instr.blocks) Body(block);
  }
  void Body(const Block& block) {
    Values(block.params);
    Number(block.instrs.size());
    for (const Instr& instr : block.instrs) Instruction(instr);
  }
  std::string Take() { return std::move(out_); }

 private:
  std::string out_;
};

}  // namespace

bool HasEffects(const Instr& instr) {
  switch (instr.op) {
    case Op::kStore:
    case Op::kFault:
    case Op::kPrefetch:
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
    case Op::kTileDot:
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

std::string CanonicalBytes(const Kernel& kernel) {
  Kernel canonical = kernel;
  RemoveDeadInstrs(&canonical);
  Renumber(&canonical);
  Serializer out;
  out.Number(2);  // of this form; raised when it changes
  out.Number(canonical.params.size());
  for (const Param& p : canonical.params) {
    out.Number(static_cast<uint64_t>(p.dtype));
    out.Number(p.written * 1 + p.read * 2 + p.no_alias * 4);
  }
  out.Number(canonical.locals.size());
  for (const Local& l : canonical.locals) {
    out.Number(static_cast<uint64_t>(l.dtype));
    out.Number(static_cast<uint64_t>(l.size));
  }
  out.Number(canonical.symbols.size());
  out.Number(canonical.types.size());
  for (const Type& t : canonical.types) {
    out.Number(static_cast<uint64_t>(t.dtype));
    out.Number(static_cast<uint64_t>(t.rows));
    out.Number(static_cast<uint64_t>(t.lanes));
  }
  out.Body(canonical.body);
  return out.Take();
}

}  // namespace tenon::kernel
