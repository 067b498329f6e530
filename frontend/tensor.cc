#include "tenon/frontend/tensor.h"

#include <sys/mman.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <new>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tenon/ir/check.h"

namespace tenon {

using ir::DType;

namespace {

// A cache line, so that vectors of the element type never straddle two without need.
constexpr std::align_val_t kAlignment{64};

double LoadAsDouble(DType dtype, const void* data, int64_t i) {
  auto at = [&]<typename T>(T) { return static_cast<const T*>(data)[i]; };
  switch (dtype) {
    case DType::kF32:
      return at(float{});
    case DType::kF64:
      return at(double{});
    case DType::kBF16:
      return ir::BF16ToF32(at(uint16_t{}));
    case DType::kF16:
      return ir::F16ToF32(at(uint16_t{}));
    case DType::kI8:
      return at(int8_t{});
    case DType::kU8:
    case DType::kBool:
      return at(uint8_t{});
    case DType::kI32:
      return at(int32_t{});
    case DType::kI64:
      return static_cast<double>(at(int64_t{}));
  }
  TENON_CHECK(false);
}

// Truncates and saturates; NaN gives 0.
template <typename T>
T Saturate(double value) {
  if (std::isnan(value)) return 0;
  if (value <= static_cast<double>(std::numeric_limits<T>::min())) {
    return std::numeric_limits<T>::min();
  }
  if (value >= static_cast<double>(std::numeric_limits<T>::max())) {
    return std::numeric_limits<T>::max();
  }
  return static_cast<T>(value);
}

void StoreFromDouble(DType dtype, void* data, int64_t i, double value) {
  auto put = [&]<typename T>(T element) { static_cast<T*>(data)[i] = element; };
  switch (dtype) {
    case DType::kF32:
      return put(static_cast<float>(value));
    case DType::kF64:
      return put(value);
    case DType::kBF16:
      return put(ir::F32ToBF16(static_cast<float>(value)));
    case DType::kF16:
      return put(ir::F32ToF16(static_cast<float>(value)));
    case DType::kI8:
      return put(Saturate<int8_t>(value));
    case DType::kU8:
      return put(Saturate<uint8_t>(value));
    case DType::kBool:
      return put(static_cast<uint8_t>(value != 0));
    case DType::kI32:
      return put(Saturate<int32_t>(value));
    case DType::kI64:
      return put(Saturate<int64_t>(value));
  }
  TENON_CHECK(false);
}

}  // namespace

absl::StatusOr<int64_t> CountElements(absl::Span<const int64_t> dims, DType dtype) {
  if (static_cast<int>(dims.size()) > ir::kMaxRank) {
    return absl::InvalidArgumentError(
        absl::StrCat("a tensor has at most ", ir::kMaxRank, " dimensions, not ", dims.size()));
  }
  int64_t count = 1, bytes = ir::ByteSize(dtype);
  bool overflow = false, empty = false;
  for (int64_t d : dims) {
    if (d < 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("a negative extent: ", TypeToString(dtype, dims)));
    }
    empty |= d == 0;
    overflow |= __builtin_mul_overflow(bytes, d, &bytes);
    count = overflow ? 0 : count * d;
  }
  if (empty) return 0;
  if (overflow) {
    return absl::InvalidArgumentError(
        absl::StrCat("too large for 64 bits: ", TypeToString(dtype, dims)));
  }
  return count;
}

std::string TypeToString(DType dtype, absl::Span<const int64_t> dims) {
  return absl::StrCat(ir::DTypeName(dtype), "[", absl::StrJoin(dims, ","), "]");
}

int64_t TensorView::num_elements() const {
  int64_t n = 1;
  for (int64_t d : dims) n *= d;
  return n;
}

TensorView TensorView::Rows(int64_t begin, int64_t end) const {
  TENON_CHECK(!dims.empty() && 0 <= begin && begin <= end && end <= dims[0]);
  TensorView rows = *this;
  rows.dims[0] = end - begin;
  const int64_t row_bytes = dims[0] == 0 ? 0 : byte_size() / dims[0];
  rows.data = static_cast<const std::byte*>(data) + begin * row_bytes;
  return rows;
}

double TensorView::GetAsDouble(int64_t i) const { return LoadAsDouble(dtype, data, i); }

namespace {

// Long walks over a tensor miss the translation buffers on small pages: asks for huge ones where
// whole ones fit.
void WishForHugePages(std::byte* data, size_t bytes) {
#ifdef MADV_HUGEPAGE
  constexpr uintptr_t kHugePage = 2 << 20;
  const auto begin = (reinterpret_cast<uintptr_t>(data) + kHugePage - 1) / kHugePage * kHugePage;
  const auto end = (reinterpret_cast<uintptr_t>(data) + bytes) / kHugePage * kHugePage;
  if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
#endif
}

}  // namespace

void Tensor::Free::operator()(std::byte* p) const { ::operator delete[](p, kAlignment); }

Tensor::Tensor(DType dtype, absl::Span<const int64_t> dims)
    : dtype_(dtype), dims_(dims.begin(), dims.end()) {
  absl::StatusOr<int64_t> count = CountElements(dims, dtype);
  TENON_CHECK(count.ok());
  num_elements_ = *count;
  const size_t bytes = static_cast<size_t>(byte_size());
  bytes_.reset(static_cast<std::byte*>(::operator new[](std::max<size_t>(bytes, 1), kAlignment)));
  WishForHugePages(bytes_.get(), bytes);
  std::memset(bytes_.get(), 0, bytes);
}

Tensor::Tensor(const Tensor& other) : Tensor(other.dtype_, other.dims_) {
  if (byte_size() > 0)
    std::memcpy(bytes_.get(), other.bytes_.get(), static_cast<size_t>(byte_size()));
}

// What is left behind is f32[0] without memory: empty, and fit to be assigned to.
Tensor::Tensor(Tensor&& other) noexcept
    : dtype_(std::exchange(other.dtype_, DType::kF32)),
      dims_(std::exchange(other.dims_, Dims{0})),
      num_elements_(std::exchange(other.num_elements_, 0)),
      bytes_(std::move(other.bytes_)) {}

Tensor& Tensor::operator=(Tensor other) noexcept {
  std::swap(dtype_, other.dtype_);
  std::swap(dims_, other.dims_);
  std::swap(num_elements_, other.num_elements_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

absl::StatusOr<Tensor> Tensor::Create(DType dtype, absl::Span<const int64_t> dims) {
  TENON_RETURN_IF_ERROR(CountElements(dims, dtype).status());
  return Tensor(dtype, dims);
}

Tensor Tensor::CopyOf(const TensorView& view) {
  Tensor t(view.dtype, view.dims);
  if (t.byte_size() > 0) std::memcpy(t.mutable_bytes(), view.data, t.byte_size());
  return t;
}

Tensor Tensor::FromLiteral(const ir::Literal& literal) {
  return CopyOf(
      {literal.dtype(), Dims(literal.dims().begin(), literal.dims().end()), literal.bytes()});
}

ir::Literal Tensor::ToLiteral() const {
  ir::Literal literal(dtype_, std::vector<int64_t>(dims_.begin(), dims_.end()));
  if (byte_size() > 0) std::memcpy(literal.mutable_bytes(), bytes(), byte_size());
  return literal;
}

void Tensor::SetFromDouble(int64_t i, double value) {
  StoreFromDouble(dtype_, bytes_.get(), i, value);
}

Tensor Tensor::CastTo(DType dtype) const {
  if (dtype == dtype_) return *this;
  Tensor result(dtype, dims_);
  for (int64_t i = 0; i < num_elements_; ++i) result.SetFromDouble(i, GetAsDouble(i));
  return result;
}

absl::StatusOr<Tensor> Tensor::Reshaped(absl::Span<const int64_t> dims) const {
  TENON_ASSIGN_OR_RETURN(int64_t count, CountElements(dims, dtype_));
  if (count != num_elements_) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot reshape ", TypeString(), " to ", TypeToString(dtype_, dims)));
  }
  Tensor result = *this;
  result.dims_.assign(dims.begin(), dims.end());
  return result;
}

bool Tensor::operator==(const Tensor& other) const {
  return dtype_ == other.dtype_ && dims_ == other.dims_ &&
         (byte_size() == 0 ||
          std::memcmp(bytes(), other.bytes(), static_cast<size_t>(byte_size())) == 0);
}

}  // namespace tenon
