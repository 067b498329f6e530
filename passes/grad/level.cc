#include "tenon/passes/grad/level.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "tenon/ir/check.h"
#include "tenon/ir/op.h"
#include "tenon/passes/graph_copy.h"

namespace tenon::passes::grad {

using ir::Differentiability;
using ir::Graph;
using ir::GraphBuilder;
using ir::Node;
using ir::OpDef;
using ir::TensorType;
using ir::Value;
using ir::ValueId;

Level::Level(const Graph& source, const std::vector<bool>& inputs, const std::vector<bool>& outputs)
    : source_(source),
      active_(ActiveValues(source, inputs, outputs)),
      map_(static_cast<size_t>(source.num_values())),
      cotangents_(static_cast<size_t>(source.num_values())),
      records_(source.nodes().size()) {}

absl::StatusOr<Graph> Level::Forward(const std::vector<TensorType>& cotangents) {
  Graph forward(source_.name());
  GraphCopier copier(source_, forward);
  copier.CopyInputs();
  for (size_t i = 0; i < cotangents.size(); ++i) {
    forward.AddInput(absl::StrCat("cotangent", i), ir::InputKind::kInput, cotangents[i]);
  }
  for (const ir::Input& input : source_.inputs()) map_[input.value.index] = copier(input.value);
  for (size_t n = 0; n < source_.nodes().size(); ++n) {
    const Node& node = source_.nodes()[n];
    bool differentiated = false;
    if (ir::GetOpDef(node.op).differentiability == Differentiability::kControl) {
      for (ValueId v : node.results) differentiated = differentiated || active_[v.index];
    }
    if (differentiated) {
      TENON_RETURN_IF_ERROR(ForwardControl(node, forward, n));
      for (ValueId v : node.results) copier.Map(v, map_[v.index]);
    } else {
      copier.Copy(node);
      for (ValueId v : node.results) map_[v.index] = copier(v);
    }
  }
  return forward;
}

void Level::Accumulate(ValueId value, Value cotangent) {
  if (!active_[value.index]) return;
  std::optional<Value>& sum = cotangents_[value.index];
  sum = sum.has_value() ? *sum + cotangent : cotangent;
}

absl::Status Level::Reverse(GraphBuilder& builder) {
  for (size_t n = source_.nodes().size(); n-- > 0;) {
    const Node& node = source_.nodes()[n];
    const OpDef& def = ir::GetOpDef(node.op);
    if (def.differentiability == Differentiability::kZero) continue;
    std::vector<std::optional<Value>> cotangents;
    bool any_cotangent = false;
    for (ValueId v : node.results) {
      cotangents.push_back(cotangents_[v.index]);
      any_cotangent = any_cotangent || cotangents.back().has_value();
    }
    std::vector<bool> needed;
    bool any_needed = false;
    for (ValueId v : node.operands) {
      needed.push_back(active_[v.index]);
      any_needed = any_needed || needed.back();
    }
    // A loop is active without active operands where its own body reads nothing else: nothing to
    // do.
    if (!any_cotangent || !any_needed) continue;

    GraphBuilder::ScopedLocation location(builder, node.location);
    // The builder's nodes move as it grows; the rule keeps a copy of its own.
    const Node forward = builder.graph().node(ir::NodeId{static_cast<uint32_t>(n)});
    std::vector<std::optional<Value>> result;
    if (records_[n] != nullptr) {
      result = node.op == ir::OpCode::kCond
                   ? ReverseCond(builder, forward, *records_[n], cotangents)
                   : ReverseScan(builder, forward, *records_[n], cotangents);
    } else {
      if (def.gradient == nullptr) {
        return absl::InternalError(
            absl::StrCat("differentiate: ", def.name, " has no gradient rule"));
      }
      ir::GradContext context{builder, forward, {}, {}, std::move(cotangents), needed};
      for (ValueId v : forward.operands) context.operands.push_back(builder.ValueOf(v));
      for (ValueId v : forward.results) context.results.push_back(builder.ValueOf(v));
      result = def.gradient(context);
    }
    TENON_CHECK(result.size() == node.operands.size());
    for (size_t i = 0; i < result.size(); ++i) {
      if (!needed[i] || !result[i].has_value() || !result[i]->ok()) continue;
      if (!(result[i]->type() == source_.type(node.operands[i]))) {
        return absl::InternalError(absl::StrCat(
            "differentiate: the gradient of ", def.name, " gives ", result[i]->type().ToString(),
            " for operand ", i, " of type ", source_.type(node.operands[i]).ToString()));
      }
      Accumulate(node.operands[i], *result[i]);
    }
  }
  return absl::OkStatus();
}

}  // namespace tenon::passes::grad
