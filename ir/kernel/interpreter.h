// The interpreter of the kernel IR: runs a scheduled program with n logical threads, and watches.
//
// What it computes is, to the bit, what the generated code computes (arithmetic is ir/scalar.h in
// both). What it watches, no host sanitizer can see inside generated code:
//   race         two accesses of an element by different threads, one of them a write, that no
//                barrier separates; code outside `parallel` and predicates count for every thread
//   unwritten    a read of an element that nobody wrote, or of one that another buffer's data took
//                the place of: memory is tracked by buffer, so a wrong memory plan shows; locals
//                start unwritten in every chunk
//   out of bounds  an element beyond the buffer's size at this run's extents (not its bound), also
//                inside the arena, and for locals
//   read-only    a write to what may not be written
//   alias        two parameters of a launch touch one element, one writes, one is marked no_alias
//   overlap      a store with strides puts two of its elements in one place: which stays is not
//   said mask         a negative lane or row count fence        non-temporal stores that no fence
//   follows before the barrier output       an element of an output that nobody wrote
// Each report names buffer, element, kernel, step, chunk and instruction.
//
// Program -> Interpret -> outputs, or an error with the reports. The program must be verified.
#ifndef TENON_IR_KERNEL_INTERPRETER_H_
#define TENON_IR_KERNEL_INTERPRETER_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "tenon/ir/kernel/kernel.h"
#include "tenon/ir/literal.h"

namespace tenon::kernel {

struct InterpretOptions {
  int threads = 1;
  // Every two chunks that some number of threads would tell apart count as two threads: the
  // strictest reading, which covers all numbers of threads in one run.
  bool each_chunk_its_own_thread = false;
  int max_reports = 8;
  // Ends runs that do not end by themselves, with a ResourceExhausted error.
  int64_t max_instructions = int64_t{1} << 40;
};

struct InterpretResult {
  std::vector<ir::Literal> outputs;  // one an output binding, in order
  // What the frame would hold: a tenon_status, and the first fault's site and value. Outputs mean
  // nothing unless it is TENON_OK.
  int32_t status = 0;
  int32_t fault_site = -1;
  int64_t fault_value = 0;

  // What the run did, for those who compare two programs: a digest of all that was written outside
  // locals, in order (where, and which bits), and how many barriers were passed.
  uint64_t written_digest = 0;
  int64_t barriers = 0;
};

// Runs `prepare`, then `step`. `extents`: one a symbol; `inputs`: one a binding that is no output,
// in order. Errors: InvalidArgument for extents and inputs that do not fit the program, Internal
// with all reports for what was found.
absl::StatusOr<InterpretResult> Interpret(const Program& program, absl::Span<const int64_t> extents,
                                          absl::Span<const ir::Literal> inputs,
                                          const InterpretOptions& options = {});

}  // namespace tenon::kernel

#endif  // TENON_IR_KERNEL_INTERPRETER_H_
