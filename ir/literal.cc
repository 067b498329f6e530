#include "tenon/ir/literal.h"

#include <cmath>

#include "tenon/ir/check.h"

namespace tenon::ir {
namespace {

template <typename T>
T FromDouble(double value) {
  if constexpr (std::is_floating_point_v<T>) {
    return static_cast<T>(value);
  } else {  // as kCast: truncates, saturates, NaN gives 0
    if (std::isnan(value)) return 0;
    const double low = static_cast<double>(std::numeric_limits<T>::min());
    const double high = static_cast<double>(std::numeric_limits<T>::max());
    if (value <= low) return std::numeric_limits<T>::min();
    if (value >= high) return std::numeric_limits<T>::max();
    return static_cast<T>(value);
  }
}

}  // namespace

Literal::Literal(DType dtype, std::vector<int64_t> dims)
    : dtype_(dtype), dims_(std::move(dims)), size_(1) {
  for (int64_t d : dims_) {
    TENON_CHECK(d >= 0 && !__builtin_mul_overflow(size_, d, &size_));
  }
  int64_t bytes;
  TENON_CHECK(!__builtin_mul_overflow(size_, ByteSize(dtype_), &bytes));
  bytes_.resize(static_cast<size_t>(bytes));
}

Literal Literal::Filled(DType dtype, std::vector<int64_t> dims, double value) {
  Literal l(dtype, std::move(dims));
  for (int64_t i = 0; i < l.size(); ++i) l.SetFromDouble(i, value);
  return l;
}

TensorType Literal::type() const {
  TensorType type{dtype_, {}};
  for (int64_t d : dims_) type.dims.push_back(Dim(d));
  return type;
}

double Literal::GetAsDouble(int64_t i) const {
  switch (dtype_) {
    case DType::kF32:
      return data<float>()[i];
    case DType::kF64:
      return data<double>()[i];
    case DType::kBF16:
      return BF16ToF32(data<uint16_t>()[i]);
    case DType::kF16:
      return F16ToF32(data<uint16_t>()[i]);
    case DType::kI8:
      return data<int8_t>()[i];
    case DType::kU8:
    case DType::kBool:
      return data<uint8_t>()[i];
    case DType::kI32:
      return data<int32_t>()[i];
    case DType::kI64:
      return static_cast<double>(data<int64_t>()[i]);
  }
  return 0;
}

void Literal::SetFromDouble(int64_t i, double value) {
  switch (dtype_) {
    case DType::kF32:
      mutable_data<float>()[i] = static_cast<float>(value);
      return;
    case DType::kF64:
      mutable_data<double>()[i] = value;
      return;
    case DType::kBF16:
      mutable_data<uint16_t>()[i] = F32ToBF16(static_cast<float>(value));
      return;
    case DType::kF16:
      mutable_data<uint16_t>()[i] = F32ToF16(static_cast<float>(value));
      return;
    case DType::kI8:
      mutable_data<int8_t>()[i] = FromDouble<int8_t>(value);
      return;
    case DType::kU8:
      mutable_data<uint8_t>()[i] = FromDouble<uint8_t>(value);
      return;
    case DType::kI32:
      mutable_data<int32_t>()[i] = FromDouble<int32_t>(value);
      return;
    case DType::kI64:
      mutable_data<int64_t>()[i] = FromDouble<int64_t>(value);
      return;
    case DType::kBool:
      mutable_data<uint8_t>()[i] = value != 0;
      return;
  }
}

}  // namespace tenon::ir
