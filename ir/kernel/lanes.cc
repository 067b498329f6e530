#include "tenon/ir/kernel/lanes.h"

#include <cstdint>
#include <cstring>
#include <vector>

#include "tenon/ir/kernel/scalar_rules.h"
#include "tenon/ir/scalar.h"

namespace tenon::kernel {

using ir::Combiner;
using ir::ScalarOp;

namespace {

int64_t Width(const Type& type) { return ir::ByteSize(type.dtype); }

// Whether the tile's elements, in order, serve those of a tile of `type`: it is as big, or has one.
bool IsEven(const Type& arg, const Type& type) {
  return (arg.rows == type.rows && arg.lanes == type.lanes) || arg.is_scalar();
}

// Folds `count` groups of `width` elements in place: group i with group i + count/2, halving.
void FoldTree(Combiner combiner, DType dtype, std::byte* values, int count, int width) {
  const int64_t group = ir::ByteSize(dtype) * width;
  for (int half = count / 2; half >= 1; half /= 2) {
    const ir::ScalarArg args[2] = {{values, 1}, {values + half * group, 1}};
    ir::EvalScalarOp(CombineOp(combiner), dtype, dtype, false, int64_t{half} * width, args, values);
  }
}

}  // namespace

void EvalScalar(ScalarOp op, bool fused, const std::array<Tile, 3>& args, Type type,
                std::byte* result) {
  const int count = ir::ScalarOpArity(op);
  const DType operand = args[count - 1].type.dtype;
  bool even = true;
  for (int i = 0; i < count; ++i) even = even && IsEven(args[i].type, type);
  const int rows = even ? 1 : type.rows;
  const int64_t lanes = even ? int64_t{type.rows} * type.lanes : type.lanes;
  ir::ScalarArg row_args[3] = {};
  for (int r = 0; r < rows; ++r) {
    for (int i = 0; i < count; ++i) {
      const Type& t = args[i].type;
      const int64_t row = t.rows == 1 ? 0 : int64_t{r} * t.lanes;
      const bool serves_all = even ? t.is_scalar() : t.lanes == 1;
      row_args[i] = {args[i].data + row * Width(t), serves_all ? 0 : 1};
    }
    ir::EvalScalarOp(op, operand, type.dtype, fused, lanes, row_args,
                     result + r * lanes * Width(type));
  }
}

void EvalSplat(const Tile& arg, Type type, std::byte* result) {
  const int64_t width = Width(type);
  const int row_step = arg.type.rows == 1 ? 0 : arg.type.lanes;
  const int lane_step = arg.type.lanes == 1 ? 0 : 1;
  for (int r = 0; r < type.rows; ++r) {
    for (int l = 0; l < type.lanes; ++l) {
      std::memcpy(result, arg.data + (r * row_step + l * lane_step) * width, width);
      result += width;
    }
  }
}

void EvalTranspose(const Tile& arg, std::byte* result) {
  const int64_t width = Width(arg.type);
  const std::byte* from = arg.data;
  for (int r = 0; r < arg.type.rows; ++r) {
    for (int l = 0; l < arg.type.lanes; ++l) {
      std::memcpy(result + (l * arg.type.rows + r) * width, from, width);
      from += width;
    }
  }
}

void EvalReduceLanes(Combiner combiner, const Tile& arg, std::byte* result) {
  const int64_t width = Width(arg.type);
  std::vector<std::byte> row(arg.type.lanes * width);
  for (int r = 0; r < arg.type.rows; ++r) {
    std::memcpy(row.data(), arg.data + r * row.size(), row.size());
    FoldTree(combiner, arg.type.dtype, row.data(), arg.type.lanes, 1);
    std::memcpy(result + r * width, row.data(), width);
  }
}

void EvalReduceRows(Combiner combiner, const Tile& arg, std::byte* result) {
  const int64_t row = arg.type.lanes * Width(arg.type);
  std::vector<std::byte> tile(arg.data, arg.data + arg.type.rows * row);
  FoldTree(combiner, arg.type.dtype, tile.data(), arg.type.rows, arg.type.lanes);
  std::memcpy(result, tile.data(), row);
}

void EvalTileDot(bool fused, const Tile& a, const Tile& b, const Tile& c, std::byte* result) {
  const int pairs = a.type.lanes, lanes = b.type.lanes;
  const auto pair = [](const Tile& tile, int number) {
    uint32_t bits;
    std::memcpy(&bits, tile.data + number * sizeof(bits), sizeof(bits));
    return bits;
  };
  for (int r = 0; r < a.type.rows; ++r) {
    for (int l = 0; l < lanes; ++l) {
      float low = 0, high = 0, sum;
      for (int p = 0; p < pairs; ++p) {
        const uint32_t x = pair(a, r * pairs + p), y = pair(b, p * lanes + l);
        low = ir::AddBf16Product(fused, x, y, /*high=*/false, low);
        high = ir::AddBf16Product(fused, x, y, /*high=*/true, high);
      }
      const int64_t at = (int64_t{r} * lanes + l) * static_cast<int64_t>(sizeof(sum));
      std::memcpy(&sum, c.data + at, sizeof(sum));
      sum = ir::FlushDenormal(ir::FlushDenormal(sum) + ir::FlushDenormal(low + high));
      std::memcpy(result + at, &sum, sizeof(sum));
    }
  }
}

void EvalConst(const Instr& instr, Type type, std::byte* result) {
  const ir::ScalarValue value = ir::IsFloat(type.dtype)
                                    ? ir::ScalarValue::FromDouble(type.dtype, instr.real)
                                    : ir::ScalarValue::FromInt(type.dtype, instr.integer);
  for (int i = 0; i < type.rows * type.lanes; ++i) value.Store(result + i * Width(type));
}

}  // namespace tenon::kernel
