#include "tenon/ir/kernel/fault.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "tenon/runtime/abi.h"

namespace tenon::kernel {
namespace {

template <typename Row>
std::string NameOf(const std::vector<Row>& rows, int64_t i) {
  if (i < 0 || i >= static_cast<int64_t>(rows.size())) return absl::StrCat("number ", i);
  return absl::StrCat("'", rows[static_cast<size_t>(i)].name, "'");
}

}  // namespace

absl::Status ToStatus(const Fault& fault, const std::vector<ir::Location>& sites,
                      const std::vector<Binding>& bindings, const std::vector<Symbol>& symbols) {
  std::string place;
  if (fault.site >= 0 && fault.site < static_cast<int32_t>(sites.size())) {
    place = absl::StrCat(sites[fault.site].ToString(), ": ");
  }
  switch (static_cast<tenon_status>(fault.status)) {
    case TENON_OK:
      return absl::OkStatus();
    case TENON_INDEX_OUT_OF_RANGE:
      return absl::OutOfRangeError(absl::StrCat(place, "index ", fault.value, " is out of range"));
    case TENON_NOT_FINITE:
      return absl::OutOfRangeError(absl::StrCat(place, "a value is not finite"));
    case TENON_CANCELLED:
      return absl::CancelledError("the run was cancelled");
    case TENON_BAD_THREAD:
      return absl::InvalidArgumentError(
          absl::StrCat("the program was run as thread ", fault.value,
                       ": threads are numbered from 0, and several need a team"));
    case TENON_BAD_EXTENT:
      return absl::InvalidArgumentError(absl::StrCat("the extent of symbol ",
                                                     NameOf(symbols, fault.value),
                                                     " is negative or beyond its bound"));
    case TENON_MISSING_BUFFER:
      return absl::InvalidArgumentError(
          absl::StrCat("tensor ", NameOf(bindings, fault.value), " has no memory"));
    case TENON_MISALIGNED_BUFFER:
      return absl::InvalidArgumentError(
          absl::StrCat("the memory of tensor ", NameOf(bindings, fault.value),
                       " does not start at a multiple of its element's size"));
    case TENON_BAD_MEMORY:
      return absl::InvalidArgumentError(absl::StrCat(
          fault.value == 0 ? "the arena" : "the prepared area", " is missing, or does not start at",
          " a multiple of ", TENON_ARENA_ALIGNMENT, " bytes"));
    case TENON_WRONG_WEIGHTS:
      return absl::InvalidArgumentError("the weights are not those that the program was made with");
    case TENON_NO_REGISTERS:
      return absl::FailedPreconditionError(
          absl::StrCat("the system does not give this process the processor's matrix registers (",
                       fault.value, "), which the program was compiled for"));
  }
  return absl::InternalError(absl::StrCat("the program ended with status ", fault.status));
}

}  // namespace tenon::kernel
