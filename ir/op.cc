#include "tenon/ir/op.h"

#include <array>

#include "tenon/ir/ops/common.h"

namespace tenon::ir {
namespace {

using Table = std::array<OpDef, kNumOps>;

const Table& Defs() {
  static const Table table = [] {
    Table defs = {{
#define TENON_OP(enumerator, spelling, attrs) ops::Define<OpCode::enumerator>(),
#include "tenon/ir/ops.def"
    }};
    size_t i = 0;
#define TENON_OP(enumerator, spelling, attrs) \
  defs[i].code = OpCode::enumerator;          \
  defs[i++].name = spelling;
#include "tenon/ir/ops.def"
    return defs;
  }();
  return table;
}

}  // namespace

const OpDef& GetOpDef(OpCode op) { return Defs()[static_cast<size_t>(op)]; }

std::optional<OpCode> FindOp(absl::string_view name) {
  for (const OpDef& def : Defs()) {
    if (def.name == name) return def.code;
  }
  return std::nullopt;
}

Attributes DefaultAttributes(OpCode op) {
  switch (op) {
#define TENON_OP(enumerator, spelling, attrs) \
  case OpCode::enumerator:                    \
    return attrs{};
#include "tenon/ir/ops.def"
  }
  return NoAttrs{};
}

OpView ViewOf(const Graph& graph, const Node& node) {
  OpView view{node.op, node.attributes, {}, {}};
  for (ValueId v : node.operands) view.operands.push_back(graph.type(v));
  for (ValueId v : node.results) view.results.push_back(graph.type(v));
  return view;
}

}  // namespace tenon::ir
