// The bytes of a kernel that its code follows from: no names, no source lines.
#ifndef TENON_CODEGEN_KERNEL_BYTES_H_
#define TENON_CODEGEN_KERNEL_BYTES_H_

#include <string>

#include "tenon/ir/kernel/kernel.h"

namespace tenon::codegen {

// Two kernels with equal bytes compile to equal code. Of symbols, only the number counts: a kernel
// refers to them by position.
std::string KernelBytes(const kernel::Kernel& kernel);

}  // namespace tenon::codegen

#endif  // TENON_CODEGEN_KERNEL_BYTES_H_
