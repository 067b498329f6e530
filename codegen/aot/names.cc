#include "tenon/codegen/aot/names.h"

#include <algorithm>
#include <iterator>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tenon/codegen/aot/header.h"

namespace tenon::codegen {

using ir::Dim;
using ir::DType;

namespace {

constexpr absl::string_view kReserved[] = {
    "alignas",   "alignof",  "and",      "asm",      "auto",     "bool",    "break",     "case",
    "catch",     "char",     "class",    "const",    "continue", "default", "delete",    "do",
    "double",    "else",     "enum",     "export",   "extern",   "false",   "float",     "for",
    "friend",    "goto",     "if",       "inline",   "int",      "long",    "main",      "mutable",
    "namespace", "new",      "not",      "operator", "or",       "private", "protected", "public",
    "register",  "requires", "restrict", "return",   "short",    "signed",  "sizeof",    "static",
    "struct",    "switch",   "template", "this",     "throw",    "true",    "try",       "typedef",
    "typename",  "union",    "unsigned", "using",    "virtual",  "void",    "volatile",  "while",
    "xor",       "instance", "arena",    "prepared"};

}  // namespace

const char* CTypeOf(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return "float";
    case DType::kF64:
      return "double";
    case DType::kBF16:
    case DType::kF16:
      return "uint16_t";  // the bits
    case DType::kI8:
      return "int8_t";
    case DType::kU8:
    case DType::kBool:
      return "uint8_t";
    case DType::kI32:
      return "int32_t";
    case DType::kI64:
      return "int64_t";
  }
  return "void";
}

// A dimension as a C expression over the symbols, which `prefix` stands before.
std::string ToC(const Dim& dim, const std::string& prefix) {
  std::vector<std::string> sum;
  for (const Dim::Term& term : dim.terms()) {
    std::vector<std::string> product;
    if (term.coefficient != 1) product.push_back(absl::StrCat(term.coefficient));
    for (const Dim::Atom& atom : term.factors) {
      product.push_back(atom.symbol.empty()
                            ? absl::StrCat("tenon_floor_div(", ToC(atom.Numerator(), prefix), ", ",
                                           atom.divisor, ")")
                            : absl::StrCat(prefix, ToIdentifier(atom.symbol)));
    }
    sum.push_back(absl::StrJoin(product, " * "));
  }
  if (dim.constant_term() != 0 || sum.empty()) sum.push_back(absl::StrCat(dim.constant_term()));
  return absl::StrJoin(sum, " + ");
}

std::string ToIdentifier(absl::string_view name) {
  std::string result;
  for (char c : name) result += absl::ascii_isalnum(static_cast<unsigned char>(c)) ? c : '_';
  const bool reserved =
      std::find(std::begin(kReserved), std::end(kReserved), result) != std::end(kReserved);
  const bool bad_start = result.empty() || absl::ascii_isdigit(result[0]) || result[0] == '_';
  return reserved ? result + "_" : bad_start ? "t" + result : result;
}

}  // namespace tenon::codegen
