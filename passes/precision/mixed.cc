#include "tenon/passes/precision/mixed.h"

#include <algorithm>
#include <map>
#include <utility>
#include <variant>
#include <vector>

#include "tenon/ir/op.h"
#include "tenon/passes/graph_copy.h"

namespace tenon::passes {

using ir::DType;
using ir::Graph;
using ir::Node;
using ir::ValueId;

namespace {

class Narrower {
 public:
  Narrower(const Graph& from, PassContext& context)
      : from_(from), to_(from.name()), copier_(from, to_), context_(context) {}

  Graph Run() {
    copier_.CopyInputs();
    for (const Node& node : from_.nodes()) {
      ++context_.rule_visits;
      if (IsNarrowed(node)) {
        Narrow(node);
        continue;
      }
      std::vector<Graph> regions;
      for (const Graph& region : node.regions) regions.push_back(Narrower(region, context_).Run());
      copier_.Copy(node, std::move(regions));
    }
    copier_.CopyOutputs();
    return std::move(to_);
  }

 private:
  bool IsNarrowed(const Node& node) const {
    return ir::GetOpDef(node.op).compute_class == ir::ComputeClass::kContract &&
           std::all_of(node.operands.begin(), node.operands.end(),
                       [&](ValueId v) { return from_.type(v).dtype == DType::kF32; });
  }

  void Narrow(const Node& node) {
    std::vector<ValueId> operands;
    operands.reserve(node.operands.size());
    for (ValueId v : node.operands) operands.push_back(Rounded(v, node.location));
    ir::Attributes attributes = node.attributes;
    std::visit(
        [](auto& attrs) {
          if constexpr (requires { attrs.wide; }) attrs.wide = true;
        },
        attributes);
    const ir::NodeId id = to_.AddNode(node.op, std::move(attributes), std::move(operands),
                                      {from_.type(node.results[0])}, {}, node.location);
    copier_.Map(node.results[0], to_.node(id).results[0]);
  }

  // The value in bf16: rounded once, however many contractions read it.
  ValueId Rounded(ValueId v, const ir::Location& location) {
    const auto [it, added] = rounded_.try_emplace(v);
    if (added) {
      const ir::NodeId id =
          to_.AddNode(ir::OpCode::kCast, ir::CastAttrs{DType::kBF16}, {copier_(v)},
                      {ir::TensorType{DType::kBF16, from_.type(v).dims}}, {}, location);
      it->second = to_.node(id).results[0];
    }
    return it->second;
  }

  const Graph& from_;
  Graph to_;
  GraphCopier copier_;
  PassContext& context_;
  std::map<ValueId, ValueId> rounded_;
};

}  // namespace

absl::StatusOr<Graph> MixedPrecision(const Graph& graph, PassContext& context) {
  return Narrower(graph, context).Run();
}

}  // namespace tenon::passes
