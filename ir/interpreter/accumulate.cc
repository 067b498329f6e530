// Reductions, one element after the other.
#include <cstdint>
#include <limits>
#include <type_traits>

#include "tenon/ir/check.h"
#include "tenon/ir/interpreter/evaluate.h"

namespace tenon::ir::internal {
namespace {

// Calls f with a zero of the C++ type of `dtype`; bool is a byte.
template <typename F>
void WithType(DType dtype, F&& f) {
  switch (dtype) {
    case DType::kF32:
      return f(float{});
    case DType::kF64:
      return f(double{});
    case DType::kI8:
      return f(int8_t{});
    case DType::kU8:
    case DType::kBool:
      return f(uint8_t{});
    case DType::kI32:
      return f(int32_t{});
    case DType::kI64:
      return f(int64_t{});
    case DType::kBF16:
    case DType::kF16:
      TENON_CHECK(false);  // they accumulate in f32
  }
}

// Integers wrap: their sums and products are those of unsigned integers.
template <typename T>
T Sum(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    return a + b;
  } else {
    return static_cast<T>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
  }
}
template <typename T>
T Product(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    return a * b;
  } else {
    return static_cast<T>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
  }
}
// As in scalar_ops.def: NaN passes through.
template <typename T>
T Maximum(T a, T b) {
  return b != b ? b : (!(a <= b) ? a : b);
}
template <typename T>
T Minimum(T a, T b) {
  return b != b ? b : (!(a >= b) ? a : b);
}

template <typename T>
T Identity(Combiner combiner) {
  using Limits = std::numeric_limits<T>;
  switch (combiner) {
    case Combiner::kProd:
    case Combiner::kAnd:
      return 1;
    case Combiner::kMax:
      return Limits::has_infinity ? static_cast<T>(-Limits::infinity()) : Limits::lowest();
    case Combiner::kMin:
      return Limits::has_infinity ? Limits::infinity() : Limits::max();
    case Combiner::kSum:
    case Combiner::kOr:
    case Combiner::kNone:
      break;
  }
  return 0;
}

template <typename T>
T Fold(Combiner combiner, T acc, int64_t n, const T* values) {
  switch (combiner) {
    case Combiner::kSum:
      for (int64_t i = 0; i < n; ++i) acc = Sum(acc, values[i]);
      break;
    case Combiner::kProd:
      for (int64_t i = 0; i < n; ++i) acc = Product(acc, values[i]);
      break;
    case Combiner::kMax:
      for (int64_t i = 0; i < n; ++i) acc = Maximum(acc, values[i]);
      break;
    case Combiner::kMin:
      for (int64_t i = 0; i < n; ++i) acc = Minimum(acc, values[i]);
      break;
    case Combiner::kAnd:
      for (int64_t i = 0; i < n; ++i) acc = static_cast<T>(acc != 0 && values[i] != 0);
      break;
    case Combiner::kOr:
      for (int64_t i = 0; i < n; ++i) acc = static_cast<T>(acc != 0 || values[i] != 0);
      break;
    case Combiner::kNone:
      TENON_CHECK(false);
  }
  return acc;
}

}  // namespace

void SetIdentity(Combiner combiner, DType dtype, void* acc) {
  WithType(dtype, [&](auto zero) {
    using T = decltype(zero);
    *static_cast<T*>(acc) = Identity<T>(combiner);
  });
}

void Accumulate(Combiner combiner, DType dtype, int64_t n, const void* values, void* acc) {
  WithType(dtype, [&](auto zero) {
    using T = decltype(zero);
    T& a = *static_cast<T*>(acc);
    a = Fold<T>(combiner, a, n, static_cast<const T*>(values));
  });
}

}  // namespace tenon::ir::internal
