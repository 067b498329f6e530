#include "tenon/ir/kernel/element.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "tenon/ir/math.h"
#include "tenon/ir/math_policy.h"

namespace tenon::kernel {
namespace {

using ir::DType;
using ir::ScalarOp;

template <typename T>
T Transcendental(ScalarOp op, bool fused, T a, T b) {
  if (fused) {
    math::ScalarPolicy<T, true> policy;
    return math::Evaluate(policy, op, a, b);
  }
  math::ScalarPolicy<T, false> policy;
  return math::Evaluate(policy, op, a, b);
}

template <typename T>
T FloatUnary(ScalarOp op, bool fused, T a) {
  switch (op) {
    case ScalarOp::kNeg:
      return -a;
    case ScalarOp::kAbs:
      return std::fabs(a);
    case ScalarOp::kSign:
      return a > 0 ? T{1} : a < 0 ? T{-1} : a;
    case ScalarOp::kFloor:
      return std::floor(a);
    case ScalarOp::kCeil:
      return std::ceil(a);
    case ScalarOp::kRound:
      return std::nearbyint(a);
    case ScalarOp::kTrunc:
      return std::trunc(a);
    case ScalarOp::kSqrt:
      return std::sqrt(a);
    default:  // transcendental, or refused by the verifier
      return Transcendental(op, fused, a, a);
  }
}

template <typename T>
T FloatBinary(ScalarOp op, bool fused, T a, T b) {
  switch (op) {
    case ScalarOp::kDiv:
      return a / b;
    case ScalarOp::kRem:
      return std::fmod(a, b);
    case ScalarOp::kMax:
      return b != b ? b : !(a <= b) ? a : b;
    case ScalarOp::kMin:
      return b != b ? b : !(a >= b) ? a : b;
    default:  // transcendental, or refused by the verifier
      return Transcendental(op, fused, a, b);
  }
}

template <typename T>
T IntUnary(ScalarOp op, T a) {
  if constexpr (std::is_same_v<T, bool>) {
    return op == ScalarOp::kNot ? !a : a;
  } else {
    if (op == ScalarOp::kNot) return static_cast<T>(~a);
    const T negated = Element<T>::Sub(0, a);
    if (op == ScalarOp::kNeg) return negated;
    if (op == ScalarOp::kAbs) return a < 0 ? negated : a;
    return static_cast<T>(a > 0 ? 1 : a < 0 ? -1 : 0);  // sign
  }
}

template <typename T>
T IntBinary(ScalarOp op, T a, T b) {
  using Unsigned = std::make_unsigned_t<std::conditional_t<std::is_same_v<T, bool>, uint8_t, T>>;
  const int count = static_cast<int>(static_cast<Unsigned>(b) % (sizeof(T) * 8));
  switch (op) {
    case ScalarOp::kDiv:
      if (b == 0) return 0;
      return static_cast<T>(-1) == b && std::is_signed_v<T> ? Element<T>::Sub(0, a)
                                                            : static_cast<T>(a / b);
    case ScalarOp::kRem:
      if (b == 0) return a;
      return static_cast<T>(-1) == b && std::is_signed_v<T> ? T{0} : static_cast<T>(a % b);
    case ScalarOp::kMax:
      return std::max(a, b);
    case ScalarOp::kMin:
      return std::min(a, b);
    case ScalarOp::kAnd:
      return static_cast<T>(a & b);
    case ScalarOp::kOr:
      return static_cast<T>(a | b);
    case ScalarOp::kXor:
      return static_cast<T>(a ^ b);
    case ScalarOp::kShl:
      return static_cast<T>(static_cast<uint64_t>(static_cast<Unsigned>(a)) << count);
    case ScalarOp::kShrLogical:
      return static_cast<T>(static_cast<Unsigned>(a) >> count);
    case ScalarOp::kShrArithmetic:
      return static_cast<T>(static_cast<std::make_signed_t<Unsigned>>(a) >> count);
    default:  // refused by the verifier
      return a;
  }
}

template <typename T>
T ReadAs(const std::byte* source) {
  T value;
  std::memcpy(&value, source, sizeof(value));
  return value;
}

template <typename To>
To Saturate(double value) {
  if (value != value) return 0;
  // The bounds as doubles may lie one above the type's: compare, then convert.
  if (value <= static_cast<double>(std::numeric_limits<To>::min())) {
    return std::numeric_limits<To>::min();
  }
  if (value >= static_cast<double>(std::numeric_limits<To>::max())) {
    return std::numeric_limits<To>::max();
  }
  return static_cast<To>(value);
}

template <typename From>
void CastFrom(From value, DType to, std::byte* target) {
  auto put = [&](auto result) { std::memcpy(target, &result, sizeof(result)); };
  auto integer = [&](auto zero) {
    using To = decltype(zero);
    if constexpr (std::is_floating_point_v<From>) return put(Saturate<To>(value));
    put(static_cast<To>(value));
  };
  switch (to) {
    case DType::kF32:
      return put(static_cast<float>(value));
    case DType::kF64:
      return put(static_cast<double>(value));
    case DType::kBF16:
      return put(ir::F32ToBF16(static_cast<float>(value)));
    case DType::kF16:
      return put(ir::F32ToF16(static_cast<float>(value)));
    case DType::kI8:
      return integer(int8_t{0});
    case DType::kU8:
      return integer(uint8_t{0});
    case DType::kI32:
      return integer(int32_t{0});
    case DType::kI64:
      return integer(int64_t{0});
    case DType::kBool:
      return put(static_cast<uint8_t>(value != 0));
  }
}

}  // namespace

template <typename T>
T Element<T>::Unary(ScalarOp op, bool fused, T a) {
  if constexpr (std::is_floating_point_v<T>)
    return FloatUnary(op, fused, a);
  else
    return IntUnary(op, a);
}

template <typename T>
T Element<T>::Binary(ScalarOp op, bool fused, T a, T b) {
  if constexpr (std::is_floating_point_v<T>)
    return FloatBinary(op, fused, a, b);
  else
    return IntBinary(op, a, b);
}

template struct Element<float>;
template struct Element<double>;
template struct Element<int8_t>;
template struct Element<uint8_t>;
template struct Element<int32_t>;
template struct Element<int64_t>;
template struct Element<bool>;

void CastElement(DType from, const std::byte* source, DType to, std::byte* target) {
  switch (from) {
    case DType::kF32:
      return CastFrom(ReadAs<float>(source), to, target);
    case DType::kF64:
      return CastFrom(ReadAs<double>(source), to, target);
    case DType::kBF16:
      return CastFrom(ir::BF16ToF32(ReadAs<uint16_t>(source)), to, target);
    case DType::kF16:
      return CastFrom(ir::F16ToF32(ReadAs<uint16_t>(source)), to, target);
    case DType::kI8:
      return CastFrom(ReadAs<int8_t>(source), to, target);
    case DType::kU8:
    case DType::kBool:
      return CastFrom(ReadAs<uint8_t>(source), to, target);
    case DType::kI32:
      return CastFrom(ReadAs<int32_t>(source), to, target);
    case DType::kI64:
      return CastFrom(ReadAs<int64_t>(source), to, target);
  }
}

int32_t PhiloxElement(int64_t key, int64_t index, int64_t stream) {
  math::ScalarPolicy<double, true> policy;
  return static_cast<int32_t>(math::Philox(policy, static_cast<uint64_t>(key),
                                           static_cast<uint64_t>(index),
                                           static_cast<uint64_t>(stream)));
}

}  // namespace tenon::kernel
