// Hand-written programs that the tests of the kernel IR share.
#ifndef TENON_TESTS_KERNEL_SAMPLES_H_
#define TENON_TESTS_KERNEL_SAMPLES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "tenon/ir/kernel/builder.h"
#include "tenon/ir/kernel/kernel.h"

namespace tenon::kernel {

// Adds a binding with its buffer and returns the buffer's number.
int AddBinding(Program* program, const std::string& name, bool is_output, DType dtype,
               std::vector<ir::Dim> dims, ir::InputKind kind = ir::InputKind::kInput);
// Adds an arena buffer (not planned) and returns its number.
int AddArena(Program* program, const std::string& name, DType dtype, ir::Dim size);
Step LaunchStep(int kernel, std::vector<BufferArg> args, std::vector<ir::Dim> symbols = {});
Step BarrierStep();

// z[i] = x[i] + y[i] for f32[n<=1000], in chunks of 64 elements, 16 lanes, the tail masked.
Program VectorAddProgram();

// c = a * b for f32 m x k and k x n: b is packed into panels of 48 columns, then, after a barrier,
// tiles of 8 x 48 are computed, one fma chain in k an element.
Program PackedMatmulProgram(int64_t m, int64_t k, int64_t n);

// z = x * y in f32, x being bf16[m, 2 * pairs] and y i32[pairs, 16], pairs of bf16 along k: 16 rows
// a chunk, rows and steps that are not there masked.
Program TileDotProgram(int64_t m, int64_t pairs);

// Softmax over the rows of f32[m<=64, 37], one row a chunk.
Program SoftmaxProgram();

}  // namespace tenon::kernel

#endif  // TENON_TESTS_KERNEL_SAMPLES_H_
