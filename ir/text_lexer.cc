#include "tenon/ir/text_lexer.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace tenon::ir {
namespace {

bool IsWordChar(char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_'; }
bool IsWordStart(char c) { return absl::ascii_isalpha(static_cast<unsigned char>(c)) || c == '_'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

int HexDigit(char c) {
  if (IsDigit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

size_t ScanName(absl::string_view text) {
  size_t i = 0;
  for (; i < text.size(); ++i) {
    const char c = text[i];
    if (IsWordChar(c) || c == '.' || c == '$') continue;
    // Slashes and dashes only inside, so that a name ends before "//" and "->".
    const bool inner = (c == '/' || c == '-') && i > 0 && i + 1 < text.size();
    if (!inner || !IsWordChar(text[i + 1])) break;
  }
  return i;
}

size_t ScanIdentifier(absl::string_view text) {
  if (text.empty() || !IsWordStart(text[0])) return 0;
  size_t i = 1;
  for (; i < text.size(); ++i) {
    const char c = text[i];
    if (IsWordChar(c) || c == '.') continue;
    // "grad/w" is one identifier, "n/2" is a division.
    if (c != '/' || i + 1 >= text.size() || !IsWordStart(text[i + 1])) break;
  }
  return i;
}

std::string NameToText(absl::string_view name, bool is_value) {
  const bool is_number = std::all_of(name.begin(), name.end(), IsDigit);
  const bool bare = !name.empty() && ScanName(name) == name.size() && !(is_value && is_number);
  return bare ? std::string(name) : Quote(name);
}

std::string IdentifierToText(absl::string_view name) {
  return !name.empty() && ScanIdentifier(name) == name.size() ? std::string(name) : Quote(name);
}

std::string Quote(absl::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) {
      absl::StrAppend(&out, "\\x", absl::Hex(static_cast<unsigned char>(c), absl::kZeroPad2));
    } else {
      out += c;
    }
  }
  return out + "\"";
}

bool Unquote(absl::string_view quoted, std::string* text) {
  text->clear();
  for (size_t i = 1; i + 1 < quoted.size(); ++i) {
    if (quoted[i] != '\\') {
      *text += quoted[i];
      continue;
    }
    ++i;
    if (quoted[i] == '"' || quoted[i] == '\\') {
      *text += quoted[i];
    } else if (quoted[i] == 'x' && i + 3 < quoted.size() && HexDigit(quoted[i + 1]) >= 0 &&
               HexDigit(quoted[i + 2]) >= 0) {
      *text += static_cast<char>(HexDigit(quoted[i + 1]) * 16 + HexDigit(quoted[i + 2]));
      i += 2;
    } else {
      return false;
    }
  }
  return true;
}

void Lexer::SkipTrivia() {
  comment_ = {};
  const int first_line = line_;
  while (pos_ < text_.size()) {
    const char c = text_[pos_];
    if (c == '\n') {
      ++pos_;
      ++line_;
      line_start_ = pos_;
    } else if (c == ' ' || c == '\t' || c == '\r') {
      ++pos_;
    } else if (absl::StartsWith(text_.substr(pos_), "//")) {
      const size_t end = std::min(text_.find('\n', pos_), text_.size());
      if (line_ == first_line) comment_ = text_.substr(pos_ + 2, end - pos_ - 2);
      pos_ = end;
    } else {
      return;
    }
  }
}

Token Lexer::Make(Token::Kind kind, size_t length) {
  Token token{kind, text_.substr(pos_, length), line_, static_cast<int>(pos_ - line_start_) + 1};
  pos_ += length;
  return token;
}

Token Lexer::Invalid(absl::string_view why) {
  Token token = Make(Token::Kind::kInvalid, 0);
  token.text = why;
  pos_ = text_.size();  // nothing after it is looked at
  return token;
}

Token Lexer::LexString(Token::Kind kind, size_t prefix) {
  size_t end = pos_ + prefix + 1;
  while (end < text_.size() && text_[end] != '"') {
    if (absl::ascii_iscntrl(static_cast<unsigned char>(text_[end]))) {
      return Invalid("a string is not closed on its line");
    }
    end += text_[end] == '\\' ? 2 : 1;
  }
  if (end >= text_.size()) return Invalid("a string is not closed");
  Token token = Make(kind, end + 1 - pos_);
  token.text.remove_prefix(prefix);
  return token;
}

Token Lexer::LexNumber() {
  const absl::string_view rest = text_.substr(pos_);
  size_t i = 0;
  const auto digits = [&] {
    while (i < rest.size() && IsDigit(rest[i])) ++i;
  };
  if (absl::StartsWith(rest, "0x")) {
    i = 2;
    while (i < rest.size() && HexDigit(rest[i]) >= 0) ++i;
    if (i == 2) return Invalid("a hexadecimal number has no digits");
  } else {
    digits();
    if (i + 1 < rest.size() && rest[i] == '.' && IsDigit(rest[i + 1])) {
      ++i;
      digits();
    }
    size_t e = i;
    if (e < rest.size() && (rest[e] == 'e' || rest[e] == 'E')) {
      ++e;
      if (e < rest.size() && (rest[e] == '+' || rest[e] == '-')) ++e;
      if (e < rest.size() && IsDigit(rest[e])) {
        i = e;
        digits();
      }
    }
  }
  if (i < rest.size() && IsWordChar(rest[i])) return Invalid("a number runs into a word");
  return Make(Token::Kind::kNumber, i);
}

Token Lexer::Next() {
  SkipTrivia();
  const absl::string_view rest = text_.substr(pos_);
  if (rest.empty()) return Make(Token::Kind::kEnd, 0);
  const char c = rest[0];
  if (c == '%' || c == '@') {
    const Token::Kind kind = c == '%' ? Token::Kind::kValue : Token::Kind::kGlobal;
    if (rest.size() > 1 && rest[1] == '"') return LexString(kind, 1);
    const size_t length = ScanName(rest.substr(1));
    if (length == 0) return Invalid(c == '%' ? "'%' without a name" : "'@' without a name");
    Token token = Make(kind, length + 1);
    token.text.remove_prefix(1);
    return token;
  }
  if (c == '"') return LexString(Token::Kind::kString, 0);
  if (IsDigit(c)) return LexNumber();
  if (IsWordStart(c)) return Make(Token::Kind::kIdentifier, ScanIdentifier(rest));
  for (absl::string_view p : {"->", "<=", "..."}) {
    if (absl::StartsWith(rest, p)) return Make(Token::Kind::kPunctuation, p.size());
  }
  if (absl::string_view("()[]{}<>:,=+-*/").find(c) != absl::string_view::npos) {
    return Make(Token::Kind::kPunctuation, 1);
  }
  return Invalid("a character that no token starts with");
}

}  // namespace tenon::ir
