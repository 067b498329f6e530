#include "tenon/frontend/data/idx.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tenon/frontend/data/file.h"
#include "tenon/ir/check.h"

namespace tenon::data {

namespace {

// IDX's codes of element types; it has more, which nothing here reads.
std::optional<ir::DType> DTypeOfCode(uint8_t code) {
  switch (code) {
    case 0x08:
      return ir::DType::kU8;
    case 0x09:
      return ir::DType::kI8;
    case 0x0C:
      return ir::DType::kI32;
    case 0x0D:
      return ir::DType::kF32;
    case 0x0E:
      return ir::DType::kF64;
    default:
      return std::nullopt;
  }
}

uint8_t Byte(absl::string_view s, size_t i) { return static_cast<uint8_t>(s[i]); }

}  // namespace

absl::StatusOr<Tensor> ParseIdx(absl::string_view contents, absl::string_view name) {
  auto damaged = [&](absl::string_view what) {
    return absl::DataLossError(absl::StrCat("'", name, "' is no sound IDX file: ", what));
  };
  if (contents.size() < 4) return damaged("it ends within the header");
  if (Byte(contents, 0) != 0 || Byte(contents, 1) != 0) return damaged("wrong magic number");
  const std::optional<ir::DType> dtype = DTypeOfCode(Byte(contents, 2));
  if (!dtype.has_value()) {
    return damaged(absl::StrFormat("unknown element type 0x%02x", Byte(contents, 2)));
  }
  const size_t rank = Byte(contents, 3);
  const size_t header = 4 + 4 * rank;
  if (contents.size() < header) return damaged("it ends within the header");
  Dims dims;
  for (size_t i = 0; i < rank; ++i) {
    uint32_t extent = 0;
    for (size_t b = 0; b < 4; ++b) extent = extent << 8 | Byte(contents, 4 + 4 * i + b);
    dims.push_back(extent);
  }
  absl::StatusOr<int64_t> count = CountElements(dims, *dtype);
  if (!count.ok()) return damaged(count.status().message());
  const int64_t width = ir::ByteSize(*dtype);
  const auto expected = static_cast<uint64_t>(*count) * static_cast<uint64_t>(width);
  if (contents.size() - header != expected) {
    return damaged(absl::StrCat("its header announces ", TypeToString(*dtype, dims), ", ", expected,
                                " bytes, but ", contents.size() - header, " follow"));
  }
  Tensor tensor(*dtype, dims);
  std::memcpy(tensor.mutable_bytes(), contents.data() + header, expected);
  if (width > 1) {  // elements are big-endian
    std::byte* p = tensor.mutable_bytes();
    for (int64_t i = 0; i < *count; ++i, p += width) std::reverse(p, p + width);
  }
  return tensor;
}

absl::StatusOr<Tensor> ReadIdx(const std::string& path) {
  TENON_ASSIGN_OR_RETURN(std::string contents, ReadFile(path));
  return ParseIdx(contents, path);
}

absl::StatusOr<Dataset> ReadImages(const std::string& images_path, const std::string& labels_path) {
  TENON_ASSIGN_OR_RETURN(Tensor images, ReadIdx(images_path));
  TENON_ASSIGN_OR_RETURN(Tensor labels, ReadIdx(labels_path));
  if (images.dtype() != ir::DType::kU8 || images.rank() != 3) {
    return absl::DataLossError(absl::StrCat("'", images_path, "' holds ", images.TypeString(),
                                            ", not images u8[n,height,width]"));
  }
  if (labels.dtype() != ir::DType::kU8 || labels.rank() != 1) {
    return absl::DataLossError(
        absl::StrCat("'", labels_path, "' holds ", labels.TypeString(), ", not labels u8[n]"));
  }
  if (images.rows() != labels.rows()) {
    return absl::DataLossError(absl::StrCat("'", images_path, "' holds ", images.rows(),
                                            " images, but '", labels_path, "' ", labels.rows(),
                                            " labels"));
  }
  Tensor x(ir::DType::kF32, {images.dims()[0], images.dims()[1], images.dims()[2], 1});
  const absl::Span<const uint8_t> pixels = images.data<uint8_t>();
  const absl::Span<float> scaled = x.mutable_data<float>();
  for (size_t i = 0; i < pixels.size(); ++i) scaled[i] = static_cast<float>(pixels[i]) / 255.0f;
  return Dataset{std::move(x), std::move(labels)};
}

}  // namespace tenon::data
