// What the tests of code generation share: programs around one kernel, native runs with every
// buffer against a guard page, and the comparison with the kernel interpreter.
#ifndef TENON_TESTS_CODEGEN_HARNESS_H_
#define TENON_TESTS_CODEGEN_HARNESS_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tenon/codegen/artifact.h"
#include "tenon/codegen/jit.h"
#include "tenon/ir/kernel/builder.h"
#include "tenon/ir/kernel/interpreter.h"
#include "tenon/ir/literal.h"
#include "tenon/ir/target.h"

namespace tenon::codegen {

struct NamedTarget {
  std::string name;
  ir::TargetDesc target;
};
// SSE2, AVX2 and AVX-512, as far as this machine runs them.
std::vector<NamedTarget> RunnableTargets();

// A program that launches `kernel` once. Parameter i is a buffer of sizes[i] elements: an output
// where the kernel writes it (write-only), an input otherwise. `symbols` are the program's, which
// the kernel's own must be among.
kernel::Program ProgramOf(kernel::Kernel kernel, const std::vector<ir::Dim>& sizes,
                          std::vector<kernel::Symbol> symbols = {});

struct NativeResult {
  std::vector<ir::Literal> outputs;
  int32_t status = 0;
  int32_t fault_site = -1;
  int64_t fault_value = 0;
};

// Runs prepare and step with `threads` threads; every buffer ends (or, where `guard_start`, starts)
// at a page that may not be touched.
absl::StatusOr<NativeResult> RunNative(const kernel::Program& program, const Artifact& artifact,
                                       const LoadedProgram& loaded,
                                       const std::vector<int64_t>& extents,
                                       const std::vector<ir::Literal>& inputs, int threads,
                                       bool guard_start);

// Merges programs of one launch each into one that runs them all, so that a table of small cases is
// compiled at once. They must have the same symbols.
kernel::Program Join(const std::vector<kernel::Program>& programs);

// Zeros of an output's type at the given extents.
absl::StatusOr<ir::Literal> OutputShape(const kernel::Program& program,
                                        const kernel::Binding& binding,
                                        const std::vector<int64_t>& extents);

enum class Emulate { kNo, kYes };
// Runs the program natively on every runnable target, with 1 and 3 threads, where asked for under
// the AArch64 emulator too (if that is installed), and in the interpreter; outputs and faults must
// agree to the bit (NaN with NaN).
void ExpectNativeEqualsInterpreter(kernel::Program program, const std::vector<int64_t>& extents,
                                   const std::vector<ir::Literal>& inputs,
                                   Emulate emulate = Emulate::kNo);

// "" when equal to the bit, NaNs counting as equal; else the first difference.
std::string FirstDifference(const ir::Literal& expected, const ir::Literal& actual);

// Elements that provoke: special values of the type first, then pseudo-random ones.
ir::Literal Provocative(ir::DType dtype, int64_t size, uint64_t seed);

}  // namespace tenon::codegen

#endif  // TENON_TESTS_CODEGEN_HARNESS_H_
