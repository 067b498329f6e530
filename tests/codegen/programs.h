// Programs that tests of entries run: x turned by one element at a time, in a loop or as told.
#ifndef TENON_TESTS_CODEGEN_PROGRAMS_H_
#define TENON_TESTS_CODEGEN_PROGRAMS_H_

#include <memory>
#include <vector>

#include "tenon/codegen/jit.h"
#include "tests/codegen/harness.h"

namespace tenon::codegen {

kernel::Step Launch(int kernel, std::vector<kernel::BufferArg> args,
                    std::vector<ir::Dim> symbols = {});
kernel::Step Barrier();
kernel::Buffer BindingBuffer(int binding, ir::DType dtype, ir::Dim size);

// out[i] = in[(i + 1) % n] + 1 over chunks of 8: every chunk reads what another one wrote.
kernel::Kernel Rotate();

// Kernels 0 and 1: Rotate, and out[0] = in[0] < limit. Buffers 0 (input x), 1 (output y), 2 and 3
// (arena, i64), 4 (arena, bool). No steps.
kernel::Program RotationProgram();
kernel::Step RotateStep(int from, int to);
// It rotates 1 + 2 * times + 1 times.
kernel::Program RepeatProgram();

// 0, 1, 4, 9, ...
ir::Literal Numbers(int64_t n);

struct Loaded {
  Artifact artifact;
  std::unique_ptr<LoadedProgram> program;
};
Loaded CompileFor(kernel::Program program, const ir::TargetDesc& target);

}  // namespace tenon::codegen

#endif  // TENON_TESTS_CODEGEN_PROGRAMS_H_
