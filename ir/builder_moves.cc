// The free functions of builder.h that move elements: reshape to concat, indexing, sorting, random
// numbers.
#include <numeric>

#include "absl/strings/str_cat.h"
#include "tenon/ir/builder.h"
#include "tenon/ir/builder_operands.h"

namespace tenon::ir {

Value Reshape(Operand x, Shape shape) {
  return ApplyOne(OpCode::kReshape, ReshapeAttrs{std::move(shape)}, {x}, x.location);
}

Value Transpose(Operand x, std::vector<int64_t> permutation) {
  return ApplyOne(OpCode::kTranspose,
                  TransposeAttrs{FromEnd(std::move(permutation), x.value.rank())}, {x}, x.location);
}

Value Broadcast(Operand x, Shape shape, std::vector<int64_t> axes) {
  const int rank = static_cast<int>(shape.size());
  return ApplyOne(OpCode::kBroadcast,
                  BroadcastAttrs{std::move(shape), FromEnd(std::move(axes), rank)}, {x},
                  x.location);
}

Value BroadcastTo(Operand x, Shape shape) {
  std::vector<int64_t> axes(x.value.rank());
  // More dimensions than the shape has give negative axes, which the op reports.
  std::iota(axes.begin(), axes.end(), static_cast<int64_t>(shape.size()) - x.value.rank());
  return ApplyOne(OpCode::kBroadcast, BroadcastAttrs{std::move(shape), std::move(axes)}, {x},
                  x.location);
}

Value Slice(Operand x, Shape start, Shape limit, std::vector<int64_t> stride) {
  if (stride.empty()) stride.assign(x.value.rank(), 1);
  return ApplyOne(OpCode::kSlice, SliceAttrs{std::move(start), std::move(limit), std::move(stride)},
                  {x}, x.location);
}

Value Pad(Operand x, Operand value, Shape low, Shape high, std::vector<int64_t> interior) {
  if (interior.empty()) interior.assign(x.value.rank(), 0);
  if (value.is_number() && x.value.ok()) {
    value =
        Operand(x.value.builder()->Scalar(x.value.dtype(), value.number, x.location), x.location);
  }
  return ApplyOne(OpCode::kPad, PadAttrs{std::move(low), std::move(high), std::move(interior)},
                  {x, value}, x.location);
}

Value Concat(std::vector<Value> values, int64_t axis, SourceLocation location) {
  std::vector<Operand> operands;
  for (const Value& v : values) operands.push_back(Operand(v, location));
  GraphBuilder* const builder = InnermostBuilder(operands);
  if (builder == nullptr) return Value();
  axis = FromEnd(axis, values[0].rank());
  return builder->Apply(OpCode::kConcat, AxisAttrs{axis}, std::move(values), {}, location)[0];
}

Value Reverse(Operand x, std::vector<int64_t> axes) {
  return ApplyOne(OpCode::kReverse, AxesAttrs{FromEnd(std::move(axes), x.value.rank())}, {x},
                  x.location);
}

// --- Indexing
// --------------------------------------------------------------------------------------

Value Gather(Operand x, Operand indices, int64_t axis, int64_t batch_dims) {
  return ApplyOne(OpCode::kGather, GatherAttrs{FromEnd(axis, x.value.rank()), batch_dims},
                  {x, indices}, x.location);
}

Value Scatter(ScatterKind kind, Operand x, Operand indices, Operand updates, int64_t axis,
              int64_t batch_dims) {
  return ApplyOne(OpCode::kScatter, ScatterAttrs{kind, FromEnd(axis, x.value.rank()), batch_dims},
                  {x, indices, updates}, x.location);
}

Value DynamicSlice(Operand x, std::vector<Value> starts, Shape sizes) {
  std::vector<Operand> all = {x};
  for (const Value& v : starts) all.push_back(Operand(v, x.location));
  GraphBuilder* const builder = InnermostBuilder(all);
  if (builder == nullptr) return Value();
  starts.insert(starts.begin(), x.value);
  return builder->Apply(OpCode::kDynamicSlice, DynamicSliceAttrs{std::move(sizes)},
                        std::move(starts), {}, x.location)[0];
}

Value DynamicUpdate(Operand x, Operand update, std::vector<Value> starts) {
  std::vector<Operand> all = {x, update};
  for (const Value& v : starts) all.push_back(Operand(v, x.location));
  GraphBuilder* const builder = InnermostBuilder(all);
  if (builder == nullptr) return Value();
  starts.insert(starts.begin(), {x.value, update.value});
  return builder->Apply(OpCode::kDynamicUpdate, NoAttrs{}, std::move(starts), {}, x.location)[0];
}

std::vector<Value> Sort(std::vector<Value> operands, int64_t axis, bool descending,
                        SourceLocation location) {
  std::vector<Operand> all;
  for (const Value& v : operands) all.push_back(Operand(v, location));
  GraphBuilder* const builder = InnermostBuilder(all);
  if (builder == nullptr) return std::vector<Value>(operands.size());
  axis = FromEnd(axis, operands[0].rank());
  return builder->Apply(OpCode::kSort, SortAttrs{axis, descending}, std::move(operands), {},
                        location);
}

std::pair<Value, Value> TopK(Operand x, int64_t k) {
  const Value v = x.value;
  if (v.builder() == nullptr || !v.ok()) return {v, v};
  const int64_t last = v.rank() - 1;
  Value index = v.builder()->Iota({DType::kI64, v.shape()}, last, x.location);
  std::vector<Value> sorted = Sort({v, index}, last, /*descending=*/true, x.location);
  if (!sorted[0].ok()) return {sorted[0], sorted[0]};
  Shape start(v.rank(), Dim(0)), limit = v.shape();
  limit[last] = Dim(k);
  return {Slice(Operand(sorted[0], x.location), start, limit),
          Slice(Operand(sorted[1], x.location), start, limit)};
}

// --- Random numbers
// --------------------------------------------------------------------------------

Value RandomBits(Operand key, Shape shape, int64_t stream) {
  return ApplyOne(OpCode::kRandomBits, RandomBitsAttrs{std::move(shape), stream}, {key},
                  key.location);
}

Value RandomUniform(Operand key, Shape shape, int64_t stream) {
  Value bits = RandomBits(key, std::move(shape), stream);
  if (bits.builder() == nullptr || !bits.ok()) return bits;
  auto at = [&key](Value v) { return Operand(v, key.location); };
  // 24 bits are what f32 holds exactly, so all values are equally likely and 1 is never reached.
  Value top = Cast(at(ShrLogical(at(bits), Operand(8, key.location))), DType::kF32);
  return at(top) * Operand(0x1p-24, key.location);
}

}  // namespace tenon::ir
