#include "tenon/codegen/kernel_bytes.h"

#include <bit>
#include <cstdint>

namespace tenon::codegen {
namespace {

class Writer {
 public:
  void Kernel(const kernel::Kernel& kernel) {
    Number(kernel.params.size());
    for (const kernel::Param& param : kernel.params) {
      Number(static_cast<uint64_t>(param.dtype));
      Number(param.written * 4 + param.read * 2 + param.no_alias);
    }
    Number(kernel.locals.size());
    for (const kernel::Local& local : kernel.locals) {
      Number(static_cast<uint64_t>(local.dtype));
      Number(static_cast<uint64_t>(local.size));
    }
    Number(kernel.symbols.size());
    Number(kernel.types.size());
    for (const kernel::Type& type : kernel.types) {
      Number(static_cast<uint64_t>(type.dtype));
      Number(static_cast<uint64_t>(type.rows));
      Number(static_cast<uint64_t>(type.lanes));
    }
    Block(kernel.body);
  }

  std::string Take() && { return std::move(bytes_); }

 private:
  // Seven bits a byte, the top bit where more follow: most numbers are small.
  void Number(uint64_t n) {
    for (; n >= 0x80; n >>= 7) bytes_.push_back(static_cast<char>(n | 0x80));
    bytes_.push_back(static_cast<char>(n));
  }
  void Values(const std::vector<kernel::ValueId>& values) {
    Number(values.size());
    for (kernel::ValueId v : values) Number(v.index);
  }
  void Block(const kernel::Block& block) {
    Values(block.params);
    Number(block.instrs.size());
    for (const kernel::Instr& instr : block.instrs) Instr(instr);
  }
  void Instr(const kernel::Instr& instr) {
    Number(static_cast<uint64_t>(instr.op));
    Number(static_cast<uint64_t>(instr.scalar_op));
    Number(static_cast<uint64_t>(instr.combiner));
    Values(instr.args);
    Values(instr.results);
    const kernel::MemRef& mem = instr.mem;
    Number(static_cast<uint64_t>(static_cast<int64_t>(mem.buffer)));
    for (kernel::ValueId v : {mem.offset, mem.row_stride, mem.lane_stride, mem.lane_count,
                              mem.row_count, mem.predicate}) {
      Number(v.index);
    }
    Number(mem.non_temporal);
    Number(static_cast<uint64_t>(instr.integer));
    Number(std::bit_cast<uint64_t>(instr.real));
    Number(static_cast<uint64_t>(instr.unroll));
    Number(instr.blocks.size());
    for (const kernel::Block& block : instr.blocks) Block(block);
  }

  std::string bytes_;
};

}  // namespace

std::string KernelBytes(const kernel::Kernel& kernel) {
  Writer writer;
  writer.Kernel(kernel);
  return std::move(writer).Take();
}

}  // namespace tenon::codegen
