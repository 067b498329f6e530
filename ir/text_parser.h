// The layers of the text form's parser: a cursor over tokens with errors, and above it readers of
// dimensions, types, literals and attribute values. ir/text_parser.cc puts graphs together.
//
// Every reader gives absl::Status; the first error ends the parse. Hostile text is met by limits:
// nothing recurses deeper than the limits here, no integer overflows, and no allocation is larger
// than a small multiple of the text not yet read.
#ifndef TENON_IR_TEXT_PARSER_H_
#define TENON_IR_TEXT_PARSER_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "tenon/ir/attributes.h"
#include "tenon/ir/location.h"
#include "tenon/ir/text_lexer.h"

namespace tenon::ir {

// Brackets in one dimension, and factors and terms of its polynomial.
inline constexpr int kMaxDimDepth = 64;
inline constexpr int kMaxDimTerms = 256;

class TokenCursor {
 public:
  TokenCursor(absl::string_view text, absl::string_view filename)
      : filename_(filename), lexer_(text), token_(lexer_.Next()) {}

  const Token& token() const { return token_; }
  // The token after the current one.
  Token Peek() const {
    Lexer ahead = lexer_;
    return ahead.Next();
  }
  Token Take();
  // Takes the current token if it is this punctuation.
  bool TakeIf(absl::string_view punctuation);
  absl::Status Expect(absl::string_view punctuation);
  absl::Status ExpectWord(absl::string_view word);

  // The location that the comment after the last taken token states, if it states one.
  Location TrailingLocation() const;

  // "filename:line:column: message" at the current token, or at one given.
  absl::Status Error(absl::string_view message) const { return ErrorAt(token_, message); }
  absl::Status ErrorAt(const Token& token, absl::string_view message) const;
  // "expected WHAT, found ...".
  absl::Status Expected(absl::string_view what) const;

  const Lexer& lexer() const { return lexer_; }

 private:
  std::string filename_;
  Lexer lexer_;
  Token token_;
};

// Reads what stands within a line: numbers, dimensions, types, literals.
class ValueReader {
 public:
  // `symbols` are the bounds that need not be stated again.
  explicit ValueReader(TokenCursor& cursor, std::map<std::string, int64_t> symbols = {})
      : cursor_(cursor), symbols_(std::move(symbols)) {}

  absl::Status Read(int64_t& v);
  absl::Status Read(bool& v);
  absl::Status Read(double& v);
  absl::Status Read(std::string& v);  // in quotes
  absl::Status Read(DType& v);
  absl::Status Read(Dim& v);
  absl::Status Read(Shape& v);
  absl::Status Read(std::vector<int64_t>& v);
  absl::Status Read(TensorType& v);
  absl::Status Read(Literal& v);
  absl::Status Read(Combiner& v);
  absl::Status Read(CompareKind& v);
  absl::Status Read(ScatterKind& v);

 private:
  template <typename E>
  absl::Status ReadEnum(E& v, absl::string_view what);
  absl::Status ReadSum(Dim& v, int depth);
  absl::Status ReadProduct(Dim& v, int depth);
  absl::Status ReadFactor(Dim& v, int depth);
  absl::Status ReadFloorDiv(Dim& v, int depth);
  absl::Status ReadSymbol(Dim& v);
  absl::Status ReadElements(Literal& v);
  absl::Status ReadElement(Literal& v, int64_t i);
  template <typename T>
  absl::Status ReadIntegerElement(Literal& v, int64_t i);
  absl::Status ReadFloatElement(Literal& v, int64_t i);

  TokenCursor& cursor_;
  std::map<std::string, int64_t> symbols_;  // bounds, by name
  size_t splat_bytes_ = 0;                  // of literals with `...`
};

// A whole dimension from text of its own ("n*12+1"), with the bounds of its symbols given: how the
// binary form stores dimensions.
absl::Status ParseDim(absl::string_view text, const std::map<std::string, int64_t>& symbols,
                      Dim* dim);

}  // namespace tenon::ir

#endif  // TENON_IR_TEXT_PARSER_H_
