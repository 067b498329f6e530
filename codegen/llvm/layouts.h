// Offsets into the structs of runtime/abi.h, as the host's compiler lays them out: every supported
// target is LP64 and little-endian and lays plain C structs out alike.
#ifndef TENON_CODEGEN_LLVM_LAYOUTS_H_
#define TENON_CODEGEN_LLVM_LAYOUTS_H_

#include <cstddef>

#include "tenon/codegen/llvm/scalar_emitter.h"
#include "tenon/runtime/abi.h"

namespace tenon::codegen {

static_assert(sizeof(void*) == 8, "offsets of the ABI's structs are taken from the host");

// The address of the field at `offset` bytes.
inline llvm::Value* FieldPointer(Builder& b, llvm::Value* base, size_t offset) {
  return b.CreateGEP(b.getInt8Ty(), base, b.getInt64(offset));
}

}  // namespace tenon::codegen

#endif  // TENON_CODEGEN_LLVM_LAYOUTS_H_
