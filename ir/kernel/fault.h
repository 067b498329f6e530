// What a run that ended with a status other than TENON_OK tells its user.
#ifndef TENON_IR_KERNEL_FAULT_H_
#define TENON_IR_KERNEL_FAULT_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "tenon/ir/kernel/kernel.h"

namespace tenon::kernel {

// The three fields of tenon_frame that a program writes, and the tables that say what they mean.
struct Fault {
  int32_t status = 0;  // a tenon_status
  int32_t site = -1;
  int64_t value = 0;
};

// OK for TENON_OK; else an error that names the user's line, tensor or symbol.
absl::Status ToStatus(const Fault& fault, const std::vector<ir::Location>& sites,
                      const std::vector<Binding>& bindings, const std::vector<Symbol>& symbols);

}  // namespace tenon::kernel

#endif  // TENON_IR_KERNEL_FAULT_H_
