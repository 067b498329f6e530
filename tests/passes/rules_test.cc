// Every rewrite rule: a graph to which it applies, where the rewritten graph computes the same, and
// one that looks alike to which it must not apply. The cases are in rule_cases_*.cc.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "tenon/ir/interpreter.h"
#include "tenon/ir/text.h"
#include "tenon/ir/verifier.h"
#include "tenon/passes/simplify/rewriter.h"
#include "tests/passes/rule_cases.h"
#include "tests/passes/support.h"

namespace tenon::passes {
namespace {

using ir::Graph;
using ir::Literal;

std::vector<RuleCase> AllCases() {
  std::vector<RuleCase> cases;
  for (const auto& part :
       {ArithmeticCases(), LogicCases(), MovementCases(), ReduceCases(), ControlCases()}) {
    cases.insert(cases.end(), part.begin(), part.end());
  }
  return cases;
}

Graph BuildCase(const RuleCase& c) {
  ir::GraphBuilder b("g");
  std::vector<std::pair<std::string, ir::Value>> outputs;
  for (ir::Value v : c.build(b)) outputs.emplace_back("y" + std::to_string(outputs.size()), v);
  const absl::StatusOr<Graph> graph = b.Build(outputs);
  EXPECT_TRUE(graph.ok()) << c.rule << ": " << graph.status();
  return *graph;
}

// Runs only the rule of the case; returns how often it applied.
int64_t Apply(const RuleCase& c, const Graph& graph, Graph& result) {
  RewriteOptions options;
  options.groups = {RuleGroup::kFold,        RuleGroup::kAlgebra, RuleGroup::kMovement,
                    RuleGroup::kContraction, RuleGroup::kControl, RuleGroup::kDecompose};
  options.numerics = c.level;
  options.only = c.rule;
  RewriteStats stats;
  absl::StatusOr<Graph> rewritten = Rewrite(graph, options, stats);
  EXPECT_TRUE(rewritten.ok()) << c.rule << ": " << rewritten.status();
  if (rewritten.ok()) result = *std::move(rewritten);
  return stats.num_applied;
}

// The rewritten graph verifies and computes what the graph did.
void CheckMeaning(const RuleCase& c, const Graph& graph, const Graph& result) {
  ASSERT_TRUE(ir::Verify(result).ok()) << ir::Verify(result) << ir::Print(result);
  ir::InterpretOptions options;
  options.extents = c.extents;
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    // At exact, awkward values must come through to the bit; at standard, sums may be ordered
    // otherwise: f32 with a few terms each.
    const bool exact = c.level == Numerics::kExact;
    const std::vector<Literal> inputs =
        RandomLiterals(graph, {.seed = seed, .special = exact, .extents = c.extents});
    const absl::StatusOr<std::vector<Literal>> before = ir::Interpret(graph, inputs, options);
    const absl::StatusOr<std::vector<Literal>> after = ir::Interpret(result, inputs, options);
    ASSERT_TRUE(before.ok()) << before.status();
    ASSERT_TRUE(after.ok()) << after.status() << ir::Print(result);
    for (size_t i = 0; i < before->size(); ++i) {
      EXPECT_EQ(Difference((*before)[i], (*after)[i], exact ? 0 : 1e-5), "") << ir::Print(result);
    }
  }
}

TEST(RulesTest, ApplyWhereTheyShouldAndKeepTheMeaning) {
  for (const RuleCase& c : AllCases()) {
    if (!c.applies) continue;
    const Graph graph = BuildCase(c);
    SCOPED_TRACE(c.rule + "\n" + ir::Print(graph));
    Graph result;
    EXPECT_GT(Apply(c, graph, result), 0);
    CheckMeaning(c, graph, result);
  }
}

TEST(RulesTest, DoNotApplyWhereTheyMustNot) {
  for (const RuleCase& c : AllCases()) {
    if (c.applies) continue;
    const Graph graph = BuildCase(c);
    Graph result;
    EXPECT_EQ(Apply(c, graph, result), 0) << c.rule << "\n"
                                          << ir::Print(graph) << ir::Print(result);
  }
}

TEST(RulesTest, EveryRuleHasBothKindsOfCases) {
  std::set<std::string> positive, negative;
  for (const RuleCase& c : AllCases()) (c.applies ? positive : negative).insert(c.rule);
  std::set<std::string> names;
  for (const Rule& rule : AllRules()) names.insert(std::string(rule.name));
  for (const std::string& name : names) {
    EXPECT_TRUE(positive.count(name)) << name << " has no case to which it applies";
    EXPECT_TRUE(negative.count(name)) << name << " has no case to which it must not apply";
  }
  for (const auto& cases : {positive, negative}) {
    for (const std::string& name : cases) EXPECT_TRUE(names.count(name)) << name << " is no rule";
  }
}

}  // namespace
}  // namespace tenon::passes
