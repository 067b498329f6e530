// What objects need of others (helpers.def): for tests and for those who link them.
#ifndef TENON_CODEGEN_AOT_HELPERS_H_
#define TENON_CODEGEN_AOT_HELPERS_H_

#include <set>
#include <string>

#include "absl/strings/string_view.h"
#include "tenon/ir/target.h"

namespace tenon::codegen {

// All symbols that an object for `target` may leave undefined.
std::set<std::string> HelperSymbols(const ir::TargetDesc& target);

// memcpy and its like: which objects need them is LLVM's choice from case to case.
bool IsMemoryFunction(absl::string_view symbol);

}  // namespace tenon::codegen

#endif  // TENON_CODEGEN_AOT_HELPERS_H_
