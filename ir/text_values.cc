// ValueReader: numbers, dimensions, types and literals of the text form.
#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>
#include <optional>
#include <type_traits>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tenon/ir/check.h"
#include "tenon/ir/enum_names.h"
#include "tenon/ir/suggest.h"
#include "tenon/ir/text.h"
#include "tenon/ir/text_parser.h"
#include "tenon/ir/verifier.h"

namespace tenon::ir {
namespace {

template <typename T>
bool Convert(absl::string_view digits, T* value, int base = 10) {
  std::from_chars_result r;
  if constexpr (std::is_floating_point_v<T>) {
    r = std::from_chars(digits.data(), digits.data() + digits.size(), *value);
  } else {
    r = std::from_chars(digits.data(), digits.data() + digits.size(), *value, base);
  }
  return r.ec == std::errc() && r.ptr == digits.data() + digits.size();
}

bool IsHex(absl::string_view digits) { return absl::StartsWith(digits, "0x"); }

// The sum of the magnitudes of a polynomial's coefficients, which bounds those of its products;
// nullopt beyond 64 bits.
std::optional<int64_t> Magnitude(const Dim& d) {
  int64_t sum = 0;
  const auto add = [&sum](int64_t c) {
    return c != std::numeric_limits<int64_t>::min() &&
           !__builtin_add_overflow(sum, c < 0 ? -c : c, &sum);
  };
  if (!add(d.constant_term())) return std::nullopt;
  for (const Dim::Term& term : d.terms()) {
    if (!add(term.coefficient)) return std::nullopt;
  }
  return sum;
}

size_t MostFactors(const Dim& d) {
  size_t most = 0;
  for (const Dim::Term& term : d.terms()) most = std::max(most, term.factors.size());
  return most;
}

}  // namespace

absl::Status ValueReader::Read(int64_t& v) {
  const bool negative = cursor_.TakeIf("-");
  const Token& token = cursor_.token();
  if (token.kind != Token::Kind::kNumber) return cursor_.Expected("an integer");
  uint64_t magnitude = 0;
  const uint64_t limit = static_cast<uint64_t>(std::numeric_limits<int64_t>::max()) + negative;
  if (!Convert(token.text, &magnitude) || magnitude > limit) {
    return cursor_.Error(absl::StrCat("'", token.text, "' is no integer of 64 bits"));
  }
  v = static_cast<int64_t>(negative ? 0 - magnitude : magnitude);
  cursor_.Take();
  return absl::OkStatus();
}

absl::Status ValueReader::Read(bool& v) {
  const Token& token = cursor_.token();
  if (!token.IsWord("true") && !token.IsWord("false")) return cursor_.Expected("true or false");
  v = cursor_.Take().text == "true";
  return absl::OkStatus();
}

absl::Status ValueReader::Read(double& v) {
  const bool negative = cursor_.TakeIf("-");
  const Token& token = cursor_.token();
  if (token.kind == Token::Kind::kNumber && !IsHex(token.text)) {
    if (!Convert(token.text, &v)) {
      return cursor_.Error(absl::StrCat("'", token.text, "' is out of the range of f64"));
    }
  } else if (token.IsWord("inf")) {
    v = std::numeric_limits<double>::infinity();
  } else if (token.IsWord("nan")) {
    v = std::numeric_limits<double>::quiet_NaN();
  } else {
    return cursor_.Expected("a number");
  }
  if (negative) v = -v;
  cursor_.Take();
  return absl::OkStatus();
}

absl::Status ValueReader::Read(std::string& v) {
  if (cursor_.token().kind != Token::Kind::kString) return cursor_.Expected("a string in quotes");
  if (!Unquote(cursor_.token().text, &v)) return cursor_.Error("unknown escape in a string");
  cursor_.Take();
  return absl::OkStatus();
}

absl::Status ValueReader::Read(DType& v) {
  const Token& token = cursor_.token();
  if (token.kind != Token::Kind::kIdentifier) return cursor_.Expected("an element type");
  const std::optional<DType> dtype = ParseDType(token.text);
  if (!dtype) {
    std::vector<std::string> names;
    for (int i = 0; i < kNumDTypes; ++i) names.emplace_back(DTypeName(static_cast<DType>(i)));
    return cursor_.Error(
        absl::StrCat("unknown element type '", token.text, "'", DidYouMean(token.text, names)));
  }
  v = *dtype;
  cursor_.Take();
  return absl::OkStatus();
}

template <typename E>
absl::Status ValueReader::ReadEnum(E& v, absl::string_view what) {
  const Token& token = cursor_.token();
  const auto parsed =
      token.kind == Token::Kind::kIdentifier ? ParseEnum<E>(token.text) : std::optional<E>();
  if (!parsed) {
    std::string names;
    for (absl::string_view name : EnumNames<E>()) {
      absl::StrAppend(&names, names.empty() ? "" : ", ", name);
    }
    return cursor_.Expected(absl::StrCat(what, " (", names, ")"));
  }
  v = *parsed;
  cursor_.Take();
  return absl::OkStatus();
}
absl::Status ValueReader::Read(Combiner& v) { return ReadEnum(v, "a reduction"); }
absl::Status ValueReader::Read(CompareKind& v) { return ReadEnum(v, "a comparison"); }
absl::Status ValueReader::Read(ScatterKind& v) { return ReadEnum(v, "a kind of scatter"); }

absl::Status ValueReader::Read(Dim& v) { return ReadSum(v, 0); }

// sum := ["-"] product {("+" | "-") product}
absl::Status ValueReader::ReadSum(Dim& v, int depth) {
  if (depth > kMaxDimDepth) return cursor_.Error("a dimension nests too deep");
  bool negative = cursor_.TakeIf("-");
  v = Dim(0);
  while (true) {
    const Token start = cursor_.token();
    Dim term;
    TENON_RETURN_IF_ERROR(ReadProduct(term, depth));
    Dim sum = negative ? v - term : v + term;
    const std::optional<int64_t> a = Magnitude(v), b = Magnitude(term);
    int64_t most;
    if (!a || !b || __builtin_add_overflow(*a, *b, &most)) {
      return cursor_.ErrorAt(start, "a dimension overflows 64 bits");
    }
    if (sum.terms().size() > kMaxDimTerms) {
      return cursor_.ErrorAt(start, "a dimension has too many terms");
    }
    v = std::move(sum);
    if (cursor_.token().Is("+") || cursor_.token().Is("-")) {
      negative = cursor_.Take().text == "-";
    } else {
      return absl::OkStatus();
    }
  }
}

// product := factor {"*" factor}
absl::Status ValueReader::ReadProduct(Dim& v, int depth) {
  TENON_RETURN_IF_ERROR(ReadFactor(v, depth));
  while (cursor_.token().Is("*")) {
    const Token start = cursor_.Take();
    Dim factor;
    TENON_RETURN_IF_ERROR(ReadFactor(factor, depth));
    const std::optional<int64_t> a = Magnitude(v), b = Magnitude(factor);
    int64_t most;
    if (!a || !b || __builtin_mul_overflow(*a, *b, &most)) {
      return cursor_.ErrorAt(start, "a dimension overflows 64 bits");
    }
    if ((v.terms().size() + 1) * (factor.terms().size() + 1) > kMaxDimTerms ||
        MostFactors(v) + MostFactors(factor) > kMaxDimDepth) {
      return cursor_.ErrorAt(start, "a dimension has too many terms or factors");
    }
    v = v * factor;
  }
  return absl::OkStatus();
}

// factor := integer | symbol | "(" sum ")" | "floor" "(" sum "/" integer ")"
absl::Status ValueReader::ReadFactor(Dim& v, int depth) {
  const Token& token = cursor_.token();
  if (token.kind == Token::Kind::kNumber) {
    int64_t constant = 0;
    TENON_RETURN_IF_ERROR(Read(constant));
    v = Dim(constant);
    return absl::OkStatus();
  }
  if (cursor_.TakeIf("(")) {
    TENON_RETURN_IF_ERROR(ReadSum(v, depth + 1));
    return cursor_.Expect(")");
  }
  if (token.IsWord("floor") && cursor_.Peek().Is("(")) return ReadFloorDiv(v, depth);
  if (token.kind == Token::Kind::kIdentifier) return ReadSymbol(v);
  return cursor_.Expected("an extent");
}

absl::Status ValueReader::ReadFloorDiv(Dim& v, int depth) {
  cursor_.Take();
  TENON_RETURN_IF_ERROR(cursor_.Expect("("));
  Dim numerator;
  TENON_RETURN_IF_ERROR(ReadSum(numerator, depth + 1));
  TENON_RETURN_IF_ERROR(cursor_.Expect("/"));
  const Token start = cursor_.token();
  int64_t divisor = 0;
  TENON_RETURN_IF_ERROR(Read(divisor));
  if (divisor <= 0) return cursor_.ErrorAt(start, "a dimension is divided by a positive constant");
  TENON_RETURN_IF_ERROR(cursor_.Expect(")"));
  v = FloorDiv(numerator, divisor);
  return absl::OkStatus();
}

absl::Status ValueReader::ReadSymbol(Dim& v) {
  const Token token = cursor_.Take();
  const std::string name(token.text);
  if (!IsIdentifier(name)) {
    return cursor_.ErrorAt(token, absl::StrCat("'", name, "' cannot name a dimension"));
  }
  const auto known = symbols_.find(name);
  if (!cursor_.TakeIf("<=")) {
    if (known == symbols_.end()) {
      return cursor_.ErrorAt(token, absl::StrCat("symbol '", name, "' has no bound; write '", name,
                                                 "<=BOUND' where it first occurs"));
    }
    v = Dim(absl::string_view(name)).AtMost(known->second);
    return absl::OkStatus();
  }
  int64_t bound = 0;
  TENON_RETURN_IF_ERROR(Read(bound));
  if (bound < 0) return cursor_.ErrorAt(token, "the bound of a symbol is negative");
  if (known != symbols_.end() && known->second != bound) {
    return cursor_.ErrorAt(token, absl::StrCat("symbol '", name, "' is bounded by ", bound,
                                               " here and by ", known->second, " before"));
  }
  symbols_[name] = bound;
  v = Dim(absl::string_view(name)).AtMost(bound);
  return absl::OkStatus();
}

absl::Status ValueReader::Read(Shape& v) {
  v.clear();
  TENON_RETURN_IF_ERROR(cursor_.Expect("["));
  if (cursor_.TakeIf("]")) return absl::OkStatus();
  do {
    Dim d;
    TENON_RETURN_IF_ERROR(Read(d));
    v.push_back(std::move(d));
  } while (cursor_.TakeIf(","));
  return cursor_.Expect("]");
}

absl::Status ValueReader::Read(std::vector<int64_t>& v) {
  v.clear();
  TENON_RETURN_IF_ERROR(cursor_.Expect("["));
  if (cursor_.TakeIf("]")) return absl::OkStatus();
  do {
    v.push_back(0);
    TENON_RETURN_IF_ERROR(Read(v.back()));
  } while (cursor_.TakeIf(","));
  return cursor_.Expect("]");
}

absl::Status ValueReader::Read(TensorType& v) {
  TENON_RETURN_IF_ERROR(Read(v.dtype));
  return Read(v.dims);
}

absl::Status ValueReader::Read(Literal& v) {
  const Token start = cursor_.token();
  TensorType type;
  TENON_RETURN_IF_ERROR(Read(type));
  if (type.rank() > kMaxRank) return cursor_.ErrorAt(start, "a literal of too high a rank");
  std::vector<int64_t> dims;
  int64_t count = 1;
  for (const Dim& d : type.dims) {
    if (!d.is_constant() || d.constant() < 0) {
      return cursor_.ErrorAt(start, "the extents of a literal are constants, not negative");
    }
    dims.push_back(d.constant());
    if (__builtin_mul_overflow(count, d.constant(), &count)) {
      return cursor_.ErrorAt(start, "a literal's size overflows 64 bits");
    }
  }
  TENON_RETURN_IF_ERROR(cursor_.Expect("{"));
  // Each element takes at least a character; only `{x, ...}` stands for many, up to a limit.
  const int64_t splat_limit = static_cast<int64_t>(kMaxSplatBytes) / ByteSize(type.dtype);
  if (count > splat_limit && count > static_cast<int64_t>(cursor_.lexer().remaining()) + 1) {
    return cursor_.ErrorAt(start, absl::StrCat("a literal of ", count, " elements has fewer"));
  }
  v = Literal(type.dtype, std::move(dims));
  if (count > 0) TENON_RETURN_IF_ERROR(ReadElements(v));
  return cursor_.Expect("}");
}

absl::Status ValueReader::ReadElements(Literal& v) {
  for (int64_t i = 0; i < v.size(); ++i) {
    if (i > 0) {
      if (cursor_.token().Is("}")) {
        return cursor_.Error(
            absl::StrCat("expected ", v.size(), " elements as the literal's type says, found ", i));
      }
      TENON_RETURN_IF_ERROR(cursor_.Expect(","));
    }
    if (i == 1 && cursor_.token().Is("...")) {
      const size_t width = v.byte_size() / static_cast<size_t>(v.size());
      if (v.byte_size() > kMaxSplatBytes - splat_bytes_) {
        return cursor_.Error(
            absl::StrCat("literals with '...' hold more than ", kMaxSplatBytes, " bytes together"));
      }
      splat_bytes_ += v.byte_size();
      cursor_.Take();
      for (size_t at = width; at < v.byte_size(); at += width) {
        std::memcpy(v.mutable_bytes() + at, v.bytes(), width);
      }
      return absl::OkStatus();
    }
    TENON_RETURN_IF_ERROR(ReadElement(v, i));
  }
  return absl::OkStatus();
}

absl::Status ValueReader::ReadElement(Literal& v, int64_t i) {
  switch (v.dtype()) {
    case DType::kF32:
    case DType::kF64:
    case DType::kBF16:
    case DType::kF16:
      return ReadFloatElement(v, i);
    case DType::kI8:
      return ReadIntegerElement<int8_t>(v, i);
    case DType::kU8:
      return ReadIntegerElement<uint8_t>(v, i);
    case DType::kI32:
      return ReadIntegerElement<int32_t>(v, i);
    case DType::kI64:
      return ReadIntegerElement<int64_t>(v, i);
    case DType::kBool: {
      bool value = false;
      TENON_RETURN_IF_ERROR(Read(value));
      v.mutable_bytes()[i] = static_cast<std::byte>(value ? 1 : 0);
      return absl::OkStatus();
    }
  }
  return absl::InternalError("no such element type");
}

template <typename T>
absl::Status ValueReader::ReadIntegerElement(Literal& v, int64_t i) {
  const Token start = cursor_.token();
  int64_t value = 0;
  TENON_RETURN_IF_ERROR(Read(value));
  if (value < std::numeric_limits<T>::min() || value > std::numeric_limits<T>::max()) {
    return cursor_.ErrorAt(start,
                           absl::StrCat(value, " is out of the range of ", DTypeName(v.dtype())));
  }
  const T element = static_cast<T>(value);
  std::memcpy(v.mutable_bytes() + i * sizeof(T), &element, sizeof(T));
  return absl::OkStatus();
}

absl::Status ValueReader::ReadFloatElement(Literal& v, int64_t i) {
  const DType dtype = v.dtype();
  const size_t width = static_cast<size_t>(ByteSize(dtype));
  std::byte* element = v.mutable_bytes() + static_cast<size_t>(i) * width;
  const Token start = cursor_.token();
  if (start.kind == Token::Kind::kNumber && IsHex(start.text)) {  // the bits themselves
    uint64_t bits = 0;
    if (!Convert(start.text.substr(2), &bits, 16) || (width < 8 && bits >> (8 * width) != 0)) {
      return cursor_.Error(absl::StrCat(start.text, " has more bits than ", DTypeName(dtype)));
    }
    std::memcpy(element, &bits, width);  // little-endian, as all targets are
    cursor_.Take();
    return absl::OkStatus();
  }
  if (dtype == DType::kF64) {
    double value = 0;
    TENON_RETURN_IF_ERROR(Read(value));
    std::memcpy(element, &value, width);
    return absl::OkStatus();
  }
  // Digits are rounded once, straight to f32; bf16 and f16 are printed with digits that f32 holds.
  float value = 0;
  const bool negative = cursor_.token().Is("-");
  if (negative) cursor_.Take();
  const Token digits = cursor_.token();
  if (digits.kind == Token::Kind::kNumber && !IsHex(digits.text)) {
    if (!Convert(digits.text, &value)) {
      return cursor_.Error(absl::StrCat("'", digits.text, "' is out of the range of f32"));
    }
    cursor_.Take();
  } else {
    double special = 0;
    TENON_RETURN_IF_ERROR(Read(special));
    value = static_cast<float>(special);
  }
  if (negative) value = -value;
  if (dtype == DType::kF32) {
    std::memcpy(element, &value, width);
  } else {
    const uint16_t bits = dtype == DType::kBF16 ? F32ToBF16(value) : F32ToF16(value);
    std::memcpy(element, &bits, width);
  }
  return absl::OkStatus();
}

}  // namespace tenon::ir
