// Constant folding: what depends on constants alone is evaluated by the graph interpreter, which is
// the ops' meaning.
#include <cstring>

#include "tenon/ir/interpreter.h"
#include "tenon/ir/op.h"
#include "tenon/passes/simplify/rules/util.h"

namespace tenon::passes::rules {

using ir::BroadcastAttrs;
using ir::Literal;
using ir::OpCode;
using ir::TensorType;
using ir::Value;

namespace {

// A constant takes memory and time to read, so only small ones replace computation, and only little
// computation is done here.
constexpr int64_t kMaxResultElements = 1024;
constexpr int64_t kMaxOperandElements = 1 << 16;
constexpr int64_t kMaxWork = 1 << 18;

// Points of the loop nest of the node, whose types are static.
int64_t Work(const Match& m) {
  const ir::OpDef& def = ir::GetOpDef(m.op());
  if (def.compute == nullptr) return 0;
  int64_t points = 1;
  for (const ir::Dim& d : def.compute(ir::ViewOf(m.graph(), m.node())).domain) {
    if (!d.is_constant() || __builtin_mul_overflow(points, d.constant(), &points)) {
      return kMaxWork + 1;
    }
  }
  return points;
}

}  // namespace

Replacement FoldConstants(Match& m) {
  const OpCode op = m.op();
  // A broadcast of a constant needs no memory as it is.
  if (m.num_operands() == 0 || op == OpCode::kBroadcast || !m.node().regions.empty()) {
    return std::nullopt;
  }
  int64_t elements = 0;
  std::vector<const Literal*> operands;
  for (int i = 0; i < m.num_operands(); ++i) {
    operands.push_back(m.Constant(m[i]));
    if (operands.back() == nullptr) return std::nullopt;
    elements += operands.back()->size();
  }
  if (elements > kMaxOperandElements) return std::nullopt;
  for (int i = 0; i < m.num_results(); ++i) {
    const TensorType type = m.type(i);
    if (!type.is_static()) return std::nullopt;
    int64_t size = 1;
    for (const ir::Dim& d : type.dims) {
      if (__builtin_mul_overflow(size, d.constant(), &size)) return std::nullopt;
    }
    if (size > kMaxResultElements) return std::nullopt;
  }
  if (Work(m) > kMaxWork) return std::nullopt;
  ir::InterpretOptions options;
  options.has_fma = m.has_fma();
  absl::StatusOr<std::vector<Literal>> results =
      ir::InterpretNode(m.graph(), m.node(), operands, options);
  if (!results.ok()) return std::nullopt;  // it fails at run time, where the user sees it
  std::vector<Value> values;
  for (Literal& literal : *results) values.push_back(m.builder().Constant(std::move(literal)));
  return values;
}

Replacement SplatConstant(Match& m) {
  const Literal* literal = m.Constant(m.result());
  if (literal->dims().empty() || literal->size() < 1) return std::nullopt;
  const size_t bytes = static_cast<size_t>(ir::ByteSize(literal->dtype()));
  const std::byte* data = literal->bytes();
  for (int64_t i = 1; i < literal->size(); ++i) {
    if (std::memcmp(data, data + static_cast<size_t>(i) * bytes, bytes) != 0) return std::nullopt;
  }
  Literal scalar(literal->dtype(), {});
  std::memcpy(scalar.mutable_bytes(), data, bytes);
  const ir::Shape shape = m.type().dims;
  return Make(m, OpCode::kBroadcast, BroadcastAttrs{shape, {}},
              {m.builder().Constant(std::move(scalar))});
}

}  // namespace tenon::passes::rules
