// Executes one launch of a kernel for the kernel interpreter.
#ifndef TENON_IR_KERNEL_EXECUTE_H_
#define TENON_IR_KERNEL_EXECUTE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "tenon/ir/kernel/fault.h"
#include "tenon/ir/kernel/kernel.h"
#include "tenon/ir/kernel/sanitizer.h"

namespace tenon::kernel {

// What executions of one run share.
struct ExecutionState {
  Sanitizer* sanitizer;
  bool fused;
  int64_t instructions_left;
  Fault fault;  // status 0: none so far
  uint64_t written_digest = 0;
  uint32_t stores = 0;  // counted, skipping 0

  // Nothing more will be learnt.
  bool stopped() const { return sanitizer->full() || instructions_left < 0; }
};

class KernelExecutor {
 public:
  KernelExecutor(const Kernel& kernel, ExecutionState* state);

  // `views`: one a parameter; `symbols`: one a kernel symbol.
  void Launch(std::vector<BufferView> views, std::vector<int64_t> symbols);

 private:
  // A local: its elements and, for each, the chunk that wrote it last.
  struct LocalMemory {
    std::vector<std::byte> bytes;
    std::vector<int64_t> written_in;
  };

  std::byte* Slot(ValueId v) { return registers_.data() + slots_[v.index]; }
  int64_t I64(ValueId v) const;
  int64_t Bytes(ValueId v) const;
  void Copy(ValueId from, ValueId to);
  void Assign(const std::vector<ValueId>& from, size_t skip_from, const std::vector<ValueId>& to,
              size_t skip_to);

  // Results are in the slots of the yield's arguments afterwards.
  void RunBlock(const Block& block);
  void Run(const Instr& instr);
  void RunScalar(const Instr& instr);
  void RunFor(const Instr& instr);
  void RunIf(const Instr& instr);
  void RunParallel(const Instr& instr);
  void RunFault(const Instr& instr);
  void HideNan(const Instr& instr);
  void RunConcatRows(const Instr& instr);
  void RunLoad(const Instr& instr);
  void RunStore(const Instr& instr);
  // How many of `all` rows or lanes the count `v` leaves.
  int Count(ValueId v, int all, const char* what, const Instr& instr);
  template <typename Visit>
  void VisitElements(const Instr& instr, Type type, const Visit& visit);
  // The address of an element, or nullptr where it may not be touched.
  const std::byte* ReadAddress(const Instr& instr, int64_t index, int64_t width);
  // Takes note of an element written outside locals.
  void Digest(const Instr& instr, int64_t index, const std::byte* value, int64_t width);
  std::byte* WriteAddress(const Instr& instr, int64_t index, int64_t width);
  bool LocalInBounds(const Instr& instr, int64_t index, const char* verb);
  AccessSite Site(const Instr& instr) const;

  const Kernel& kernel_;
  ExecutionState& state_;
  std::vector<int64_t> slots_;  // by value: its place in registers_
  std::vector<std::byte> registers_, scratch_;
  std::vector<LocalMemory> locals_;
  std::vector<BufferView> views_;
  std::vector<int64_t> symbols_;
  int64_t chunk_ = -1, chunks_ = 0;  // of the parallel section under way
  uint32_t agent_ = kEveryThread;
  uint32_t store_ = 0;        // the number of the store under way, where its elements must not meet
  int64_t chunk_serial_ = 0;  // counts chunks over all launches; locals start anew in each
};

}  // namespace tenon::kernel

#endif  // TENON_IR_KERNEL_EXECUTE_H_
