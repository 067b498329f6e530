// Ops that compile better as others. What is chosen follows from op, types and attributes alone, so
// that bits depend on shapes and never on what stands around an op.
#include "tenon/passes/simplify/rules/einsum.h"
#include "tenon/passes/simplify/rules/util.h"

namespace tenon::passes::rules {

using ir::BroadcastAttrs;
using ir::Combiner;
using ir::ContractAttrs;
using ir::OpCode;
using ir::ReduceAttrs;
using ir::Shape;
using ir::TransposeAttrs;
using ir::Value;

namespace {

// `x`, whose dimensions are called `letters`, spread over a shape whose dimensions are called `to`.
Value Spread(Match& m, Value x, const std::string& letters, const std::string& to,
             const Shape& shape) {
  std::vector<int64_t> permutation, axes;
  for (size_t d = 0; d < to.size(); ++d) {
    const size_t at = letters.find(to[d]);
    if (at == std::string::npos) continue;
    permutation.push_back(static_cast<int64_t>(at));
    axes.push_back(static_cast<int64_t>(d));
  }
  const Value y = Make(m, OpCode::kTranspose, TransposeAttrs{permutation}, {x});
  return Make(m, OpCode::kBroadcast, BroadcastAttrs{shape, axes}, {y});
}

// Whether the element type computes in a wider one.
bool IsNarrow(const Value& v) { return ir::ComputeType(v.dtype()) != v.dtype(); }

// The operands of a contraction; of one with a wide result, in that type.
std::vector<Value> Widened(Match& m, const Einsum& spec) {
  std::vector<Value> operands = m.operands();
  if (!spec.wide || !IsNarrow(operands[0])) return operands;
  for (Value& v : operands) {
    v = Make(m, OpCode::kCast, ir::CastAttrs{ir::ComputeType(v.dtype())}, {v});
  }
  return operands;
}

}  // namespace

Replacement ContractSummed(Match& m) {
  Einsum spec(m.attrs<ContractAttrs>());
  std::vector<Value> operands = m.operands();
  // In 16 bits the sum would be rounded before it is multiplied.
  if (IsNarrow(operands[0])) return std::nullopt;
  bool any = false;
  for (int i = 0; i < 2; ++i) {
    std::vector<int64_t> axes;
    std::string letters;
    for (size_t d = 0; d < spec.operand[i].size(); ++d) {
      const char c = spec.operand[i][d];
      if (!spec.InResult(c) && !spec.InOperand(1 - i, c)) {
        axes.push_back(static_cast<int64_t>(d));
      } else {
        letters += c;
      }
    }
    if (axes.empty()) continue;
    operands[i] = Make(m, OpCode::kReduce, ReduceAttrs{Combiner::kSum, axes}, {operands[i]});
    spec.operand[i] = letters;
    any = true;
  }
  if (!any) return std::nullopt;
  return Make(m, OpCode::kContract, spec.attrs(), operands);
}

Replacement ContractProduct(Match& m) {
  const Einsum spec(m.attrs<ContractAttrs>());
  if (!spec.Summed().empty()) return std::nullopt;
  const Shape shape = m.type().dims;
  const std::vector<Value> operands = Widened(m, spec);
  return Make(m, OpCode::kMul,
              {Spread(m, operands[0], spec.operand[0], spec.result, shape),
               Spread(m, operands[1], spec.operand[1], spec.result, shape)});
}

// Whether the sums of a vector times a matrix run over the rows of the matrix, which are long and
// many: lanes along a row, as in any contraction, read it at the speed of memory.
bool SumsRows(const Einsum& spec, int matrix, const Shape& shape) {
  constexpr int64_t kLongRow = 64, kManyElements = 1 << 15;
  const std::string& letters = spec.operand[matrix];
  const char last = letters.back();
  if (spec.result.empty() || spec.result.back() != last || spec.InOperand(1 - matrix, last)) {
    return false;
  }
  const std::optional<int64_t> row = shape.back().UpperBound();
  const std::optional<int64_t> all = ir::Product(shape).UpperBound();
  return row.value_or(kLongRow) >= kLongRow && all.value_or(kManyElements) >= kManyElements;
}

Replacement ContractVector(Match& m) {
  const Einsum spec(m.attrs<ContractAttrs>());
  // 16-bit products would be rounded one by one.
  if ((IsNarrow(m[0]) && !spec.wide) || spec.Summed().empty()) return std::nullopt;
  for (char c : spec.Summed()) {
    if (!spec.InOperand(0, c) || !spec.InOperand(1, c)) return std::nullopt;
  }
  for (int i = 0; i < 2; ++i) {
    bool own = false;  // letters that only operand 1 - i has
    for (char c : spec.operand[1 - i]) own = own || !spec.InOperand(i, c);
    if (own || SumsRows(spec, i, m[i].shape())) continue;
    // Operand i has all letters: products in its layout, summed over those that the result lacks.
    const std::vector<Value> operands = Widened(m, spec);
    const std::string& letters = spec.operand[i];
    const Shape shape = operands[i].shape();
    Value factors[2];
    factors[i] = operands[i];
    factors[1 - i] = Spread(m, operands[1 - i], spec.operand[1 - i], letters, shape);
    const Value products = Make(m, OpCode::kMul, {factors[0], factors[1]});
    std::vector<int64_t> axes;
    std::string kept;
    for (size_t d = 0; d < letters.size(); ++d) {
      if (spec.InResult(letters[d])) {
        kept += letters[d];
      } else {
        axes.push_back(static_cast<int64_t>(d));
      }
    }
    const Value sum = Make(m, OpCode::kReduce, ReduceAttrs{Combiner::kSum, axes}, {products});
    std::vector<int64_t> permutation;
    for (char c : spec.result) permutation.push_back(static_cast<int64_t>(kept.find(c)));
    return Make(m, OpCode::kTranspose, TransposeAttrs{permutation}, {sum});
  }
  return std::nullopt;
}

Replacement ConvPointwise(Match& m) {
  const ir::ConvAttrs attrs = m.attrs<ir::ConvAttrs>();
  const Value x = m[0];
  const Value filter = m[1];
  if (attrs.groups != 1) return std::nullopt;
  for (size_t d = 0; d < attrs.stride.size(); ++d) {
    if (attrs.stride[d] != 1 || attrs.pad_low[d] != 0 || attrs.pad_high[d] != 0 ||
        !IsOne(filter.shape()[d])) {
      return std::nullopt;
    }
  }
  std::vector<bool> drop(attrs.stride.size(), true);
  drop.insert(drop.end(), {false, false});
  const std::string positions = std::string("nabc").substr(0, 1 + attrs.stride.size());
  const ContractAttrs contract{positions + "x,xy->" + positions + "y", attrs.wide};
  return Make(m, OpCode::kContract, contract, {x, DropUnits(m, filter, drop)});
}

}  // namespace tenon::passes::rules
