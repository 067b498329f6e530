// Applies rewrite rules to a graph until none applies any more.
//
// The graph only grows while rules work on it: a rule's new nodes are appended to the builder's
// graph, and side tables say which value stands for which, who uses what, which nodes are dead and
// in what order the living ones stand (a new node right before the one that it replaces). The
// result is copied out at the end.
//
// A worklist holds the nodes to look at: at first all of them, then what a rewrite has created and
// the users of what it has replaced. So the work is linear in the graph and the rewrites.
#ifndef TENON_PASSES_SIMPLIFY_REWRITER_H_
#define TENON_PASSES_SIMPLIFY_REWRITER_H_

#include <deque>
#include <memory>
#include <set>
#include <vector>

#include "absl/status/statusor.h"
#include "tenon/ir/builder.h"
#include "tenon/ir/graph.h"
#include "tenon/passes/pass.h"
#include "tenon/passes/simplify/rules.h"

namespace tenon::passes {

struct RewriteOptions {
  std::set<RuleGroup> groups;
  Numerics numerics = Numerics::kStandard;
  bool has_fma = true;  // TargetDesc::has_fma
  // Only rules of this name, for tests; empty: all of the groups.
  absl::string_view only;
};

// How often each rule (an index in AllRules) was tried and applied.
struct RewriteStats {
  int64_t visits = 0;
  std::vector<int64_t> applied = std::vector<int64_t>(AllRules().size());
  int64_t num_applied = 0;
};

// The rewritten graph, regions included. An error is internal: a rule built something that does
// not fit.
absl::StatusOr<ir::Graph> Rewrite(const ir::Graph& graph, const RewriteOptions& options,
                                  RewriteStats& stats);

class Rewriter {
 public:
  Rewriter(const ir::Graph& graph, const RewriteOptions& options, RewriteStats& stats);
  absl::StatusOr<ir::Graph> Run();

  // For rules, through Match.
  ir::GraphBuilder& builder() { return *builder_; }
  const ir::Graph& graph() const { return builder_->graph(); }
  const RewriteOptions& options() const { return options_; }
  // What stands for `v` by now.
  ir::ValueId Resolve(ir::ValueId v) const;
  int NumUses(ir::ValueId v) const { return values_[v.index].num_uses; }

 private:
  struct ValueState {
    ir::ValueId replacement;        // invalid: none
    int num_uses = 0;               // operands of living nodes, and outputs
    std::vector<ir::NodeId> users;  // may name dead nodes, and one node more than once
  };
  struct NodeState {
    ir::NodeId previous, next;  // the order
    bool dead = false;
    bool queued = false;
    bool regions_done = false;
  };

  void Enqueue(ir::NodeId node);
  // Enters nodes that were built since the last call, right before `before` (invalid: at the end).
  void Adopt(ir::NodeId before);
  absl::Status Visit(ir::NodeId node);
  absl::Status SimplifyRegions(ir::NodeId node);
  absl::Status Replace(ir::NodeId node, const std::vector<ir::Value>& values,
                       absl::string_view rule);
  // Takes `node` and what only it uses out of the order.
  void Kill(ir::NodeId node);
  bool IsUnused(ir::NodeId node) const;
  ir::Graph Finish() const;

  const ir::Graph& source_;
  const RewriteOptions& options_;
  RewriteStats& stats_;
  std::unique_ptr<ir::GraphBuilder> builder_;
  std::vector<ValueState> values_;
  std::vector<NodeState> nodes_;
  ir::NodeId first_, last_;
  std::deque<ir::NodeId> worklist_;
};

}  // namespace tenon::passes

#endif  // TENON_PASSES_SIMPLIFY_REWRITER_H_
