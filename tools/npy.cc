#include "tools/npy.h"

#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tenon/ir/check.h"

namespace tenon::tools {
namespace {

using ir::DType;
using ir::Literal;

constexpr absl::string_view kMagic("\x93NUMPY", 6);

struct Header {
  std::string descr;
  bool fortran_order = false;
  std::vector<int64_t> shape;
};

// Reads the header's Python dictionary: {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }
class HeaderReader {
 public:
  explicit HeaderReader(absl::string_view text) : text_(text) {}

  bool Read(Header* header) {
    int seen = 0;
    if (!Take("{")) return false;
    while (!Take("}")) {
      std::string key;
      if (!String(&key) || !Take(":")) return false;
      if (key == "descr") {
        if (!String(&header->descr)) return false;
      } else if (key == "fortran_order") {
        header->fortran_order = Take("True");
        if (!header->fortran_order && !Take("False")) return false;
      } else if (key == "shape") {
        if (!Tuple(&header->shape)) return false;
      } else {
        return false;
      }
      ++seen;
      if (!Take(",") && !Peek("}")) return false;
    }
    return seen == 3;
  }

 private:
  void Skip() {
    while (!text_.empty() && (text_[0] == ' ' || text_[0] == '\n')) text_.remove_prefix(1);
  }
  bool Peek(absl::string_view token) {
    Skip();
    return absl::StartsWith(text_, token);
  }
  bool Take(absl::string_view token) {
    if (!Peek(token)) return false;
    text_.remove_prefix(token.size());
    return true;
  }
  bool String(std::string* value) {
    Skip();
    if (text_.empty() || (text_[0] != '\'' && text_[0] != '"')) return false;
    const size_t end = text_.find(text_[0], 1);
    if (end == absl::string_view::npos) return false;
    *value = std::string(text_.substr(1, end - 1));
    text_.remove_prefix(end + 1);
    return true;
  }
  bool Tuple(std::vector<int64_t>* values) {
    if (!Take("(")) return false;
    while (!Take(")")) {
      Skip();
      size_t length = 0;
      while (length < text_.size() && text_[length] >= '0' && text_[length] <= '9') ++length;
      int64_t value = 0;
      if (!absl::SimpleAtoi(text_.substr(0, length), &value)) return false;
      text_.remove_prefix(length);
      values->push_back(value);
      if (!Take(",") && !Peek(")")) return false;
    }
    return true;
  }

  absl::string_view text_;
};

// The types by their NumPy codes, without the byte order. bf16 has none.
struct Code {
  DType dtype;
  const char* code;
};
constexpr Code kCodes[] = {{DType::kF32, "f4"}, {DType::kF64, "f8"}, {DType::kF16, "f2"},
                           {DType::kI8, "i1"},  {DType::kU8, "u1"},  {DType::kI32, "i4"},
                           {DType::kI64, "i8"}, {DType::kBool, "b1"}};

absl::StatusOr<DType> ParseDescr(absl::string_view descr) {
  if (!descr.empty() && descr[0] == '>') {
    return absl::InvalidArgumentError(absl::StrCat("big-endian elements ('", descr, "')"));
  }
  for (const Code& c : kCodes) {
    if (descr.size() == 3 && descr.substr(1) == c.code) return c.dtype;
  }
  return absl::InvalidArgumentError(absl::StrCat("elements of type '", descr, "'"));
}

// Elements in column-major order, put into row-major order.
Literal FromFortranOrder(const Literal& in) {
  Literal out(in.dtype(), in.dims());
  const size_t width = static_cast<size_t>(ir::ByteSize(in.dtype()));
  const size_t rank = in.dims().size();
  std::vector<int64_t> index(rank, 0);
  for (int64_t i = 0; i < in.size(); ++i) {
    int64_t from = 0;
    for (size_t d = rank; d-- > 0;) from = from * in.dims()[d] + index[d];
    std::memcpy(out.mutable_bytes() + i * width, in.bytes() + from * width, width);
    for (size_t d = rank; d-- > 0;) {
      if (++index[d] < in.dims()[d]) break;
      index[d] = 0;
    }
  }
  return out;
}

}  // namespace

absl::StatusOr<Literal> ParseNpy(absl::string_view bytes, absl::string_view filename) {
  const auto fail = [&](absl::string_view message) {
    return absl::InvalidArgumentError(absl::StrCat(filename, ": ", message));
  };
  if (!absl::StartsWith(bytes, kMagic) || bytes.size() < 10) return fail("is no .npy file");
  const int major = bytes[6];
  if (major < 1 || major > 3) return fail(absl::StrCat("has the unknown .npy version ", major));
  const size_t length_bytes = major == 1 ? 2 : 4;
  if (bytes.size() < 8 + length_bytes) return fail("is truncated");
  uint32_t header_length = 0;
  std::memcpy(&header_length, bytes.data() + 8, length_bytes);
  const absl::string_view rest = bytes.substr(8 + length_bytes);
  if (header_length > rest.size()) return fail("is truncated");
  Header header;
  if (!HeaderReader(rest.substr(0, header_length)).Read(&header))
    return fail("has a damaged header");
  const absl::StatusOr<DType> dtype = ParseDescr(header.descr);
  if (!dtype.ok()) return fail(absl::StrCat("holds ", dtype.status().message()));
  if (header.shape.size() > static_cast<size_t>(ir::kMaxRank)) return fail("has too high a rank");
  int64_t size = ir::ByteSize(*dtype);
  for (int64_t d : header.shape) {
    if (__builtin_mul_overflow(size, d, &size)) return fail("has a size that overflows 64 bits");
  }
  const absl::string_view data = rest.substr(header_length);
  if (static_cast<int64_t>(data.size()) != size) {
    return fail(absl::StrCat("has ", data.size(), " bytes of elements; its shape needs ", size));
  }
  Literal literal(*dtype, header.shape);
  if (size > 0) std::memcpy(literal.mutable_bytes(), data.data(), data.size());
  if (*dtype == DType::kBool) {  // any other byte is true to NumPy
    for (uint8_t& b : literal.mutable_data<uint8_t>()) b = b != 0;
  }
  return header.fortran_order && header.shape.size() > 1 ? FromFortranOrder(literal) : literal;
}

std::string ToNpy(const Literal& literal) {
  if (literal.dtype() == DType::kBF16) {
    Literal wide(DType::kF32, literal.dims());
    for (int64_t i = 0; i < literal.size(); ++i) wide.SetFromDouble(i, literal.GetAsDouble(i));
    return ToNpy(wide);
  }
  std::string code;
  for (const Code& c : kCodes) {
    if (c.dtype == literal.dtype()) code = c.code;
  }
  const char order = ir::ByteSize(literal.dtype()) == 1 ? '|' : '<';
  std::string header = absl::StrCat(
      "{'descr': '", std::string(1, order), code, "', 'fortran_order': False, 'shape': (",
      absl::StrJoin(literal.dims(), ", "), literal.dims().size() == 1 ? "," : "", "), }");
  // The elements start at a multiple of 64.
  header.append(63 - (kMagic.size() + 4 + header.size()) % 64, ' ');
  header += '\n';
  const uint16_t length = static_cast<uint16_t>(header.size());
  std::string bytes(kMagic);
  bytes.append("\x01\x00", 2);
  bytes.append(reinterpret_cast<const char*>(&length), 2);
  bytes += header;
  bytes.append(reinterpret_cast<const char*>(literal.bytes()), literal.byte_size());
  return bytes;
}

absl::StatusOr<Literal> ConvertTo(DType dtype, Literal literal) {
  if (literal.dtype() == dtype) return literal;
  if (dtype == DType::kBF16 && literal.dtype() == DType::kF32) {
    Literal narrow(dtype, literal.dims());
    for (int64_t i = 0; i < literal.size(); ++i) narrow.SetFromDouble(i, literal.GetAsDouble(i));
    return narrow;
  }
  return absl::InvalidArgumentError(absl::StrCat("elements are ", ir::DTypeName(literal.dtype()),
                                                 ", not ", ir::DTypeName(dtype)));
}

}  // namespace tenon::tools
