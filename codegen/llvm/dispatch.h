// Entries that hand on to one of several programs, by what the processor has. Internal to code
// generation.
#ifndef TENON_CODEGEN_LLVM_DISPATCH_H_
#define TENON_CODEGEN_LLVM_DISPATCH_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tenon/codegen/artifact.h"
#include "tenon/ir/target.h"

namespace tenon::codegen {

struct DispatchVariant {
  ir::TargetDesc target;
  std::string prepare_symbol, step_symbol;
};

// See CompileMultiIsa. `choice` is where in the prepared area the number of the variant stands. The
// processor is asked by instructions alone: no function of any library is called.
absl::StatusOr<ObjectCode> MakeDispatch(const std::string& name,
                                        const std::vector<DispatchVariant>& variants,
                                        int64_t choice, const std::string& prepare_symbol,
                                        const std::string& step_symbol, bool keep_llvm);

}  // namespace tenon::codegen

#endif  // TENON_CODEGEN_LLVM_DISPATCH_H_
