// Rewrite rules: what simplification is made of.
//
// A rule is a row in rules.def, which states its algebra, and a function under rules/. It looks at
// one node and what that node depends on, and either does not apply or gives values that stand for
// the node's results from then on, of the same types. A rule never makes a program worse: no more
// work (but for sums that a kernel takes side by side), no larger values. Every row has a case for
// which it applies and one for which it must not in tests/passes/rules_test.cc.
//
// Bits: a rule of level exact keeps the bits of every result (whatever the sign and payload of a
// NaN); one of level standard may differ in the sign of a zero, in the order of a sum, or by
// rounding less often than what it replaces, and sums may become infinite; see docs/passes.md.
#ifndef TENON_PASSES_SIMPLIFY_RULES_H_
#define TENON_PASSES_SIMPLIFY_RULES_H_

#include <optional>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "tenon/ir/builder.h"
#include "tenon/ir/graph.h"
#include "tenon/passes/options.h"

namespace tenon::passes {

class Rewriter;

// What a rule gives: nothing, or one value for each result of the node.
class Replacement {
 public:
  Replacement(std::nullopt_t) {}                                      // NOLINT: does not apply
  Replacement(ir::Value value) : values_({value}), applies_(true) {}  // NOLINT
  Replacement(std::vector<ir::Value> values)                          // NOLINT
      : values_(std::move(values)), applies_(true) {}

  bool applies() const { return applies_; }
  const std::vector<ir::Value>& values() const { return values_; }

 private:
  std::vector<ir::Value> values_;
  bool applies_ = false;
};

// The node that a rule looks at. Everything is returned by value: building new ops moves the nodes
// and types that a reference would refer to.
class Match {
 public:
  Match(Rewriter& rewriter, ir::NodeId node) : rewriter_(rewriter), node_(node) {}

  ir::GraphBuilder& builder() const;
  const ir::Graph& graph() const;
  Numerics numerics() const;
  // Whether the target fuses multiply-adds: elementary functions have other bits with it.
  bool has_fma() const;

  ir::OpCode op() const { return node().op; }
  template <typename A>
  A attrs() const {
    return node().attrs<A>();
  }
  int num_operands() const { return static_cast<int>(node().operands.size()); }
  ir::Value operator[](int i) const;
  std::vector<ir::Value> operands() const;
  int num_results() const { return static_cast<int>(node().results.size()); }
  ir::Value result(int i = 0) const;
  ir::TensorType type(int i = 0) const { return result(i).type(); }
  // Whether anything uses result `i`.
  bool IsUsed(int i) const { return Uses(result(i)) > 0; }
  // The node itself; only until something is built.
  const ir::Node& node() const;

  // The op that computes `v` (nullopt: an input), its attributes and operands.
  std::optional<ir::OpCode> OpOf(ir::Value v) const;
  bool Is(ir::Value v, ir::OpCode op) const { return OpOf(v) == op; }
  template <typename A>
  A AttrsOf(ir::Value v) const {
    return NodeOf(v).attrs<A>();
  }
  ir::Value OperandOf(ir::Value v, int i = 0) const;
  int NumOperandsOf(ir::Value v) const { return static_cast<int>(NodeOf(v).operands.size()); }
  const ir::Node& NodeOf(ir::Value v) const;
  // How often `v` is used as an operand or output.
  int Uses(ir::Value v) const;
  bool SingleUse(ir::Value v) const { return Uses(v) == 1; }

  // The scalar that `v` is filled with: a scalar constant, looked at through broadcasts and
  // reshapes; null if it is none. Only until something is built.
  const ir::Literal* Splat(ir::Value v) const;
  // Its value, if it has one.
  std::optional<double> SplatValue(ir::Value v) const;
  // Whether `v` is filled with `number`; the sign of a zero counts.
  bool IsSplat(ir::Value v, double number) const;
  // The literal behind `v` if it is a constant. Only until something is built.
  const ir::Literal* Constant(ir::Value v) const;

 private:
  Rewriter& rewriter_;
  ir::NodeId node_;
};

enum class RuleGroup : uint8_t { kFold, kAlgebra, kMovement, kContraction, kControl, kDecompose };

using RuleFn = Replacement (*)(Match&);

struct Rule {
  absl::string_view name;
  ir::OpCode op;
  RuleGroup group;
  Numerics level;  // the strictest level at which it is legal
  absl::string_view algebra;
  RuleFn apply;
};

// All rules, in the order of rules.def: that in which those of one op are tried.
absl::Span<const Rule> AllRules();
// The indices in AllRules of the rules of an op.
absl::Span<const int> RulesOf(ir::OpCode op);

namespace rules {
#define TENON_RULE(name, op, group, level, algebra) Replacement name(Match& m);
#define TENON_RULE_ANY(name, group, level, algebra) Replacement name(Match& m);
#include "tenon/passes/simplify/rules.def"
}  // namespace rules

}  // namespace tenon::passes

#endif  // TENON_PASSES_SIMPLIFY_RULES_H_
