// Mistakes made on purpose, a stage each (sabotage.def): a compiler that is wrong in a known place,
// to test what finds the place. Only the hidden option --sabotage of `diff` and `reduce` asks for
// it.
#ifndef TENON_TOOLS_SABOTAGE_H_
#define TENON_TOOLS_SABOTAGE_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "tenon/ir/kernel/kernel.h"
#include "tenon/passes/options.h"

namespace tenon::tools {

// Lets the compilation that `pipeline` describes make the mistake of `stage`, or sets `native`:
// what happens to a program on its way to code. An empty stage does nothing; an unknown one is an
// error.
absl::Status Sabotage(const std::string& stage, passes::PipelineOptions* pipeline,
                      std::function<void(kernel::Program*)>* native);

}  // namespace tenon::tools

#endif  // TENON_TOOLS_SABOTAGE_H_
