// What derives from an attribute struct's Visit alone: walking its fields, equality, hashing.
// Nothing here (nor in the text and binary forms, which are written with VisitFields) knows an op.
#ifndef TENON_IR_ATTRIBUTES_UTIL_H_
#define TENON_IR_ATTRIBUTES_UTIL_H_

#include <cstddef>
#include <utility>
#include <variant>

#include "absl/strings/string_view.h"
#include "tenon/ir/attributes.h"

namespace tenon::ir {

// Calls visit(name, field) for every field, in order; read-only.
template <typename A, typename F>
void VisitFields(const A& attributes, F&& visit) {
  // Visit hands out mutable fields, because parsers fill them in; here they stay const.
  const_cast<A&>(attributes).Visit([&visit](const char* name, auto& field) {
    visit(absl::string_view(name), std::as_const(field));
  });
}
template <typename F>
void VisitFields(const Attributes& attributes, F&& visit) {
  std::visit([&visit](const auto& a) { VisitFields(a, visit); }, attributes);
}

// The same for one that fills fields in.
template <typename F>
void VisitMutableFields(Attributes& attributes, F&& visit) {
  std::visit(
      [&visit](auto& a) {
        a.Visit([&visit](const char* name, auto& field) { visit(absl::string_view(name), field); });
      },
      attributes);
}

// Same struct, and every field equal; floating-point fields and literals by their bits.
bool AttributesEqual(const Attributes& a, const Attributes& b);

// Equal attributes have equal hashes, the same in every process.
size_t HashAttributes(const Attributes& attributes);

}  // namespace tenon::ir

#endif  // TENON_IR_ATTRIBUTES_UTIL_H_
