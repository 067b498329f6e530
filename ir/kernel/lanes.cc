#include "tenon/ir/kernel/lanes.h"

#include <cstdint>
#include <cstring>
#include <type_traits>
#include <vector>

#include "tenon/ir/check.h"
#include "tenon/ir/kernel/element.h"

namespace tenon::kernel {

using ir::Combiner;
using ir::ScalarOp;

namespace {

// An argument that steps by 0 where it broadcasts.
template <typename T>
struct Operand {
  Operand(const Tile& tile, Type type)
      : data(reinterpret_cast<const T*>(tile.data)),
        row_step(tile.type.rows == 1 && type.rows > 1 ? 0 : tile.type.lanes),
        lane_step(tile.type.lanes == 1 ? 0 : 1) {}
  const T* data;
  int row_step, lane_step;

  T operator()(int r, int l) const { return data[r * row_step + l * lane_step]; }
};

template <typename Body>
void ForEach(Type type, const Body& body) {
  for (int r = 0; r < type.rows; ++r) {
    for (int l = 0; l < type.lanes; ++l) body(r, l, r * type.lanes + l);
  }
}

template <typename T, typename R, typename F>
void Map1(const std::array<Tile, 3>& args, Type type, std::byte* result, const F& f) {
  const Operand<T> a(args[0], type);
  R* out = reinterpret_cast<R*>(result);
  ForEach(type, [&](int r, int l, int i) { out[i] = f(a(r, l)); });
}

template <typename T, typename R, typename F>
void Map2(const std::array<Tile, 3>& args, Type type, std::byte* result, const F& f) {
  const Operand<T> a(args[0], type), b(args[1], type);
  R* out = reinterpret_cast<R*>(result);
  ForEach(type, [&](int r, int l, int i) { out[i] = f(a(r, l), b(r, l)); });
}

template <typename T, typename F>
void Map3(const std::array<Tile, 3>& args, Type type, std::byte* result, const F& f) {
  const Operand<T> a(args[0], type), b(args[1], type), c(args[2], type);
  T* out = reinterpret_cast<T*>(result);
  ForEach(type, [&](int r, int l, int i) { out[i] = f(a(r, l), b(r, l), c(r, l)); });
}

template <typename T>
void Select(const std::array<Tile, 3>& args, Type type, std::byte* result) {
  const Operand<uint8_t> c(args[0], type);
  const Operand<T> a(args[1], type), b(args[2], type);
  T* out = reinterpret_cast<T*>(result);
  ForEach(type, [&](int r, int l, int i) { out[i] = c(r, l) != 0 ? a(r, l) : b(r, l); });
}

// Ops whose arguments all have the computed type T.
template <typename T>
void Computed(ScalarOp op, bool fused, const std::array<Tile, 3>& args, Type type,
              std::byte* result) {
  switch (op) {
    case ScalarOp::kAdd:
      return Map2<T, T>(args, type, result, [](T a, T b) { return Element<T>::Add(a, b); });
    case ScalarOp::kSub:
      return Map2<T, T>(args, type, result, [](T a, T b) { return Element<T>::Sub(a, b); });
    case ScalarOp::kMul:
      return Map2<T, T>(args, type, result, [](T a, T b) { return Element<T>::Mul(a, b); });
    case ScalarOp::kFma:
      if (fused) {
        return Map3<T>(args, type, result,
                       [](T a, T b, T c) { return Element<T>::template Fma<true>(a, b, c); });
      }
      return Map3<T>(args, type, result,
                     [](T a, T b, T c) { return Element<T>::template Fma<false>(a, b, c); });
    case ScalarOp::kEq:
      return Map2<T, bool>(args, type, result, [](T a, T b) { return a == b; });
    case ScalarOp::kNe:
      return Map2<T, bool>(args, type, result, [](T a, T b) { return a != b; });
    case ScalarOp::kLt:
      return Map2<T, bool>(args, type, result, [](T a, T b) { return a < b; });
    case ScalarOp::kLe:
      return Map2<T, bool>(args, type, result, [](T a, T b) { return a <= b; });
    case ScalarOp::kGt:
      return Map2<T, bool>(args, type, result, [](T a, T b) { return a > b; });
    case ScalarOp::kGe:
      return Map2<T, bool>(args, type, result, [](T a, T b) { return a >= b; });
    case ScalarOp::kIsFinite:
      return Map1<T, bool>(args, type, result, [](T a) { return Element<T>::IsFinite(a); });
    default:  // the rest, one element at a time
      break;
  }
  if (ir::ScalarOpArity(op) == 1) {
    return Map1<T, T>(args, type, result, [=](T a) { return Element<T>::Unary(op, fused, a); });
  }
  Map2<T, T>(args, type, result, [=](T a, T b) { return Element<T>::Binary(op, fused, a, b); });
}

void SelectByWidth(const std::array<Tile, 3>& args, Type type, std::byte* result) {
  switch (ir::ByteSize(type.dtype)) {
    case 1:
      return Select<uint8_t>(args, type, result);
    case 2:
      return Select<uint16_t>(args, type, result);
    case 4:
      return Select<uint32_t>(args, type, result);
    default:  // 8: the widest element
      return Select<uint64_t>(args, type, result);
  }
}

void Cast(const Tile& arg, Type type, std::byte* result) {
  const int64_t from = ir::ByteSize(arg.type.dtype), to = ir::ByteSize(type.dtype);
  for (int i = 0; i < type.rows * type.lanes; ++i) {
    CastElement(arg.type.dtype, arg.data + i * from, type.dtype, result + i * to);
  }
}

template <typename T>
T Combine(Combiner combiner, T a, T b) {
  switch (combiner) {
    case Combiner::kNone:
      return a;
    case Combiner::kSum:
      return Element<T>::Add(a, b);
    case Combiner::kProd:
      return Element<T>::Mul(a, b);
    case Combiner::kMax:
      return Element<T>::Binary(ScalarOp::kMax, false, a, b);
    case Combiner::kMin:
      return Element<T>::Binary(ScalarOp::kMin, false, a, b);
    case Combiner::kAnd:
      return Element<T>::Binary(ScalarOp::kAnd, false, a, b);
    case Combiner::kOr:
      return Element<T>::Binary(ScalarOp::kOr, false, a, b);
  }
  return a;
}

// Folds `count` groups of `width` elements in place: group i with group i + count/2, halving.
template <typename T>
void FoldTree(Combiner combiner, T* values, int count, int width) {
  for (int half = count / 2; half >= 1; half /= 2) {
    for (int i = 0; i < half * width; ++i) {
      values[i] = Combine(combiner, values[i], values[i + half * width]);
    }
  }
}

// Calls `f` with a null pointer to the C++ type of a computed dtype.
template <typename F>
void Dispatch(DType dtype, const F& f) {
  switch (dtype) {
    case DType::kF32:
      return f(static_cast<float*>(nullptr));
    case DType::kF64:
      return f(static_cast<double*>(nullptr));
    case DType::kI8:
      return f(static_cast<int8_t*>(nullptr));
    case DType::kU8:
      return f(static_cast<uint8_t*>(nullptr));
    case DType::kI32:
      return f(static_cast<int32_t*>(nullptr));
    case DType::kI64:
      return f(static_cast<int64_t*>(nullptr));
    case DType::kBool:
      return f(static_cast<bool*>(nullptr));
    case DType::kBF16:
    case DType::kF16:
      break;
  }
  TENON_CHECK(false);  // the verifier lets nothing compute in 16 bits
}

}  // namespace

void EvalScalar(ScalarOp op, bool fused, const std::array<Tile, 3>& args, Type type,
                std::byte* result) {
  switch (op) {
    case ScalarOp::kSelect:
      return SelectByWidth(args, type, result);
    case ScalarOp::kCast:
      return Cast(args[0], type, result);
    case ScalarOp::kBitcast:
      std::memcpy(result, args[0].data, ir::ByteSize(type.dtype) * type.rows * type.lanes);
      return;
    case ScalarOp::kPhilox: {
      const Operand<int64_t> key(args[0], type), index(args[1], type), stream(args[2], type);
      int32_t* out = reinterpret_cast<int32_t*>(result);
      ForEach(type, [&](int r, int l, int i) {
        out[i] = PhiloxElement(key(r, l), index(r, l), stream(r, l));
      });
      return;
    }
    default:  // all others have arguments of one computed type
      break;
  }
  Dispatch(args[0].type.dtype, [&](auto* t) {
    Computed<std::remove_pointer_t<decltype(t)>>(op, fused, args, type, result);
  });
}

void EvalSplat(const Tile& arg, Type type, std::byte* result) {
  const int64_t width = ir::ByteSize(type.dtype);
  const int row_step = arg.type.rows == 1 ? 0 : arg.type.lanes;
  const int lane_step = arg.type.lanes == 1 ? 0 : 1;
  ForEach(type, [&](int r, int l, int i) {
    std::memcpy(result + i * width, arg.data + (r * row_step + l * lane_step) * width, width);
  });
}

void EvalTranspose(const Tile& arg, std::byte* result) {
  const int64_t width = ir::ByteSize(arg.type.dtype);
  ForEach(arg.type, [&](int r, int l, int i) {
    std::memcpy(result + (l * arg.type.rows + r) * width, arg.data + i * width, width);
  });
}

void EvalReduceLanes(Combiner combiner, const Tile& arg, std::byte* result) {
  Dispatch(arg.type.dtype, [&](auto* t) {
    using T = std::remove_pointer_t<decltype(t)>;
    const int lanes = arg.type.lanes;
    T* out = reinterpret_cast<T*>(result);
    std::vector<std::byte> row(lanes * sizeof(T));
    T* values = reinterpret_cast<T*>(row.data());
    for (int r = 0; r < arg.type.rows; ++r) {
      std::memcpy(values, arg.data + r * row.size(), row.size());
      FoldTree(combiner, values, lanes, 1);
      out[r] = values[0];
    }
  });
}

void EvalReduceRows(Combiner combiner, const Tile& arg, std::byte* result) {
  Dispatch(arg.type.dtype, [&](auto* t) {
    using T = std::remove_pointer_t<decltype(t)>;
    const size_t row = arg.type.lanes * sizeof(T);
    std::vector<std::byte> tile(arg.data, arg.data + arg.type.rows * row);
    FoldTree(combiner, reinterpret_cast<T*>(tile.data()), arg.type.rows, arg.type.lanes);
    std::memcpy(result, tile.data(), row);
  });
}

void EvalConst(const Instr& instr, Type type, std::byte* result) {
  const DType from = ir::IsFloat(type.dtype) ? DType::kF64 : DType::kI64;
  std::byte value[8];
  if (from == DType::kF64) {
    std::memcpy(value, &instr.real, sizeof(value));
  } else {
    std::memcpy(value, &instr.integer, sizeof(value));
  }
  const int64_t width = ir::ByteSize(type.dtype);
  CastElement(from, value, type.dtype, result);
  for (int i = 1; i < type.rows * type.lanes; ++i) {
    std::memcpy(result + i * width, result, width);
  }
}

}  // namespace tenon::kernel
