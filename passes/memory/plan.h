// PlanMemory: one arena for all stored values of a program.
//
// A buffer lives from the first step that touches it to the last (of a loop: from the loop's begin
// to its end, since an iteration may read what the one before wrote). Buffers whose lives do not
// meet may share memory: the largest are placed first, each in the smallest gap that fits. Offsets
// are multiples of 64 bytes; big buffers are staggered, because streams that lie at equal offsets
// modulo the page size fight for the same cache sets. Sizes are those at the symbols' bounds.
//
// Also sets prepared_bytes, and scratch_bytes: the most that one kernel needs for the locals that
// are too big for a stack.
#ifndef TENON_PASSES_MEMORY_PLAN_H_
#define TENON_PASSES_MEMORY_PLAN_H_

#include "absl/status/status.h"
#include "tenon/ir/kernel/kernel.h"

namespace tenon::memory {

// Locals above this many bytes lie behind the arena, smaller ones on the stack.
inline constexpr int64_t kMaxStackLocal = 4096;

// Fails when a size overflows 64 bits or a symbol has no bound.
absl::Status PlanMemory(kernel::Program* program);

}  // namespace tenon::memory

#endif  // TENON_PASSES_MEMORY_PLAN_H_
