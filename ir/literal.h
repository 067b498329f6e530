// A constant tensor: a static shape and its elements, row-major.
#ifndef TENON_IR_LITERAL_H_
#define TENON_IR_LITERAL_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "absl/types/span.h"
#include "tenon/ir/type.h"

namespace tenon::ir {

// The DType of a C++ element type. bf16 and f16 have none: use SetFromDouble.
template <typename T>
struct DTypeOf;
template <>
struct DTypeOf<float> {
  static constexpr DType value = DType::kF32;
};
template <>
struct DTypeOf<double> {
  static constexpr DType value = DType::kF64;
};
template <>
struct DTypeOf<int8_t> {
  static constexpr DType value = DType::kI8;
};
template <>
struct DTypeOf<uint8_t> {
  static constexpr DType value = DType::kU8;
};
template <>
struct DTypeOf<int32_t> {
  static constexpr DType value = DType::kI32;
};
template <>
struct DTypeOf<int64_t> {
  static constexpr DType value = DType::kI64;
};
template <>
struct DTypeOf<bool> {
  static constexpr DType value = DType::kBool;
};

class Literal {
 public:
  Literal() : Literal(DType::kF32, {}) {}
  // Zeros of the given shape.
  Literal(DType dtype, std::vector<int64_t> dims);

  template <typename T>
  static Literal Scalar(T value) {
    Literal l(DTypeOf<T>::value, {});
    std::memcpy(l.bytes_.data(), &value, sizeof(T));
    return l;
  }
  template <typename T>
  static Literal FromSpan(std::vector<int64_t> dims, absl::Span<const T> values) {
    Literal l(DTypeOf<T>::value, std::move(dims));
    // memcpy takes no null pointers, which empty arrays have.
    if (const size_t bytes = std::min(l.bytes_.size(), values.size() * sizeof(T)); bytes > 0) {
      std::memcpy(l.bytes_.data(), values.data(), bytes);
    }
    return l;
  }
  // A literal with every element `value`, rounded to dtype.
  static Literal Filled(DType dtype, std::vector<int64_t> dims, double value);

  DType dtype() const { return dtype_; }
  const std::vector<int64_t>& dims() const { return dims_; }
  int64_t size() const { return size_; }
  TensorType type() const;

  template <typename T>
  absl::Span<const T> data() const {
    return {reinterpret_cast<const T*>(bytes_.data()), static_cast<size_t>(size_)};
  }
  template <typename T>
  absl::Span<T> mutable_data() {
    return {reinterpret_cast<T*>(bytes_.data()), static_cast<size_t>(size_)};
  }
  const std::byte* bytes() const { return bytes_.data(); }
  std::byte* mutable_bytes() { return bytes_.data(); }
  size_t byte_size() const { return bytes_.size(); }

  // Element `i` of the row-major order, converted. i64 beyond 2^53 loses digits: use data<int64_t>.
  double GetAsDouble(int64_t i) const;
  void SetFromDouble(int64_t i, double value);

  // Equal type and equal bits.
  bool operator==(const Literal& other) const {
    return dtype_ == other.dtype_ && dims_ == other.dims_ && bytes_ == other.bytes_;
  }

 private:
  DType dtype_;
  std::vector<int64_t> dims_;
  int64_t size_;
  std::vector<std::byte> bytes_;
};

}  // namespace tenon::ir

#endif  // TENON_IR_LITERAL_H_
