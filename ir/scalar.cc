#include "tenon/ir/scalar.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "tenon/ir/check.h"
#include "tenon/ir/math.h"
#include "tenon/ir/math_policy.h"

namespace tenon::ir {
namespace {

// The 16-bit formats as types of their own, so that overloads tell them from integers.
struct BF16 {
  uint16_t bits;
};
struct F16 {
  uint16_t bits;
};
// A byte of 0 or 1.
struct StoredBool {
  uint8_t value;
};

template <typename T>
inline constexpr bool kIsHalf = std::is_same_v<T, BF16> || std::is_same_v<T, F16>;

// Calls visit with a value of the C++ type of `dtype`.
template <typename Visitor>
void VisitType(DType dtype, Visitor&& visit) {
  switch (dtype) {
    case DType::kF32:
      return visit(float{});
    case DType::kF64:
      return visit(double{});
    case DType::kBF16:
      return visit(BF16{});
    case DType::kF16:
      return visit(F16{});
    case DType::kI8:
      return visit(int8_t{});
    case DType::kU8:
      return visit(uint8_t{});
    case DType::kI32:
      return visit(int32_t{});
    case DType::kI64:
      return visit(int64_t{});
    case DType::kBool:
      return visit(StoredBool{});
  }
}

float Widen(BF16 v) { return BF16ToF32(v.bits); }
float Widen(F16 v) { return F16ToF32(v.bits); }
template <typename H>
H Narrow(float v) {
  if constexpr (std::is_same_v<H, BF16>) {
    return {F32ToBF16(v)};
  } else {
    return {F32ToF16(v)};
  }
}

// out[i] = fn(args...) with the arguments of type T.
template <typename T, typename R, typename Fn>
void Map1(int64_t n, const ScalarArg* args, void* out, Fn fn) {
  const T* a = static_cast<const T*>(args[0].data);
  R* r = static_cast<R*>(out);
  for (int64_t i = 0; i < n; ++i) r[i] = fn(a[i * args[0].stride]);
}
template <typename T, typename R, typename Fn>
void Map2(int64_t n, const ScalarArg* args, void* out, Fn fn) {
  const T* a = static_cast<const T*>(args[0].data);
  const T* b = static_cast<const T*>(args[1].data);
  R* r = static_cast<R*>(out);
  for (int64_t i = 0; i < n; ++i) r[i] = fn(a[i * args[0].stride], b[i * args[1].stride]);
}
template <typename T, typename R, typename Fn>
void Map3(int64_t n, const ScalarArg* args, void* out, Fn fn) {
  const T* a = static_cast<const T*>(args[0].data);
  const T* b = static_cast<const T*>(args[1].data);
  const T* c = static_cast<const T*>(args[2].data);
  R* r = static_cast<R*>(out);
  for (int64_t i = 0; i < n; ++i) {
    r[i] = fn(a[i * args[0].stride], b[i * args[1].stride], c[i * args[2].stride]);
  }
}

template <typename From, typename To>
To Convert(From v) {
  if constexpr (kIsHalf<From>) {
    return Convert<float, To>(Widen(v));
  } else if constexpr (std::is_same_v<From, StoredBool>) {
    return Convert<int32_t, To>(v.value);
  } else if constexpr (kIsHalf<To>) {
    return Narrow<To>(Convert<From, float>(v));
  } else if constexpr (std::is_same_v<To, StoredBool>) {
    return {static_cast<uint8_t>(v != 0)};
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    // The limits' neighbours are exact as powers of two; what is left truncates in range.
    constexpr From kLow = static_cast<From>(std::numeric_limits<To>::min());
    const From high = std::ldexp(From{1}, std::numeric_limits<To>::digits);
    if (std::isnan(v)) return 0;
    if (v < kLow) return std::numeric_limits<To>::min();
    if (v >= high) return std::numeric_limits<To>::max();
    return static_cast<To>(v);
  } else {
    return static_cast<To>(v);
  }
}

void EvalCast(DType from, DType to, int64_t n, const ScalarArg* args, void* out) {
  VisitType(from, [&](auto f) {
    VisitType(to, [&](auto t) {
      Map1<decltype(f), decltype(t)>(n, args, out, Convert<decltype(f), decltype(t)>);
    });
  });
}

template <size_t kSize>
void CopyElements(int64_t n, const ScalarArg& arg, void* out) {
  struct Element {
    unsigned char bytes[kSize];
  };
  Map1<Element, Element>(n, &arg, out, [](Element e) { return e; });
}
void EvalBitcast(int64_t size, int64_t n, const ScalarArg* args, void* out) {
  if (size == 1) CopyElements<1>(n, args[0], out);
  if (size == 2) CopyElements<2>(n, args[0], out);
  if (size == 4) CopyElements<4>(n, args[0], out);
  if (size == 8) CopyElements<8>(n, args[0], out);
}

template <size_t kSize>
void SelectElements(int64_t n, const ScalarArg* args, void* out) {
  struct Element {
    unsigned char bytes[kSize];
  };
  const uint8_t* condition = static_cast<const uint8_t*>(args[0].data);
  const Element* a = static_cast<const Element*>(args[1].data);
  const Element* b = static_cast<const Element*>(args[2].data);
  Element* r = static_cast<Element*>(out);
  for (int64_t i = 0; i < n; ++i) {
    r[i] = condition[i * args[0].stride] != 0 ? a[i * args[1].stride] : b[i * args[2].stride];
  }
}
void EvalSelect(int64_t size, int64_t n, const ScalarArg* args, void* out) {
  if (size == 1) SelectElements<1>(n, args, out);
  if (size == 2) SelectElements<2>(n, args, out);
  if (size == 4) SelectElements<4>(n, args, out);
  if (size == 8) SelectElements<8>(n, args, out);
}

void EvalPhilox(int64_t n, const ScalarArg* args, void* out) {
  math::ScalarPolicy<double, false> policy;
  Map3<uint64_t, uint32_t>(n, args, out, [&](uint64_t key, uint64_t index, uint64_t stream) {
    return static_cast<uint32_t>(math::Philox(policy, key, index, stream));
  });
}

// Comparisons and max and min, for everything that C++ compares. Whether `op` was one of them.
template <typename T>
bool EvalOrdered(ScalarOp op, int64_t n, const ScalarArg* args, void* out) {
  const auto compare = [&](auto fn) { Map2<T, uint8_t>(n, args, out, fn); };
  if (op == ScalarOp::kEq) return compare([](T a, T b) { return a == b; }), true;
  if (op == ScalarOp::kNe) return compare([](T a, T b) { return a != b; }), true;
  if (op == ScalarOp::kLt) return compare([](T a, T b) { return a < b; }), true;
  if (op == ScalarOp::kLe) return compare([](T a, T b) { return a <= b; }), true;
  if (op == ScalarOp::kGt) return compare([](T a, T b) { return a > b; }), true;
  if (op == ScalarOp::kGe) return compare([](T a, T b) { return a >= b; }), true;
  if (op == ScalarOp::kMax) {
    return Map2<T, T>(n, args, out, [](T a, T b) { return b != b || a <= b ? b : a; }), true;
  }
  if (op == ScalarOp::kMin) {
    return Map2<T, T>(n, args, out, [](T a, T b) { return b != b || a >= b ? b : a; }), true;
  }
  return false;
}

template <typename T, bool kFused>
void EvalTranscendental(ScalarOp op, int64_t n, const ScalarArg* args, void* out) {
  math::ScalarPolicy<T, kFused> p;
  const auto map = [&](auto fn) { Map1<T, T>(n, args, out, [&](T x) { return fn(p, x); }); };
  using P = math::ScalarPolicy<T, kFused>;
  if (op == ScalarOp::kExp) return map(math::Exp<P>);
  if (op == ScalarOp::kPow) {
    return Map2<T, T>(n, args, out, [&](T x, T y) { return math::Pow(p, x, y); });
  }
  map([op](P& policy, T x) { return math::Evaluate(policy, op, x, x); });
}

template <typename T>
void EvalFma(bool has_fma, int64_t n, const ScalarArg* args, void* out) {
  if (has_fma) return Map3<T, T>(n, args, out, [](T a, T b, T c) { return std::fma(a, b, c); });
  Map3<T, T>(n, args, out, [](T a, T b, T c) { return a * b + c; });
}

template <typename T>
T Sign(T a) {
  return a > 0 ? T{1} : a < 0 ? T{-1} : a;  // zeros and NaN: themselves
}

template <typename T>
void EvalFloat(ScalarOp op, bool has_fma, int64_t n, const ScalarArg* args, void* out) {
  if (math::IsTranscendental(op)) {
    return has_fma ? EvalTranscendental<T, true>(op, n, args, out)
                   : EvalTranscendental<T, false>(op, n, args, out);
  }
  if (EvalOrdered<T>(op, n, args, out)) return;
  switch (op) {
    case ScalarOp::kAdd:
      return Map2<T, T>(n, args, out, [](T a, T b) { return a + b; });
    case ScalarOp::kSub:
      return Map2<T, T>(n, args, out, [](T a, T b) { return a - b; });
    case ScalarOp::kMul:
      return Map2<T, T>(n, args, out, [](T a, T b) { return a * b; });
    case ScalarOp::kDiv:
      return Map2<T, T>(n, args, out, [](T a, T b) { return a / b; });
    case ScalarOp::kRem:
      return Map2<T, T>(n, args, out, [](T a, T b) { return std::fmod(a, b); });
    case ScalarOp::kNeg:
      return Map1<T, T>(n, args, out, [](T a) { return -a; });
    case ScalarOp::kAbs:
      return Map1<T, T>(n, args, out, [](T a) { return std::fabs(a); });
    case ScalarOp::kSign:
      return Map1<T, T>(n, args, out, Sign<T>);
    case ScalarOp::kFma:
      return EvalFma<T>(has_fma, n, args, out);
    case ScalarOp::kFloor:
      return Map1<T, T>(n, args, out, [](T a) { return std::floor(a); });
    case ScalarOp::kCeil:
      return Map1<T, T>(n, args, out, [](T a) { return std::ceil(a); });
    case ScalarOp::kRound:
      return Map1<T, T>(n, args, out, [](T a) { return std::nearbyint(a); });
    case ScalarOp::kTrunc:
      return Map1<T, T>(n, args, out, [](T a) { return std::trunc(a); });
    case ScalarOp::kSqrt:
      return Map1<T, T>(n, args, out, [](T a) { return std::sqrt(a); });
    case ScalarOp::kIsFinite:
      return Map1<T, uint8_t>(n, args, out, [](T a) { return std::isfinite(a); });
    default:
      TENON_CHECK(!"an operation that floats do not have");
  }
}

// Integer arithmetic through unsigned types at least as wide as int, where it wraps.
template <typename T>
using Wrapping = std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>;

template <typename T>
T IntDivide(T a, T b) {
  if (b == 0) return 0;
  if (std::is_signed_v<T> && b == T(-1)) return static_cast<T>(0 - static_cast<Wrapping<T>>(a));
  return static_cast<T>(a / b);
}
template <typename T>
T IntRemainder(T a, T b) {
  if (b == 0) return a;
  if (std::is_signed_v<T> && b == T(-1)) return 0;
  return static_cast<T>(a % b);
}

// Operations on bits, shared by integers and bool. Whether `op` was one of them.
template <typename T>
bool EvalBits(ScalarOp op, int64_t n, const ScalarArg* args, void* out) {
  using U = std::make_unsigned_t<T>;
  using S = std::make_signed_t<T>;
  constexpr int kMask = sizeof(T) * 8 - 1;
  const auto map = [&](auto fn) { Map2<T, T>(n, args, out, fn); };
  if (op == ScalarOp::kAnd) return map([](T a, T b) { return static_cast<T>(a & b); }), true;
  if (op == ScalarOp::kOr) return map([](T a, T b) { return static_cast<T>(a | b); }), true;
  if (op == ScalarOp::kXor) return map([](T a, T b) { return static_cast<T>(a ^ b); }), true;
  if (op == ScalarOp::kShl) {
    map([](T a, T b) { return static_cast<T>(static_cast<Wrapping<T>>(a) << (b & kMask)); });
    return true;
  }
  if (op == ScalarOp::kShrLogical) {
    return map([](T a, T b) { return static_cast<T>(static_cast<U>(a) >> (b & kMask)); }), true;
  }
  if (op == ScalarOp::kShrArithmetic) {
    return map([](T a, T b) { return static_cast<T>(static_cast<S>(a) >> (b & kMask)); }), true;
  }
  return false;
}

template <typename T>
void EvalInteger(ScalarOp op, int64_t n, const ScalarArg* args, void* out) {
  using W = Wrapping<T>;
  if (EvalOrdered<T>(op, n, args, out) || EvalBits<T>(op, n, args, out)) return;
  switch (op) {
    case ScalarOp::kAdd:
      return Map2<T, T>(n, args, out, [](T a, T b) { return static_cast<T>(W(a) + W(b)); });
    case ScalarOp::kSub:
      return Map2<T, T>(n, args, out, [](T a, T b) { return static_cast<T>(W(a) - W(b)); });
    case ScalarOp::kMul:
      return Map2<T, T>(n, args, out, [](T a, T b) { return static_cast<T>(W(a) * W(b)); });
    case ScalarOp::kDiv:
      return Map2<T, T>(n, args, out, IntDivide<T>);
    case ScalarOp::kRem:
      return Map2<T, T>(n, args, out, IntRemainder<T>);
    case ScalarOp::kNeg:
      return Map1<T, T>(n, args, out, [](T a) { return static_cast<T>(W(0) - W(a)); });
    case ScalarOp::kAbs:
      return Map1<T, T>(n, args, out, [](T a) { return a < 0 ? static_cast<T>(W(0) - W(a)) : a; });
    case ScalarOp::kSign:
      return Map1<T, T>(n, args, out, [](T a) { return static_cast<T>((a > 0) - (a < 0)); });
    case ScalarOp::kFma:
      return Map3<T, T>(n, args, out,
                        [](T a, T b, T c) { return static_cast<T>(W(a) * W(b) + W(c)); });
    case ScalarOp::kNot:
      return Map1<T, T>(n, args, out, [](T a) { return static_cast<T>(~a); });
    case ScalarOp::kFloor:
    case ScalarOp::kCeil:
    case ScalarOp::kRound:
    case ScalarOp::kTrunc:
      return Map1<T, T>(n, args, out, [](T a) { return a; });
    case ScalarOp::kIsFinite:
      return Map1<T, uint8_t>(n, args, out, [](T) { return 1; });
    default:
      TENON_CHECK(!"an operation that integers do not have");
  }
}

void EvalBool(ScalarOp op, int64_t n, const ScalarArg* args, void* out) {
  if (EvalOrdered<uint8_t>(op, n, args, out)) return;
  if (op == ScalarOp::kNot) {
    return Map1<uint8_t, uint8_t>(n, args, out, [](uint8_t a) { return a ^ 1; });
  }
  TENON_CHECK(op == ScalarOp::kAnd || op == ScalarOp::kOr || op == ScalarOp::kXor);
  EvalBits<uint8_t>(op, n, args, out);
}

// In blocks: the arguments to f32, the operation there, and its result back.
template <typename H>
void EvalHalf(ScalarOp op, DType result, bool has_fma, int64_t n, const ScalarArg* args,
              void* out) {
  constexpr int64_t kBlock = 256;
  float wide[3][kBlock], computed[kBlock];
  const int arity = ScalarOpArity(op);
  for (int64_t start = 0; start < n; start += kBlock) {
    const int64_t count = std::min(kBlock, n - start);
    ScalarArg block[3];
    for (int k = 0; k < arity; ++k) {
      const H* a = static_cast<const H*>(args[k].data) + start * args[k].stride;
      for (int64_t i = 0; i < count; ++i) wide[k][i] = Widen(a[i * args[k].stride]);
      block[k] = {wide[k], 1};
    }
    if (result == DType::kBool) {
      EvalFloat<float>(op, has_fma, count, block, static_cast<uint8_t*>(out) + start);
      continue;
    }
    EvalFloat<float>(op, has_fma, count, block, computed);
    H* r = static_cast<H*>(out) + start;
    for (int64_t i = 0; i < count; ++i) r[i] = Narrow<H>(computed[i]);
  }
}

}  // namespace

float FlushDenormal(float x) {
  return std::fpclassify(x) == FP_SUBNORMAL ? std::copysign(0.0f, x) : x;
}

float AddBf16Product(bool has_fma, uint32_t a, uint32_t b, bool high, float sum) {
  const auto half = [high](uint32_t pair) {
    return FlushDenormal(std::bit_cast<float>(high ? pair & 0xffff0000u : pair << 16));
  };
  const auto add = [has_fma](float x, float y, float z) {
    return has_fma ? std::fma(x, y, z) : x * y + z;
  };
  const float x = half(a), y = half(b), result = add(x, y, sum);
  // What is below the normal numbers before it is rounded to the denormals' grid counts as one.
  constexpr float kSmallest = std::numeric_limits<float>::min();
  const bool below = std::fabs(result) == kSmallest &&
                     std::fabs(add(x * 0x1p64f, y, sum * 0x1p64f)) < kSmallest * 0x1p64f;
  return below ? std::copysign(0.0f, result) : FlushDenormal(result);
}

namespace {

void EvalDot2(bool has_fma, int64_t n, const ScalarArg* args, void* out) {
  const auto* a = static_cast<const uint32_t*>(args[0].data);
  const auto* b = static_cast<const uint32_t*>(args[1].data);
  const auto* c = static_cast<const float*>(args[2].data);
  for (int64_t i = 0; i < n; ++i) {
    const uint32_t x = a[i * args[0].stride], y = b[i * args[1].stride];
    const float high = AddBf16Product(has_fma, x, y, true, FlushDenormal(c[i * args[2].stride]));
    static_cast<float*>(out)[i] = AddBf16Product(has_fma, x, y, false, high);
  }
}

}  // namespace

DType ScalarResultType(ScalarOp op, DType operand) {
  if (op >= ScalarOp::kEq && op <= ScalarOp::kIsFinite) return DType::kBool;
  return op == ScalarOp::kPhilox ? DType::kI32 : operand;
}

void EvalScalarOp(ScalarOp op, DType operand, DType result, bool has_fma, int64_t n,
                  const ScalarArg* args, void* out) {
  if (op == ScalarOp::kCast) return EvalCast(operand, result, n, args, out);
  if (op == ScalarOp::kBitcast) return EvalBitcast(ByteSize(operand), n, args, out);
  if (op == ScalarOp::kSelect) return EvalSelect(ByteSize(operand), n, args, out);
  if (op == ScalarOp::kPhilox) return EvalPhilox(n, args, out);
  if (op == ScalarOp::kDot2) return EvalDot2(has_fma, n, args, out);
  VisitType(operand, [&](auto t) {
    using T = decltype(t);
    if constexpr (std::is_same_v<T, StoredBool>) {
      EvalBool(op, n, args, out);
    } else if constexpr (kIsHalf<T>) {
      EvalHalf<T>(op, result, has_fma, n, args, out);
    } else if constexpr (std::is_floating_point_v<T>) {
      EvalFloat<T>(op, has_fma, n, args, out);
    } else {
      EvalInteger<T>(op, n, args, out);
    }
  });
}

namespace {

// The bytes of one element, which any type may look at.
struct Cell {
  alignas(8) unsigned char bytes[8] = {};

  explicit Cell(uint64_t bits = 0) { std::memcpy(bytes, &bits, sizeof bits); }
  uint64_t bits() const {
    uint64_t bits;
    std::memcpy(&bits, bytes, sizeof bits);
    return bits;
  }
};

uint64_t CastCell(DType from, uint64_t bits, DType to) {
  const Cell in(bits);
  Cell out;
  const ScalarArg arg{in.bytes, 0};
  EvalCast(from, to, 1, &arg, out.bytes);
  return out.bits();
}

}  // namespace

ScalarValue ScalarValue::FromDouble(DType dtype, double value) {
  return {dtype, CastCell(DType::kF64, std::bit_cast<uint64_t>(value), dtype)};
}

ScalarValue ScalarValue::FromInt(DType dtype, int64_t value) {
  return {dtype, CastCell(DType::kI64, std::bit_cast<uint64_t>(value), dtype)};
}

ScalarValue ScalarValue::Load(DType dtype, const void* element) {
  ScalarValue v{dtype, 0};
  std::memcpy(&v.bits, element, ByteSize(dtype));
  return v;
}

void ScalarValue::Store(void* element) const { std::memcpy(element, &bits, ByteSize(dtype)); }

double ScalarValue::ToDouble() const {
  return std::bit_cast<double>(CastCell(dtype, bits, DType::kF64));
}

int64_t ScalarValue::ToInt() const {
  return std::bit_cast<int64_t>(CastCell(dtype, bits, DType::kI64));
}

ScalarValue EvalScalarOp(ScalarOp op, DType result, bool has_fma, const ScalarValue* args) {
  const int arity = ScalarOpArity(op);
  Cell cells[3];
  ScalarArg pointers[3];
  for (int i = 0; i < arity; ++i) {
    cells[i] = Cell(args[i].bits);
    pointers[i] = {cells[i].bytes, 0};
  }
  Cell out;
  EvalScalarOp(op, args[arity - 1].dtype, result, has_fma, 1, pointers, out.bytes);
  return {result, out.bits()};
}

}  // namespace tenon::ir
