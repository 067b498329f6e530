// Types of values: an element type and a shape.
#ifndef TENON_IR_TYPE_H_
#define TENON_IR_TYPE_H_

#include <string>
#include <utility>
#include <vector>

#include "tenon/ir/dim.h"
#include "tenon/ir/dtype.h"

namespace tenon::ir {

// The highest rank that any op accepts.
inline constexpr int kMaxRank = 8;

using Shape = std::vector<Dim>;

struct TensorType {
  DType dtype = DType::kF32;
  Shape dims;

  int rank() const { return static_cast<int>(dims.size()); }
  bool is_static() const {
    for (const Dim& d : dims) {
      if (!d.is_constant()) return false;
    }
    return true;
  }
  // Elements, as an expression.
  Dim NumElements() const { return Product(dims); }
  // "f32[n,784]"; with_bounds prints symbols as "n<=64".
  std::string ToString(bool with_bounds = false) const;

  bool operator==(const TensorType& other) const {
    return dtype == other.dtype && dims == other.dims;
  }
  template <typename H>
  friend H AbslHashValue(H h, const TensorType& t) {
    return H::combine(std::move(h), t.dtype, t.dims);
  }
};

// "[n,784]".
std::string ShapeToString(const Shape& shape, bool with_bounds = false);

}  // namespace tenon::ir

#endif  // TENON_IR_TYPE_H_
