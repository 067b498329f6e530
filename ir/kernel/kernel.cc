// Names and spellings of the kernel IR's types.
#include "tenon/ir/kernel/kernel.h"

#include "absl/strings/str_cat.h"

namespace tenon::kernel {

std::string Type::ToString() const {
  const std::string element(ir::DTypeName(dtype));
  if (is_scalar()) return element;
  if (rows == 1) return absl::StrCat(element, "<", lanes, ">");
  return absl::StrCat(element, "<", rows, " x ", lanes, ">");
}

absl::string_view OpName(Op op) {
  switch (op) {
#define TENON_KERNEL_OP(enumerator, spelling) \
  case Op::enumerator:                        \
    return spelling;
#include "tenon/ir/kernel/ops.def"
  }
  return "";
}

}  // namespace tenon::kernel
