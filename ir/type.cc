#include "tenon/ir/type.h"

#include "absl/strings/str_cat.h"

namespace tenon::ir {

std::string ShapeToString(const Shape& shape, bool with_bounds) {
  std::string out = "[";
  for (size_t i = 0; i < shape.size(); ++i) {
    absl::StrAppend(&out, i == 0 ? "" : ",", shape[i].ToString(with_bounds));
  }
  return out + "]";
}

std::string TensorType::ToString(bool with_bounds) const {
  return absl::StrCat(DTypeName(dtype), ShapeToString(dims, with_bounds));
}

}  // namespace tenon::ir
