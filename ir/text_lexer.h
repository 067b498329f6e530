// Tokens of the text form, on demand: the lexer holds a position in the text and nothing else, so
// copying it is how a parser looks ahead.
#ifndef TENON_IR_TEXT_LEXER_H_
#define TENON_IR_TEXT_LEXER_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace tenon::ir {

struct Token {
  enum class Kind {
    kEnd,
    kIdentifier,  // contract, f32, grad/w
    kValue,       // %x or %"any name"; text excludes the sign
    kGlobal,      // @mlp or @"any name"; text excludes the sign
    kString,      // "..."; text includes the quotes
    kNumber,      // 12, 2.5e-3, 0x7fc1; without a sign
    kPunctuation,
    kInvalid,  // text says what is wrong
  };
  Kind kind = Kind::kEnd;
  absl::string_view text;
  int line = 1;
  int column = 1;  // in bytes, from 1

  bool Is(absl::string_view punctuation) const {
    return kind == Kind::kPunctuation && text == punctuation;
  }
  bool IsWord(absl::string_view word) const { return kind == Kind::kIdentifier && text == word; }
};

class Lexer {
 public:
  explicit Lexer(absl::string_view text) : text_(text) {}

  Token Next();
  // The first comment between the token that Next gave last and the one before, without the
  // slashes, when it stands on the line of the latter; empty otherwise.
  absl::string_view comment() const { return comment_; }
  // Bytes of text not yet read.
  size_t remaining() const { return text_.size() - pos_; }

 private:
  void SkipTrivia();
  Token Make(Token::Kind kind, size_t length);
  Token Invalid(absl::string_view why);
  Token LexString(Token::Kind kind, size_t prefix);
  Token LexNumber();

  absl::string_view text_;
  size_t pos_ = 0;
  size_t line_start_ = 0;
  int line_ = 1;
  absl::string_view comment_;
};

// How many leading bytes of `text` a value's or graph's name without quotes takes, and an
// identifier.
size_t ScanName(absl::string_view text);
size_t ScanIdentifier(absl::string_view text);

// A name as printed: bare where the lexer reads it back as one token, in quotes otherwise.
// `is_value`: of a value, where bare numbers mean results of nodes.
std::string NameToText(absl::string_view name, bool is_value);
// As an identifier (output names).
std::string IdentifierToText(absl::string_view name);

// A string in quotes, escaped; and back, given the token's text with its quotes. An unknown escape
// makes false.
std::string Quote(absl::string_view text);
bool Unquote(absl::string_view quoted, std::string* text);

}  // namespace tenon::ir

#endif  // TENON_IR_TEXT_LEXER_H_
