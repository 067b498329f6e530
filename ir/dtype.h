// Element types of tensors. The codes are those of the ABI (runtime/abi.h), which file formats
// share.
#ifndef TENON_IR_DTYPE_H_
#define TENON_IR_DTYPE_H_

#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"
#include "tenon/runtime/abi.h"

namespace tenon::ir {

enum class DType : uint8_t {
  kF32 = TENON_F32,
  kF64 = TENON_F64,
  kBF16 = TENON_BF16,
  kF16 = TENON_F16,
  kI8 = TENON_I8,
  kU8 = TENON_U8,
  kI32 = TENON_I32,
  kI64 = TENON_I64,
  kBool = TENON_BOOL,  // one byte, 0 or 1
};
inline constexpr int kNumDTypes = 9;

// The spelling in text forms: "f32", "bf16", "bool", ...
absl::string_view DTypeName(DType dtype);
std::optional<DType> ParseDType(absl::string_view name);

// Size of one element in bytes.
int64_t ByteSize(DType dtype);

constexpr bool IsFloat(DType t) {
  return t == DType::kF32 || t == DType::kF64 || t == DType::kBF16 || t == DType::kF16;
}
// Integers proper; bool is neither integer nor float.
constexpr bool IsInteger(DType t) {
  return t == DType::kI8 || t == DType::kU8 || t == DType::kI32 || t == DType::kI64;
}
constexpr bool IsSigned(DType t) { return IsFloat(t) || (IsInteger(t) && t != DType::kU8); }

// The type in which element-wise work on `t` is done: f32 for bf16 and f16, `t` itself otherwise.
constexpr DType ComputeType(DType t) {
  return t == DType::kBF16 || t == DType::kF16 ? DType::kF32 : t;
}

// Conversions between f32 and the 16-bit formats' bit patterns; to nearest, ties to even. NaN stays
// NaN (quiet); overflow becomes infinity.
uint16_t F32ToBF16(float value);
float BF16ToF32(uint16_t bits);
uint16_t F32ToF16(float value);
float F16ToF32(uint16_t bits);

}  // namespace tenon::ir

#endif  // TENON_IR_DTYPE_H_
