// The text form of the kernel IR, described with examples in docs/kernel-ir.md.
//
// Print -> Parse -> Print is a fixed point. Names are made unique when printed ("t", "t.1"), values
// are numbered in order of definition, and what is the default is left out.
#ifndef TENON_IR_KERNEL_TEXT_H_
#define TENON_IR_KERNEL_TEXT_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tenon/ir/kernel/kernel.h"

namespace tenon::kernel {

std::string Print(const Kernel& kernel);
std::string Print(const Program& program);
// One line for one instruction, blocks left out: for reports.
std::string Print(const Kernel& kernel, const Instr& instr);

// Errors name line and column. The result is parsed, not verified: see ir/kernel/verifier.h.
absl::StatusOr<Kernel> ParseKernel(absl::string_view text, absl::string_view filename = "<text>");
absl::StatusOr<Program> ParseProgram(absl::string_view text, absl::string_view filename = "<text>");

}  // namespace tenon::kernel

#endif  // TENON_IR_KERNEL_TEXT_H_
