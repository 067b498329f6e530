// Which values of a kernel live in matrix registers: AMX's eight tiles of 16 rows by 64 bytes.
// Internal to code generation.
//
// A register can only be loaded, stored, zeroed and multiplied. So a value lives in one where it
// has 16 x 16 elements of 32 bits and nothing else is ever done to it: accumulators of loops (and
// conditions), and operands that are loaded whole. Everything else stays in vectors, and goes
// through memory on its way to a multiplication. All registers have the same shape: the machine
// knows one configuration at a time, and changing it clears them.
#ifndef TENON_CODEGEN_LLVM_MATRIX_VALUES_H_
#define TENON_CODEGEN_LLVM_MATRIX_VALUES_H_

#include <vector>

#include "tenon/codegen/llvm/recurrence.h"
#include "tenon/ir/kernel/kernel.h"

namespace tenon::codegen {

inline constexpr int kMatrixRows = 16;
inline constexpr int kMatrixLanes = 16;
inline constexpr int kMatrixRowBytes = 64;

// Whether a tile_dot is one instruction on matrix registers.
bool FitsMatrixRegisters(const kernel::Kernel& kernel, const kernel::Instr& tile_dot);

// By value. All false where the kernel has no tile_dot that fits.
std::vector<bool> FindMatrixValues(const kernel::Kernel& kernel, const Definitions& definitions);

}  // namespace tenon::codegen

#endif  // TENON_CODEGEN_LLVM_MATRIX_VALUES_H_
