#include "tenon/passes/simplify/rules.h"

#include <array>

namespace tenon::passes {

using ir::OpCode;

namespace {

std::vector<Rule> MakeRules() {
  std::vector<Rule> table;
#define TENON_RULE(name, op, group, level, algebra) \
  table.push_back({#name, OpCode::op, RuleGroup::group, Numerics::level, algebra, &rules::name});
#define TENON_RULE_AGAIN(name, op, group, level) TENON_RULE(name, op, group, level, "")
#define TENON_RULE_ANY(name, group, level, algebra)                                              \
  for (int op = 0; op < ir::kNumOps; ++op) {                                                     \
    table.push_back({#name, static_cast<OpCode>(op), RuleGroup::group, Numerics::level, algebra, \
                     &rules::name});                                                             \
  }
#include "tenon/passes/simplify/rules.def"
  return table;
}

using RulesByOp = std::array<std::vector<int>, ir::kNumOps>;
RulesByOp IndexRules() {
  RulesByOp index;
  for (size_t i = 0; i < AllRules().size(); ++i) {
    index[static_cast<size_t>(AllRules()[i].op)].push_back(static_cast<int>(i));
  }
  return index;
}

}  // namespace

absl::Span<const Rule> AllRules() {
  static const std::vector<Rule>& table = *new std::vector<Rule>(MakeRules());
  return table;
}

absl::Span<const int> RulesOf(OpCode op) {
  static const RulesByOp& index = *new RulesByOp(IndexRules());
  return index[static_cast<size_t>(op)];
}

}  // namespace tenon::passes
