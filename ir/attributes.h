// Attributes of ops: one plain struct each, visited field by field, so that text form, binary form,
// equality and hashing derive from the struct alone.
//
// A field's type is one of: int64_t, bool, double, std::string, DType, an enum with names
// (ReduceKind, ...), Dim, Shape, std::vector<int64_t>, TensorType, Literal, ContractSpec.
#ifndef TENON_IR_ATTRIBUTES_H_
#define TENON_IR_ATTRIBUTES_H_

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "tenon/ir/compute.h"
#include "tenon/ir/literal.h"
#include "tenon/ir/type.h"

namespace tenon::ir {

// ops without attributes
struct NoAttrs {
  template <typename V>
  void Visit(V&&) {}
};

struct ConstantAttrs {
  Literal value;
  template <typename V>
  void Visit(V&& v) {
    v("value", value);
  }
};

// iota: `type` filled with the index along `axis`.
struct IotaAttrs {
  TensorType type;
  int64_t axis = 0;
  template <typename V>
  void Visit(V&& v) {
    v("type", type);
    v("axis", axis);
  }
};

// random_bits: i32 of `shape` from Philox; `stream` separates draws that share a key.
struct RandomBitsAttrs {
  Shape shape;
  int64_t stream = 0;
  template <typename V>
  void Visit(V&& v) {
    v("shape", shape);
    v("stream", stream);
  }
};

struct CastAttrs {
  DType dtype = DType::kF32;
  template <typename V>
  void Visit(V&& v) {
    v("dtype", dtype);
  }
};

enum class CompareKind : uint8_t { kEq, kNe, kLt, kLe, kGt, kGe };
struct CompareAttrs {
  CompareKind kind = CompareKind::kEq;
  template <typename V>
  void Visit(V&& v) {
    v("kind", kind);
  }
};

// reduce: over `axes` (sorted, distinct), which vanish from the shape.
struct ReduceAttrs {
  Combiner kind = Combiner::kSum;
  std::vector<int64_t> axes;
  template <typename V>
  void Visit(V&& v) {
    v("kind", kind);
    v("axes", axes);
  }
};

// Windows over every dimension of the operand. Output extent of a dimension of extent d:
//   floor((pad_low + dilated(d) + pad_high - ((window - 1) * dilation + 1)) / stride) + 1,
// where dilated(d) = (d - 1) * base_dilation + 1 (0 for d = 0).
struct WindowAttrs {
  Combiner kind = Combiner::kSum;
  std::vector<int64_t> window, stride, dilation, base_dilation, pad_low, pad_high;
  template <typename V>
  void Visit(V&& v) {
    v("kind", kind);
    v("window", window);
    v("stride", stride);
    v("dilation", dilation);
    v("base_dilation", base_dilation);
    v("pad_low", pad_low);
    v("pad_high", pad_high);
  }
};

// window_select and window_unselect: as above without base dilation; `shape` is window_unselect's
// result (the shape that was windowed).
struct WindowIndexAttrs {
  std::vector<int64_t> window, stride, dilation, pad_low, pad_high;
  Shape shape;
  template <typename V>
  void Visit(V&& v) {
    v("window", window);
    v("stride", stride);
    v("dilation", dilation);
    v("pad_low", pad_low);
    v("pad_high", pad_high);
    v("shape", shape);
  }
};

struct CumulativeAttrs {
  Combiner kind = Combiner::kSum;
  int64_t axis = 0;
  bool exclusive = false;
  bool reverse = false;
  template <typename V>
  void Visit(V&& v) {
    v("kind", kind);
    v("axis", axis);
    v("exclusive", exclusive);
    v("reverse", reverse);
  }
};

// An einsum of two operands, "bmk,bkn->bmn": one letter a dimension. A letter in both operands and
// the result is a batch dimension; in both operands only, contracted; in one operand and the
// result, free; in one operand only, summed. No letter twice in one operand. A `wide` result keeps
// the type in which the sum is computed: f32 for operands of bf16 and f16, theirs for all others.
struct ContractAttrs {
  std::string spec;
  bool wide = false;
  template <typename V>
  void Visit(V&& v) {
    v("spec", spec);
    v("wide", wide);
  }
};

// Convolutions over [batch, spatial..., channels] with filters [spatial..., in / groups, out].
// One entry a spatial dimension, 1 to 3 of them. `shape` is the result of the two gradient forms
// (conv_transpose: the input's shape; conv_filter: the filter's), and empty for conv. `wide` as for
// contractions.
struct ConvAttrs {
  std::vector<int64_t> stride, dilation, pad_low, pad_high;
  int64_t groups = 1;
  Shape shape;
  bool wide = false;
  template <typename V>
  void Visit(V&& v) {
    v("stride", stride);
    v("dilation", dilation);
    v("pad_low", pad_low);
    v("pad_high", pad_high);
    v("groups", groups);
    v("shape", shape);
    v("wide", wide);
  }
};

struct ReshapeAttrs {
  Shape shape;
  template <typename V>
  void Visit(V&& v) {
    v("shape", shape);
  }
};

struct TransposeAttrs {
  std::vector<int64_t> permutation;  // result dimension i is operand dimension permutation[i]
  template <typename V>
  void Visit(V&& v) {
    v("permutation", permutation);
  }
};

// broadcast: operand dimension i becomes result dimension axes[i]; an extent of 1 stretches.
struct BroadcastAttrs {
  Shape shape;
  std::vector<int64_t> axes;
  template <typename V>
  void Visit(V&& v) {
    v("shape", shape);
    v("axes", axes);
  }
};

// slice: elements start, start + stride, ... below limit, in every dimension.
struct SliceAttrs {
  Shape start, limit;
  std::vector<int64_t> stride;
  template <typename V>
  void Visit(V&& v) {
    v("start", start);
    v("limit", limit);
    v("stride", stride);
  }
};

// pad: with a scalar operand; `interior` elements go between neighbours; low and high may be
// negative, which crops.
struct PadAttrs {
  Shape low, high;
  std::vector<int64_t> interior;
  template <typename V>
  void Visit(V&& v) {
    v("low", low);
    v("high", high);
    v("interior", interior);
  }
};

struct AxisAttrs {
  int64_t axis = 0;
  template <typename V>
  void Visit(V&& v) {
    v("axis", axis);
  }
};

struct AxesAttrs {
  std::vector<int64_t> axes;
  template <typename V>
  void Visit(V&& v) {
    v("axes", axes);
  }
};

// gather(x, indices): the first batch_dims dimensions of both coincide; then
// result = x.dims[:axis] + indices.dims[batch_dims:] + x.dims[axis+1:].
struct GatherAttrs {
  int64_t axis = 0;
  int64_t batch_dims = 0;
  template <typename V>
  void Visit(V&& v) {
    v("axis", axis);
    v("batch_dims", batch_dims);
  }
};

// scatter(x, indices, updates): the mirror of gather: updates has gather's result shape.
enum class ScatterKind : uint8_t { kSet, kAdd, kMax, kMin };
struct ScatterAttrs {
  ScatterKind kind = ScatterKind::kSet;
  int64_t axis = 0;
  int64_t batch_dims = 0;
  template <typename V>
  void Visit(V&& v) {
    v("kind", kind);
    v("axis", axis);
    v("batch_dims", batch_dims);
  }
};

struct DynamicSliceAttrs {
  Shape sizes;
  template <typename V>
  void Visit(V&& v) {
    v("sizes", sizes);
  }
};

// sort: along `axis`, stable; operand 0 holds the keys, the others move with it. NaN counts as the
// largest.
struct SortAttrs {
  int64_t axis = 0;
  bool descending = false;
  template <typename V>
  void Visit(V&& v) {
    v("axis", axis);
    v("descending", descending);
  }
};

// scan: operands are carries, scanned tensors (leading dimension `length`) and invariants; the
// region maps (carries, slices, invariants) to (carries', outputs), the outputs being stacked.
struct ScanAttrs {
  Dim length = 0;
  int64_t num_carries = 0;
  int64_t num_scanned = 0;
  bool reverse = false;
  template <typename V>
  void Visit(V&& v) {
    v("length", length);
    v("num_carries", num_carries);
    v("num_scanned", num_scanned);
    v("reverse", reverse);
  }
};

// while: operands are carries, then invariants. Regions: condition and body, both over all
// operands; the body gives the carries. A `trip_count` known beforehand (>= 0) makes it
// differentiable.
struct WhileAttrs {
  int64_t num_carries = 0;
  Dim trip_count = -1;
  template <typename V>
  void Visit(V&& v) {
    v("num_carries", num_carries);
    v("trip_count", trip_count);
  }
};

// call: a named composite; its region is its meaning.
struct CallAttrs {
  std::string name;
  template <typename V>
  void Visit(V&& v) {
    v("name", name);
  }
};

using Attributes =
    std::variant<NoAttrs, ConstantAttrs, IotaAttrs, RandomBitsAttrs, CastAttrs, CompareAttrs,
                 ReduceAttrs, WindowAttrs, WindowIndexAttrs, CumulativeAttrs, ContractAttrs,
                 ConvAttrs, ReshapeAttrs, TransposeAttrs, BroadcastAttrs, SliceAttrs, PadAttrs,
                 AxisAttrs, AxesAttrs, GatherAttrs, ScatterAttrs, DynamicSliceAttrs, SortAttrs,
                 ScanAttrs, WhileAttrs, CallAttrs>;

}  // namespace tenon::ir

#endif  // TENON_IR_ATTRIBUTES_H_
