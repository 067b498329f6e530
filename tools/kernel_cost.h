// What a launch of a kernel costs: the floating-point operations that its code does, and the bytes
// that it has to move. Counted over the scheduled kernel at the extents of a run, without running
// it: loops whose bodies do not depend on the iteration are counted once and multiplied.
#ifndef TENON_TOOLS_KERNEL_COST_H_
#define TENON_TOOLS_KERNEL_COST_H_

#include <array>
#include <cstdint>
#include <string>

#include "tenon/ir/dim.h"
#include "tenon/ir/kernel/kernel.h"

namespace tenon::tools {

struct LaunchCost {
  // Operations by the type that computes: a fused multiply-add is two, any other scalar operation
  // (an exponential too) is one; lanes beyond an array's end count, as they take their time.
  double f32_flops = 0;
  double f64_flops = 0;
  double bf16_flops = 0;  // of dot2 and tile_dot: two fused multiply-adds a pair
  // Of each array no more than its size, however often it is read: what a cache without limit would
  // fetch and write back.
  double bytes_read = 0;
  double bytes_written = 0;
  // False where a loop's length or a branch depends on data: it is then counted once.
  bool exact = true;

  double flops() const { return f32_flops + f64_flops + bf16_flops; }
  double bytes() const { return bytes_read + bytes_written; }
};

// "contract -> w1, w1/m": the kernel, and what it writes.
std::string LaunchName(const kernel::Program& program, const kernel::Launch& launch);

// `extents`: of the program's symbols and of the loop variables around the launch.
LaunchCost CostOf(const kernel::Program& program, const kernel::Launch& launch,
                  const ir::Extents& extents);

}  // namespace tenon::tools

#endif  // TENON_TOOLS_KERNEL_COST_H_
