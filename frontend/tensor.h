// Tensors on the host: owning arrays and views of them. Row-major, compact, elements aligned.
//
// A Tensor is what data sets, parameters and results are kept in; a view is what is passed on.
// Views do not own: they live no longer than what they look at.
#ifndef TENON_FRONTEND_TENSOR_H_
#define TENON_FRONTEND_TENSOR_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "tenon/ir/dtype.h"
#include "tenon/ir/literal.h"
#include "tenon/ir/type.h"

namespace tenon {

// Extents of a tensor. Never allocates up to the rank that ops accept.
using Dims = absl::InlinedVector<int64_t, ir::kMaxRank>;

// Elements of a tensor of these extents; an error for negative extents and for sizes in bytes that
// 64 bits do not hold.
absl::StatusOr<int64_t> CountElements(absl::Span<const int64_t> dims, ir::DType dtype);

// "f32[64,784]".
std::string TypeToString(ir::DType dtype, absl::Span<const int64_t> dims);

struct TensorView {
  ir::DType dtype = ir::DType::kF32;
  Dims dims = {0};
  const void* data = nullptr;

  int rank() const { return static_cast<int>(dims.size()); }
  int64_t num_elements() const;
  int64_t byte_size() const { return num_elements() * ir::ByteSize(dtype); }
  // Elements [begin, end) of the first dimension.
  TensorView Rows(int64_t begin, int64_t end) const;
  template <typename T>
  absl::Span<const T> as() const {
    return {static_cast<const T*>(data), static_cast<size_t>(num_elements())};
  }
  // Element `i` in row-major order as a double; exact but for i64 beyond 2^53.
  double GetAsDouble(int64_t i) const;
  std::string TypeString() const { return TypeToString(dtype, dims); }
};

struct MutableTensorView {
  ir::DType dtype = ir::DType::kF32;
  Dims dims = {0};
  void* data = nullptr;

  TensorView view() const { return {dtype, dims, data}; }
  std::string TypeString() const { return TypeToString(dtype, dims); }
};

class Tensor {
 public:
  // f32[0].
  Tensor() : Tensor(ir::DType::kF32, {0}) {}
  // Zeros. For extents that the program itself knows to be sound; Create checks a user's.
  Tensor(ir::DType dtype, absl::Span<const int64_t> dims);
  Tensor(ir::DType dtype, std::initializer_list<int64_t> dims)
      : Tensor(dtype, absl::MakeConstSpan(dims.begin(), dims.size())) {}
  Tensor(const Tensor& other);
  Tensor(Tensor&& other) noexcept;
  Tensor& operator=(Tensor other) noexcept;

  // Zeros; errors for extents that are negative or too large.
  static absl::StatusOr<Tensor> Create(ir::DType dtype, absl::Span<const int64_t> dims);
  template <typename T>
  static Tensor FromValues(std::initializer_list<int64_t> dims, absl::Span<const T> values) {
    Tensor t(ir::DTypeOf<T>::value, dims);
    const size_t bytes = std::min<size_t>(t.byte_size(), values.size() * sizeof(T));
    if (bytes > 0) std::memcpy(t.mutable_bytes(), values.data(), bytes);
    return t;
  }
  static Tensor CopyOf(const TensorView& view);
  static Tensor FromLiteral(const ir::Literal& literal);
  ir::Literal ToLiteral() const;

  ir::DType dtype() const { return dtype_; }
  absl::Span<const int64_t> dims() const { return dims_; }
  int rank() const { return static_cast<int>(dims_.size()); }
  int64_t num_elements() const { return num_elements_; }
  int64_t byte_size() const { return num_elements_ * ir::ByteSize(dtype_); }
  // The first extent; 1 for a scalar.
  int64_t rows() const { return dims_.empty() ? 1 : dims_[0]; }

  template <typename T>
  absl::Span<const T> data() const {
    return {reinterpret_cast<const T*>(bytes_.get()), static_cast<size_t>(num_elements_)};
  }
  template <typename T>
  absl::Span<T> mutable_data() {
    return {reinterpret_cast<T*>(bytes_.get()), static_cast<size_t>(num_elements_)};
  }
  const std::byte* bytes() const { return bytes_.get(); }
  std::byte* mutable_bytes() { return bytes_.get(); }

  TensorView view() const { return {dtype_, dims_, bytes_.get()}; }
  MutableTensorView mutable_view() { return {dtype_, dims_, bytes_.get()}; }
  operator TensorView() const { return view(); }  // NOLINT: a view is how tensors are passed
  TensorView Rows(int64_t begin, int64_t end) const { return view().Rows(begin, end); }

  double GetAsDouble(int64_t i) const { return view().GetAsDouble(i); }
  // Stores `value`, rounded to the element type.
  void SetFromDouble(int64_t i, double value);
  // The same elements as another type; see the scalar op `cast` for what is lost.
  Tensor CastTo(ir::DType dtype) const;
  // The same elements in another shape of as many.
  absl::StatusOr<Tensor> Reshaped(absl::Span<const int64_t> dims) const;
  std::string TypeString() const { return TypeToString(dtype_, dims_); }

  // Equal type and equal bits.
  bool operator==(const Tensor& other) const;

 private:
  struct Free {
    void operator()(std::byte* p) const;
  };
  ir::DType dtype_;
  Dims dims_;
  int64_t num_elements_ = 0;
  std::unique_ptr<std::byte[], Free> bytes_;
};

}  // namespace tenon

#endif  // TENON_FRONTEND_TENSOR_H_
