// TokenCursor: one token of lookahead, and errors with their place.
#include <algorithm>
#include <charconv>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "tenon/ir/check.h"
#include "tenon/ir/text_parser.h"

namespace tenon::ir {
namespace {

constexpr size_t kMaxQuoted = 40;  // characters of a token that errors quote

std::string Describe(const Token& token) {
  switch (token.kind) {
    case Token::Kind::kEnd:
      return "the end of the text";
    case Token::Kind::kInvalid:
      return std::string(token.text);
    case Token::Kind::kString:
      return absl::StrCat("the string ", token.text.substr(0, kMaxQuoted));
    case Token::Kind::kValue:
      return absl::StrCat("'%", token.text.substr(0, kMaxQuoted), "'");
    case Token::Kind::kGlobal:
      return absl::StrCat("'@", token.text.substr(0, kMaxQuoted), "'");
    case Token::Kind::kIdentifier:
    case Token::Kind::kNumber:
    case Token::Kind::kPunctuation:
      return absl::StrCat("'", token.text.substr(0, kMaxQuoted), "'");
  }
  return "?";
}

}  // namespace

Token TokenCursor::Take() {
  Token taken = token_;
  token_ = lexer_.Next();
  return taken;
}

bool TokenCursor::TakeIf(absl::string_view punctuation) {
  if (!token_.Is(punctuation)) return false;
  Take();
  return true;
}

absl::Status TokenCursor::Expect(absl::string_view punctuation) {
  if (TakeIf(punctuation)) return absl::OkStatus();
  return Expected(absl::StrCat("'", punctuation, "'"));
}

absl::Status TokenCursor::ExpectWord(absl::string_view word) {
  if (!token_.IsWord(word)) return Expected(absl::StrCat("'", word, "'"));
  Take();
  return absl::OkStatus();
}

absl::Status TokenCursor::ErrorAt(const Token& token, absl::string_view message) const {
  return absl::InvalidArgumentError(
      absl::StrCat(filename_, ":", token.line, ":", token.column, ": ", message));
}

absl::Status TokenCursor::Expected(absl::string_view what) const {
  return Error(absl::StrCat("expected ", what, ", found ", Describe(token_)));
}

Location TokenCursor::TrailingLocation() const {
  const absl::string_view comment = absl::StripAsciiWhitespace(lexer_.comment());
  const size_t colon = comment.rfind(':');
  if (colon == absl::string_view::npos || colon == 0) return {};
  absl::string_view file = comment.substr(0, colon), digits = comment.substr(colon + 1);
  int line = 0;
  const auto end = std::from_chars(digits.data(), digits.data() + digits.size(), line);
  if (end.ec != std::errc() || end.ptr != digits.data() + digits.size() || line < 0) return {};
  std::string name(file);
  if (file[0] == '"') {
    if (file.size() < 2 || file.back() != '"' || !Unquote(file, &name)) return {};
  } else if (std::any_of(file.begin(), file.end(), absl::ascii_isspace)) {
    return {};
  }
  return Location(std::move(name), line);
}

absl::Status ParseDim(absl::string_view text, const std::map<std::string, int64_t>& symbols,
                      Dim* dim) {
  TokenCursor cursor(text, "dimension");
  ValueReader reader(cursor, symbols);
  TENON_RETURN_IF_ERROR(reader.Read(*dim));
  if (cursor.token().kind != Token::Kind::kEnd) return cursor.Expected("the end");
  return absl::OkStatus();
}

}  // namespace tenon::ir
