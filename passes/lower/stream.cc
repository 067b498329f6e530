#include "tenon/passes/lower/stream.h"

#include <vector>

namespace tenon::lower {

using kernel::Instr;
using kernel::Op;

namespace {

// Whether anything was marked.
bool Mark(const kernel::Kernel& kernel, const std::vector<bool>& large, kernel::Block* block) {
  bool any = false;
  for (Instr& instr : block->instrs) {
    for (kernel::Block& inner : instr.blocks) any |= Mark(kernel, large, &inner);
    if (instr.op != Op::kStore) continue;
    kernel::MemRef& mem = instr.mem;
    const bool is_param = mem.buffer < static_cast<int32_t>(large.size());
    const bool contiguous = !mem.lane_stride.valid() && kernel.type(mem.offset).is_scalar();
    // What is cut short or chosen by lane is the end of a row, not its bulk.
    const bool whole = !mem.lane_count.valid() && !mem.predicate.valid();
    if (!is_param || !large[mem.buffer] || !contiguous || !whole) continue;
    if (kernel.type(instr.args[0]).lanes == 1) continue;
    mem.non_temporal = any = true;
  }
  return any;
}

// The parameters of which the kernel asks for what it is about to write.
void FindAsked(const kernel::Block& block, std::vector<bool>* asked) {
  for (const Instr& instr : block.instrs) {
    for (const kernel::Block& inner : instr.blocks) FindAsked(inner, asked);
    if (instr.op == Op::kPrefetch && instr.to_write) (*asked)[instr.mem.buffer] = true;
  }
}

}  // namespace

void StreamLargeStores(const kernel::Program& program, const kernel::Launch& launch,
                       int64_t stream_bytes, kernel::Kernel* kernel) {
  std::vector<bool> asked(kernel->params.size()), large;
  FindAsked(kernel->body, &asked);
  for (size_t i = 0; i < kernel->params.size(); ++i) {
    const kernel::Buffer& buffer = program.buffers[launch.args[i].buffer];
    const bool constant = buffer.size.is_constant();
    const int64_t bytes = constant ? buffer.size.constant() * ir::ByteSize(buffer.dtype) : 0;
    large.push_back(bytes > stream_bytes && !kernel->params[i].read && !asked[i]);
  }
  if (!Mark(*kernel, large, &kernel->body)) return;
  // Every thread passes the end of the kernel after its chunks.
  std::vector<Instr>& instrs = kernel->body.instrs;
  const bool yields = !instrs.empty() && instrs.back().op == Op::kYield;
  instrs.insert(instrs.end() - (yields ? 1 : 0), {.op = Op::kFence});
}

}  // namespace tenon::lower
