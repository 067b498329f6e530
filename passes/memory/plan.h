// PlanMemory: one arena for all stored values of a program.
//
// A buffer lives from the first step that touches it to the last (of a loop: from the loop's begin
// to its end, since an iteration may read what the one before wrote). Buffers whose lives do not
// meet may share memory: the largest are placed first, each in the smallest gap that fits. Offsets
// are multiples of 64 bytes; big buffers are staggered, because streams that lie at equal offsets
// modulo the page size fight for the same cache sets. Sizes are those at the symbols' bounds.
// Several orders of placing are tried, the smallest arena is taken.
//
// Memory that one launch reads last and the next one writes needs a barrier between the two, even
// where they have nothing else to do with each other. So buffers whose lives end and begin between
// the same two barriers share no memory, as long as the arena grows by a quarter at most and stays
// within the limit.
//
// Also sets prepared_bytes, and scratch_bytes: the most that one kernel needs for the locals that
// are too big for a stack.
#ifndef TENON_PASSES_MEMORY_PLAN_H_
#define TENON_PASSES_MEMORY_PLAN_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tenon/ir/kernel/kernel.h"

namespace tenon::memory {

// Locals above this many bytes lie behind the arena, smaller ones on the stack.
inline constexpr int64_t kMaxStackLocal = 4096;

// `barriers` puts into a program the barriers that it needs whatever the plan (its offsets are not
// set then); the steps are left without them. `limit`: bytes, 0 for none.
// Fails when a size overflows 64 bits or a symbol has no bound.
absl::Status PlanMemory(kernel::Program* program, int64_t limit = 0,
                        const std::function<void(kernel::Program*)>& barriers = nullptr);

// When the buffers of a program are alive. A moment is a launch, a predicate, or the begin or end
// of a loop or branch, those of `prepare` first.
struct BufferLives {
  struct Life {
    int64_t first = -1, last = -1;  // moments; -1: nobody touches it
  };
  std::vector<Life> lives;       // by buffer
  std::vector<int32_t> kernels;  // by moment: the kernel launched, or -1
};
BufferLives LivesOf(const kernel::Program& program);

// The most bytes of buffers of the arena that are alive at one step: no arena is smaller.
absl::StatusOr<int64_t> PeakBytes(const kernel::Program& program);

}  // namespace tenon::memory

#endif  // TENON_PASSES_MEMORY_PLAN_H_
