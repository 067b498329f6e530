// The cases of rules_test.cc.
#ifndef TENON_TESTS_PASSES_RULE_CASES_H_
#define TENON_TESTS_PASSES_RULE_CASES_H_

#include <functional>
#include <string>
#include <vector>

#include "tenon/ir/builder.h"
#include "tenon/passes/options.h"

namespace tenon::passes {

using Values = std::vector<ir::Value>;

// A graph, given by the outputs that `build` returns, to which `rule` alone is to apply or not.
struct RuleCase {
  std::string rule;
  bool applies;
  std::function<Values(ir::GraphBuilder&)> build;
  Numerics level = Numerics::kExact;
  ir::Extents extents = {{"n", 5}};
};

std::vector<RuleCase> ArithmeticCases();
std::vector<RuleCase> LogicCases();
std::vector<RuleCase> MovementCases();
std::vector<RuleCase> ReduceCases();
std::vector<RuleCase> ControlCases();

}  // namespace tenon::passes

#endif  // TENON_TESTS_PASSES_RULE_CASES_H_
