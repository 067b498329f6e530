#include "tenon/ir/dtype.h"

#include <array>
#include <bit>
#include <cmath>

namespace tenon::ir {
namespace {

struct Row {
  absl::string_view name;
  int64_t bytes;
};
const std::array<Row, kNumDTypes>& Rows() {
  static const std::array<Row, kNumDTypes> rows = {{{"f32", 4},
                                                    {"f64", 8},
                                                    {"bf16", 2},
                                                    {"f16", 2},
                                                    {"i8", 1},
                                                    {"u8", 1},
                                                    {"i32", 4},
                                                    {"i64", 8},
                                                    {"bool", 1}}};
  return rows;
}

}  // namespace

absl::string_view DTypeName(DType dtype) { return Rows()[static_cast<size_t>(dtype)].name; }

std::optional<DType> ParseDType(absl::string_view name) {
  for (int i = 0; i < kNumDTypes; ++i) {
    if (Rows()[i].name == name) return static_cast<DType>(i);
  }
  return std::nullopt;
}

int64_t ByteSize(DType dtype) { return Rows()[static_cast<size_t>(dtype)].bytes; }

uint16_t F32ToBF16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if (std::isnan(value)) return static_cast<uint16_t>((bits >> 16) | 0x40);
  // Half an ulp of the result, less one where the kept part is even: ties go to even.
  return static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

float BF16ToF32(uint16_t bits) { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }

uint16_t F32ToF16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint16_t sign = static_cast<uint16_t>((bits >> 16) & 0x8000);
  const uint32_t magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) {  // NaN: keep the top of the payload, make it quiet
    return static_cast<uint16_t>(sign | 0x7e00 | ((magnitude >> 13) & 0x1ff));
  }
  if (magnitude >= 0x477ff000) return static_cast<uint16_t>(sign | 0x7c00);  // rounds to infinity
  if (magnitude < 0x38800000) {  // subnormal in f16: adding 0.5 aligns and rounds in hardware
    const float aligned = std::bit_cast<float>(magnitude) + 0.5f;
    return static_cast<uint16_t>(sign | (std::bit_cast<uint32_t>(aligned) - 0x3f000000));
  }
  const uint32_t rounded = magnitude + 0xfff + ((magnitude >> 13) & 1);
  return static_cast<uint16_t>(sign | ((rounded - 0x38000000) >> 13));
}

float F16ToF32(uint16_t bits) {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000) << 16;
  const uint32_t exponent = (bits >> 10) & 0x1f;
  const uint32_t mantissa = bits & 0x3ff;
  if (exponent == 0x1f) {
    // As hardware converts: infinity stays, a NaN is made quiet.
    const uint32_t quiet = mantissa != 0 ? 0x400000 : 0;
    return std::bit_cast<float>(sign | 0x7f800000 | quiet | (mantissa << 13));
  }
  if (exponent == 0) {
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
    return sign != 0 ? -magnitude : magnitude;
  }
  return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (mantissa << 13));
}

}  // namespace tenon::ir
