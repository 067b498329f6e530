// What a kernel does to its parameters, and how many chunks it runs: read off its code, so that no
// schedule has to say it a second time.
#ifndef TENON_PASSES_KERNEL_USAGE_H_
#define TENON_PASSES_KERNEL_USAGE_H_

#include <vector>

#include "tenon/ir/kernel/kernel.h"

namespace tenon::passes {

struct ParamUsage {
  bool read = false;          // inside `parallel`
  bool written = false;       // likewise; nothing else may write
  bool read_outside = false;  // by every thread
};

struct KernelUsage {
  std::vector<ParamUsage> params;
  std::vector<kernel::ValueId> chunks;  // the count of each parallel section
};

KernelUsage UsageOf(const kernel::Kernel& kernel);

// The largest number of chunks that any section of the launch runs is 1 or less, whatever the
// extents.
bool RunsOneChunk(const kernel::Kernel& kernel, const KernelUsage& usage,
                  const kernel::Launch& launch);

// Every launch of the program runs one chunk: further threads would have nothing to do.
bool RunsOnOneThread(const kernel::Program& program);

}  // namespace tenon::passes

#endif  // TENON_PASSES_KERNEL_USAGE_H_
