// Spellings of the graph IR's enumerations: one table for text form, binary form and error
// messages.
//
//   EnumName(CompareKind::kLt)          // "lt"
//   ParseEnum<CompareKind>("lt")        // CompareKind::kLt
//   EnumNames<CompareKind>()            // {"eq", "ne", "lt", ...}, by value
//
// The spellings are part of the file formats: never change one.
#ifndef TENON_IR_ENUM_NAMES_H_
#define TENON_IR_ENUM_NAMES_H_

#include <optional>
#include <vector>

#include "absl/strings/string_view.h"
#include "tenon/ir/graph.h"
#include "tenon/ir/op.h"

namespace tenon::ir {

absl::string_view EnumName(Combiner value);
absl::string_view EnumName(CompareKind value);
absl::string_view EnumName(ScatterKind value);
absl::string_view EnumName(InitKind value);
absl::string_view EnumName(InputKind value);
absl::string_view EnumName(ComputeClass value);
absl::string_view EnumName(Differentiability value);

// The last enumerator of each, so that tables can be walked.
template <typename E>
struct LastEnumerator;
template <>
struct LastEnumerator<Combiner> {
  static constexpr Combiner value = Combiner::kOr;
};
template <>
struct LastEnumerator<CompareKind> {
  static constexpr CompareKind value = CompareKind::kGe;
};
template <>
struct LastEnumerator<ScatterKind> {
  static constexpr ScatterKind value = ScatterKind::kMin;
};
template <>
struct LastEnumerator<InitKind> {
  static constexpr InitKind value = InitKind::kHeNormal;
};
template <>
struct LastEnumerator<ComputeClass> {
  static constexpr ComputeClass value = ComputeClass::kControl;
};
template <>
struct LastEnumerator<Differentiability> {
  static constexpr Differentiability value = Differentiability::kNone;
};
template <>
struct LastEnumerator<InputKind> {
  static constexpr InputKind value = InputKind::kState;
};

// Every spelling, in the order of the values.
template <typename E>
std::vector<absl::string_view> EnumNames() {
  std::vector<absl::string_view> names;
  for (int i = 0; i <= static_cast<int>(LastEnumerator<E>::value); ++i) {
    names.push_back(EnumName(static_cast<E>(i)));
  }
  return names;
}

template <typename E>
std::optional<E> ParseEnum(absl::string_view name) {
  for (int i = 0; i <= static_cast<int>(LastEnumerator<E>::value); ++i) {
    if (EnumName(static_cast<E>(i)) == name) return static_cast<E>(i);
  }
  return std::nullopt;
}

// How many of an initialiser's numbers its kind uses: 0, 1 (a) or 2 (a and b).
int NumInitArguments(InitKind kind);

}  // namespace tenon::ir

#endif  // TENON_IR_ENUM_NAMES_H_
