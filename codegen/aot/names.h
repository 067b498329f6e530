// How the generated header spells types and dimensions in C. Internal to codegen/aot.
#ifndef TENON_CODEGEN_AOT_NAMES_H_
#define TENON_CODEGEN_AOT_NAMES_H_

#include <string>

#include "tenon/ir/dim.h"
#include "tenon/ir/dtype.h"

namespace tenon::codegen {

// bf16 and f16 are their bits, bool is a byte.
const char* CTypeOf(ir::DType dtype);

// A dimension as a C expression over the symbols, which `prefix` stands before.
std::string ToC(const ir::Dim& dim, const std::string& prefix);

}  // namespace tenon::codegen

#endif  // TENON_CODEGEN_AOT_NAMES_H_
