// One element's meaning for the kernel interpreter, by C++ type.
#ifndef TENON_IR_KERNEL_ELEMENT_H_
#define TENON_IR_KERNEL_ELEMENT_H_

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "tenon/ir/compute.h"
#include "tenon/ir/dtype.h"

namespace tenon::kernel {

// What is called most is inline; the rest goes by op.
template <typename T>
struct Element {
  static T Add(T a, T b) {
    if constexpr (std::is_floating_point_v<T>) return a + b;
    return static_cast<T>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
  }
  static T Sub(T a, T b) {
    if constexpr (std::is_floating_point_v<T>) return a - b;
    return static_cast<T>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
  }
  static T Mul(T a, T b) {
    if constexpr (std::is_floating_point_v<T>) return a * b;
    return static_cast<T>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
  }
  template <bool kFused>
  static T Fma(T a, T b, T c) {
    if constexpr (std::is_floating_point_v<T> && kFused) return std::fma(a, b, c);
    return Add(Mul(a, b), c);
  }
  static bool IsFinite(T a) {
    if constexpr (std::is_floating_point_v<T>) return std::isfinite(a);
    return true;
  }
  static T Unary(ir::ScalarOp op, bool fused, T a);
  static T Binary(ir::ScalarOp op, bool fused, T a, T b);
};

// Converts one element of type `from` at `source` into `to` at `target`.
void CastElement(ir::DType from, const std::byte* source, ir::DType to, std::byte* target);

int32_t PhiloxElement(int64_t key, int64_t index, int64_t stream);

}  // namespace tenon::kernel

#endif  // TENON_IR_KERNEL_ELEMENT_H_
