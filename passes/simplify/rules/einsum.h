// The letters of a contraction (see ir::ContractAttrs), taken apart.
#ifndef TENON_PASSES_SIMPLIFY_RULES_EINSUM_H_
#define TENON_PASSES_SIMPLIFY_RULES_EINSUM_H_

#include <string>

#include "absl/strings/str_cat.h"
#include "tenon/ir/attributes.h"

namespace tenon::passes::rules {

struct Einsum {
  std::string operand[2];
  std::string result;
  bool wide = false;

  explicit Einsum(const ir::ContractAttrs& attrs) : wide(attrs.wide) {
    const size_t comma = attrs.spec.find(',');
    const size_t arrow = attrs.spec.find("->");
    operand[0] = attrs.spec.substr(0, comma);
    operand[1] = attrs.spec.substr(comma + 1, arrow - comma - 1);
    result = attrs.spec.substr(arrow + 2);
  }
  ir::ContractAttrs attrs() const {
    return {absl::StrCat(operand[0], ",", operand[1], "->", result), wide};
  }

  static bool Has(const std::string& letters, char c) {
    return letters.find(c) != std::string::npos;
  }
  bool InOperand(int i, char c) const { return Has(operand[i], c); }
  bool InResult(char c) const { return Has(result, c); }
  // The letters summed over, in the order in which the sum runs.
  std::string Summed() const {
    std::string summed;
    for (char c : operand[0] + operand[1]) {
      if (!InResult(c) && !Has(summed, c)) summed += c;
    }
    return summed;
  }
};

// `letters` without `c`.
inline std::string Without(std::string letters, char c) {
  const size_t at = letters.find(c);
  if (at != std::string::npos) letters.erase(at, 1);
  return letters;
}

}  // namespace tenon::passes::rules

#endif  // TENON_PASSES_SIMPLIFY_RULES_EINSUM_H_
