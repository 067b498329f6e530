// The classes that are no loop nests: cumulative, scatter, sort.
#include <algorithm>
#include <cstring>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "tenon/ir/interpreter/evaluate.h"
#include "tenon/ir/scalar.h"

namespace tenon::ir::internal {
namespace {

// A shape around one axis: elements are numbered (outer * extent + i) * inner + lane.
struct AroundAxis {
  int64_t outer = 1, extent = 1, inner = 1;
  AroundAxis(const std::vector<int64_t>& dims, int64_t axis) : extent(dims[axis]) {
    for (int64_t i = 0; i < axis; ++i) outer *= dims[i];
    for (size_t i = axis + 1; i < dims.size(); ++i) inner *= dims[i];
  }
};

}  // namespace

int64_t IntegerAt(const Literal& x, int64_t i) {
  return ScalarValue::Load(x.dtype(), x.bytes() + i * ByteSize(x.dtype())).ToInt();
}

void EvaluateCumulative(const CumulativeAttrs& attrs, const Literal& x, Literal& result) {
  const AroundAxis shape(x.dims(), attrs.axis);
  const DType dtype = x.dtype(), wide = ComputeType(dtype);
  const int64_t size = ByteSize(dtype);
  auto cast = [](DType from, DType to, const void* in, void* out) {
    const ScalarArg arg{in, 0};
    EvalScalarOp(ScalarOp::kCast, from, to, /*has_fma=*/true, 1, &arg, out);
  };
  for (int64_t lane = 0; lane < shape.outer * shape.inner; ++lane) {
    alignas(8) std::byte running[8], value[8];
    SetIdentity(attrs.kind, wide, running);
    for (int64_t step = 0; step < shape.extent; ++step) {
      const int64_t i = attrs.reverse ? shape.extent - 1 - step : step;
      const int64_t at = (lane / shape.inner * shape.extent + i) * shape.inner + lane % shape.inner;
      std::byte* const out = result.mutable_bytes() + at * size;
      if (attrs.exclusive) cast(wide, dtype, running, out);
      cast(dtype, wide, x.bytes() + at * size, value);
      Accumulate(attrs.kind, wide, 1, value, running);
      if (!attrs.exclusive) cast(wide, dtype, running, out);
    }
  }
}

absl::Status EvaluateScatter(const ScatterAttrs& attrs, absl::Span<const Literal* const> operands,
                             Literal& result) {
  const Literal &x = *operands[0], &indices = *operands[1], &updates = *operands[2];
  CopyBytes(result.mutable_bytes(), x.bytes(), x.byte_size());
  // x is [batch, middle, extent, inner], indices [batch, places], updates
  // [batch, middle, places, inner].
  const AroundAxis shape(x.dims(), attrs.axis);
  int64_t batch = 1, places = 1;
  for (int64_t d = 0; d < attrs.batch_dims; ++d) batch *= x.dims()[d];
  for (size_t d = attrs.batch_dims; d < indices.dims().size(); ++d) places *= indices.dims()[d];
  const int64_t middle = batch == 0 ? 0 : shape.outer / batch;
  const int64_t row = shape.inner * ByteSize(x.dtype());
  for (int64_t outer = 0; outer < shape.outer; ++outer) {
    for (int64_t p = 0; p < places; ++p) {
      const int64_t index = IntegerAt(indices, outer / middle * places + p);
      if (index < 0 || index >= shape.extent) {
        return absl::OutOfRangeError(absl::StrCat("index ", index, " is out of range: dimension ",
                                                  attrs.axis, " has extent ", shape.extent));
      }
      std::byte* const to = result.mutable_bytes() + (outer * shape.extent + index) * row;
      const std::byte* const from = updates.bytes() + (outer * places + p) * row;
      const ScalarArg args[2] = {{to, 1}, {from, 1}};
      auto combine = [&](ScalarOp op) {
        EvalScalarOp(op, x.dtype(), x.dtype(), /*has_fma=*/true, shape.inner, args, to);
      };
      switch (attrs.kind) {
        case ScatterKind::kSet:
          CopyBytes(to, from, row);
          break;
        case ScatterKind::kAdd:
          combine(ScalarOp::kAdd);
          break;
        case ScatterKind::kMax:
          combine(ScalarOp::kMax);
          break;
        case ScatterKind::kMin:
          combine(ScalarOp::kMin);
          break;
      }
    }
  }
  return absl::OkStatus();
}

namespace {

// Ascending, NaN last: a before b.
template <typename T>
bool Before(T a, T b) {
  if (b != b) return a == a;
  return a < b;
}

// The order of one lane's keys.
template <typename T>
void SortLane(const std::vector<T>& keys, bool descending, std::vector<int64_t>& order) {
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int64_t i, int64_t j) {
    return descending ? Before(keys[j], keys[i]) : Before(keys[i], keys[j]);
  });
}

}  // namespace

void EvaluateSort(const SortAttrs& attrs, absl::Span<const Literal* const> operands,
                  std::vector<Literal>& results) {
  const Literal& keys = *operands[0];
  const AroundAxis shape(keys.dims(), attrs.axis);
  std::vector<int64_t> order(shape.extent);
  for (int64_t lane = 0; lane < shape.outer * shape.inner; ++lane) {
    auto at = [&](int64_t i) {
      return (lane / shape.inner * shape.extent + i) * shape.inner + lane % shape.inner;
    };
    if (IsFloat(keys.dtype())) {
      std::vector<double> values(shape.extent);
      for (int64_t i = 0; i < shape.extent; ++i) values[i] = keys.GetAsDouble(at(i));
      SortLane(values, attrs.descending, order);
    } else {
      std::vector<int64_t> values(shape.extent);
      for (int64_t i = 0; i < shape.extent; ++i) values[i] = IntegerAt(keys, at(i));
      SortLane(values, attrs.descending, order);
    }
    for (size_t k = 0; k < operands.size(); ++k) {
      const int64_t size = ByteSize(operands[k]->dtype());
      for (int64_t i = 0; i < shape.extent; ++i) {
        std::memcpy(results[k].mutable_bytes() + at(i) * size,
                    operands[k]->bytes() + at(order[i]) * size, size);
      }
    }
  }
}

}  // namespace tenon::ir::internal
