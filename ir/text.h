// The text form of graphs: what `.tn` files hold. docs/ir.md is its reference.
//
//   tenon graph 1
//
//   graph @mlp(%x: f32[n<=32,784], parameter %w: f32[784,10] = glorot_uniform) -> (y: f32[n,10]) {
//     %0 = contract(%x, %w) "mk,kn->mn" : f32[n,10]  // mlp.cc:14
//     return %0
//   }
//
// Print and Parse are inverse: printing what was parsed gives the same text again, and parsing what
// was printed gives an equal graph, locations, NaN payloads and signed zeros included. How an op's
// attributes look follows from its attribute struct alone (ir/attributes.h).
#ifndef TENON_IR_TEXT_H_
#define TENON_IR_TEXT_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tenon/ir/graph.h"

namespace tenon::ir {

// Raised whenever text that a new version writes would mislead an old one. All earlier versions
// stay readable.
inline constexpr int kTextVersion = 1;

// Literals of equal elements are written `{0, ...}` as long as all of them together stay within
// this size, the others in full: so a short text never needs much memory.
inline constexpr size_t kMaxSplatBytes = size_t{1} << 26;

struct PrintOptions {
  // `// file:line` after inputs and ops whose source is known.
  bool locations = true;
  // Literals of more elements are shortened to their first ones and "<cut>". For people: Parse
  // refuses such text. -1: never.
  int64_t max_elements = -1;
};
std::string Print(const Graph& graph, const PrintOptions& options = {});

// The verified graph, or an InvalidArgument error "filename:line:column: what is wrong".
absl::StatusOr<Graph> Parse(absl::string_view text, absl::string_view filename = "<text>");

// Attributes as they follow an op's operands: `kind=sum axes=[0,1]`. For reports.
std::string PrintAttributes(const Attributes& attributes, const PrintOptions& options = {});

// Elements of `literal` as they stand between the braces of its text: "1, 2.5, nan".
std::string PrintElements(const Literal& literal, int64_t max_elements = -1);

}  // namespace tenon::ir

#endif  // TENON_IR_TEXT_H_
