#include "tenon/passes/simplify/rewriter.h"

#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tenon/ir/check.h"
#include "tenon/ir/op.h"
#include "tenon/passes/graph_copy.h"

namespace tenon::passes {

using ir::Graph;
using ir::GraphBuilder;
using ir::Node;
using ir::NodeId;
using ir::OpCode;
using ir::Value;
using ir::ValueId;

namespace {

// A backstop against rules that undo each other: rewriting stops there, with what it has. Tests see
// to it that it is never reached.
constexpr int64_t kMaxRewritesPerNode = 50;

}  // namespace

absl::StatusOr<Graph> Rewrite(const Graph& graph, const RewriteOptions& options,
                              RewriteStats& stats) {
  return Rewriter(graph, options, stats).Run();
}

Rewriter::Rewriter(const Graph& graph, const RewriteOptions& options, RewriteStats& stats)
    : source_(graph), options_(options), stats_(stats), builder_(GraphBuilder::Continue(graph)) {}

ValueId Rewriter::Resolve(ValueId v) const {
  while (values_[v.index].replacement.valid()) v = values_[v.index].replacement;
  return v;
}

void Rewriter::Enqueue(NodeId node) {
  NodeState& state = nodes_[node.index];
  if (state.dead || state.queued) return;
  state.queued = true;
  worklist_.push_back(node);
}

void Rewriter::Adopt(NodeId before) {
  values_.resize(static_cast<size_t>(graph().num_values()));
  for (size_t i = nodes_.size(); i < graph().nodes().size(); ++i) {
    const NodeId id{static_cast<uint32_t>(i)};
    NodeState state;
    state.next = before;
    state.previous = before.valid() ? nodes_[before.index].previous : last_;
    (state.previous.valid() ? nodes_[state.previous.index].next : first_) = id;
    (before.valid() ? nodes_[before.index].previous : last_) = id;
    nodes_.push_back(state);
    for (ValueId v : graph().node(id).operands) {
      ValueState& operand = values_[Resolve(v).index];
      ++operand.num_uses;
      operand.users.push_back(id);
    }
    Enqueue(id);
  }
}

absl::StatusOr<Graph> Rewriter::Run() {
  values_.resize(static_cast<size_t>(graph().num_values()));
  nodes_.reserve(graph().nodes().size());
  Adopt(NodeId());
  for (const ir::Output& output : source_.outputs()) ++values_[output.value.index].num_uses;

  const int64_t limit = kMaxRewritesPerNode * (static_cast<int64_t>(nodes_.size()) + 1);
  const int64_t applied_before = stats_.num_applied;
  while (!worklist_.empty() && stats_.num_applied - applied_before < limit) {
    const NodeId node = worklist_.front();
    worklist_.pop_front();
    nodes_[node.index].queued = false;
    if (nodes_[node.index].dead) continue;
    if (IsUnused(node)) {
      Kill(node);
      continue;
    }
    TENON_RETURN_IF_ERROR(Visit(node));
  }
  return Finish();
}

absl::Status Rewriter::Visit(NodeId node) {
  if (!graph().node(node).regions.empty() && !nodes_[node.index].regions_done) {
    nodes_[node.index].regions_done = true;
    TENON_RETURN_IF_ERROR(SimplifyRegions(node));
    if (nodes_[node.index].dead) return absl::OkStatus();  // its successor is in the worklist
  }
  const GraphBuilder::ScopedLocation location(*builder_, graph().node(node).location);
  for (int r : RulesOf(graph().node(node).op)) {
    const Rule& rule = AllRules()[r];
    if (rule.level > options_.numerics || options_.groups.count(rule.group) == 0) continue;
    if (!options_.only.empty() && rule.name != options_.only) continue;
    ++stats_.visits;
    Match match(*this, node);
    const Replacement replacement = rule.apply(match);
    if (!builder_->ok()) {
      return absl::InternalError(
          absl::StrCat("simplify: rule ", rule.name, ": ", builder_->Build({}).status().message()));
    }
    if (!replacement.applies()) {
      // What a rule built before it changed its mind has no users and dies when its turn comes.
      Adopt(node);
      continue;
    }
    ++stats_.applied[r];
    ++stats_.num_applied;
    return Replace(node, replacement.values(), rule.name);
  }
  return absl::OkStatus();
}

absl::Status Rewriter::SimplifyRegions(NodeId node) {
  std::vector<Graph> regions = graph().node(node).regions;
  const int64_t before = stats_.num_applied;
  for (Graph& region : regions) {
    TENON_ASSIGN_OR_RETURN(region, Rewrite(region, options_, stats_));
  }
  if (stats_.num_applied == before) return absl::OkStatus();
  const Node copy = graph().node(node);
  const GraphBuilder::ScopedLocation location(*builder_, copy.location);
  std::vector<Value> operands;
  for (ValueId v : copy.operands) operands.push_back(builder_->ValueOf(Resolve(v)));
  const std::vector<Value> results =
      builder_->Apply(copy.op, copy.attributes, std::move(operands), std::move(regions));
  if (!builder_->ok()) {
    return absl::InternalError(
        absl::StrCat("simplify: regions: ", builder_->Build({}).status().message()));
  }
  TENON_RETURN_IF_ERROR(Replace(node, results, "regions"));
  nodes_[graph().producer(results[0].id()).index].regions_done = true;
  return absl::OkStatus();
}

absl::Status Rewriter::Replace(NodeId node, const std::vector<Value>& values,
                               absl::string_view rule) {
  Adopt(node);
  const std::vector<ValueId> results = graph().node(node).results;
  TENON_CHECK(values.size() == results.size());
  for (size_t i = 0; i < results.size(); ++i) {
    const ValueId to = Resolve(values[i].id());
    if (!(graph().type(to) == graph().type(results[i]))) {
      return absl::InternalError(absl::StrCat("simplify: rule ", rule, " gives ",
                                              graph().type(to).ToString(), " for ",
                                              graph().type(results[i]).ToString()));
    }
    TENON_CHECK(to != results[i]);
    ValueState& old = values_[results[i].index];
    ValueState& replacement = values_[to.index];
    old.replacement = to;
    replacement.num_uses += old.num_uses;
    old.num_uses = 0;
    for (NodeId user : old.users) {
      replacement.users.push_back(user);
      Enqueue(user);
    }
    old.users.clear();
    old.users.shrink_to_fit();
    // What single-use rules see of it may have changed.
    if (graph().producer(to).valid()) Enqueue(graph().producer(to));
  }
  Kill(node);
  return absl::OkStatus();
}

bool Rewriter::IsUnused(NodeId node) const {
  for (ValueId v : graph().node(node).results) {
    if (values_[v.index].num_uses > 0) return false;
  }
  return true;
}

void Rewriter::Kill(NodeId node) {
  std::vector<NodeId> dying = {node};
  while (!dying.empty()) {
    const NodeId id = dying.back();
    dying.pop_back();
    NodeState& state = nodes_[id.index];
    if (state.dead) continue;
    state.dead = true;
    (state.previous.valid() ? nodes_[state.previous.index].next : first_) = state.next;
    (state.next.valid() ? nodes_[state.next.index].previous : last_) = state.previous;
    for (ValueId operand : graph().node(id).operands) {
      const ValueId v = Resolve(operand);
      ValueState& value = values_[v.index];
      --value.num_uses;
      const NodeId producer = graph().producer(v);
      if (!producer.valid() || nodes_[producer.index].dead) continue;
      if (IsUnused(producer)) {
        dying.push_back(producer);
      } else if (value.num_uses <= 1) {
        Enqueue(producer);
        for (NodeId user : value.users) Enqueue(user);  // rules for a single use may apply now
      }
    }
  }
}

Graph Rewriter::Finish() const {
  Graph result(source_.name());
  GraphCopier copier(graph(), result);
  copier.CopyInputs();
  for (NodeId id = first_; id.valid(); id = nodes_[id.index].next) {
    const Node& node = graph().node(id);
    for (ValueId v : node.operands) copier.Map(v, copier(Resolve(v)));
    copier.Copy(node);
  }
  for (const ir::Output& output : source_.outputs()) {
    result.AddOutput(output.name, copier(Resolve(output.value)), output.donated_input);
  }
  return result;
}

// --- Match

GraphBuilder& Match::builder() const { return rewriter_.builder(); }
const Graph& Match::graph() const { return rewriter_.graph(); }
Numerics Match::numerics() const { return rewriter_.options().numerics; }
bool Match::has_fma() const { return rewriter_.options().has_fma; }
const Node& Match::node() const { return rewriter_.graph().node(node_); }

Value Match::operator[](int i) const {
  return builder().ValueOf(rewriter_.Resolve(node().operands[i]));
}
std::vector<Value> Match::operands() const {
  std::vector<Value> result;
  for (int i = 0; i < num_operands(); ++i) result.push_back((*this)[i]);
  return result;
}
Value Match::result(int i) const { return builder().ValueOf(node().results[i]); }

std::optional<OpCode> Match::OpOf(Value v) const {
  const NodeId id = rewriter_.graph().producer(v.id());
  if (!id.valid()) return std::nullopt;
  return rewriter_.graph().node(id).op;
}
const Node& Match::NodeOf(Value v) const {
  return rewriter_.graph().node(rewriter_.graph().producer(v.id()));
}
Value Match::OperandOf(Value v, int i) const {
  return builder().ValueOf(rewriter_.Resolve(NodeOf(v).operands[i]));
}
int Match::Uses(Value v) const { return rewriter_.NumUses(v.id()); }

const ir::Literal* Match::Constant(Value v) const {
  if (!Is(v, OpCode::kConstant)) return nullptr;
  return &std::get<ir::ConstantAttrs>(NodeOf(v).attributes).value;
}
const ir::Literal* Match::Splat(Value v) const {
  while (Is(v, OpCode::kBroadcast) || Is(v, OpCode::kReshape)) v = OperandOf(v);
  const ir::Literal* literal = Constant(v);
  return literal != nullptr && literal->size() == 1 ? literal : nullptr;
}
std::optional<double> Match::SplatValue(Value v) const {
  const ir::Literal* literal = Splat(v);
  if (literal == nullptr) return std::nullopt;
  return literal->GetAsDouble(0);
}
bool Match::IsSplat(Value v, double number) const {
  const std::optional<double> value = SplatValue(v);
  return value.has_value() && *value == number && std::signbit(*value) == std::signbit(number);
}

}  // namespace tenon::passes
