// What contractions and convolutions take in: they read their operands at any strides, so that
// transposes cost them nothing, and they need not read what a broadcast repeats.
//
// A contraction sums in the order of its letters (a's, then b's). At the level exact a rule must
// leave that order alone.
#include <algorithm>

#include "tenon/passes/simplify/rules/einsum.h"
#include "tenon/passes/simplify/rules/util.h"

namespace tenon::passes::rules {

using ir::BroadcastAttrs;
using ir::Combiner;
using ir::ContractAttrs;
using ir::OpCode;
using ir::ReduceAttrs;
using ir::ReshapeAttrs;
using ir::Shape;
using ir::TransposeAttrs;
using ir::Value;

namespace {

bool MayReplace(const Match& m, const Einsum& from, const Einsum& to) {
  return AtLeastStandard(m) || !IsFloat(m.type()) || from.Summed() == to.Summed();
}

}  // namespace

Replacement ContractTranspose(Match& m) {
  const Einsum before(m.attrs<ContractAttrs>());
  Einsum after = before;
  std::vector<Value> operands = m.operands();
  bool any = false;
  for (int i = 0; i < 2; ++i) {
    if (!m.Is(operands[i], OpCode::kTranspose)) continue;
    const std::vector<int64_t> permutation = m.AttrsOf<TransposeAttrs>(operands[i]).permutation;
    Einsum trial = after;
    for (size_t d = 0; d < permutation.size(); ++d) {
      trial.operand[i][permutation[d]] = after.operand[i][d];
    }
    if (!MayReplace(m, before, trial)) continue;
    after = trial;
    operands[i] = m.OperandOf(operands[i]);
    any = true;
  }
  if (!any) return std::nullopt;
  return Make(m, OpCode::kContract, after.attrs(), operands);
}

Replacement TransposeContract(Match& m) {
  if (!m.Is(m[0], OpCode::kContract) || !m.SingleUse(m[0])) return std::nullopt;
  Einsum spec(m.AttrsOf<ContractAttrs>(m[0]));
  const std::string letters = spec.result;
  const std::vector<int64_t> permutation = m.attrs<TransposeAttrs>().permutation;
  for (size_t d = 0; d < permutation.size(); ++d) spec.result[d] = letters[permutation[d]];
  return Make(m, OpCode::kContract, spec.attrs(), {m.OperandOf(m[0], 0), m.OperandOf(m[0], 1)});
}

Replacement ContractUnit(Match& m) {
  Einsum spec(m.attrs<ContractAttrs>());
  std::vector<Value> operands = m.operands();
  const Shape shape = m.type().dims;
  std::string units;
  for (int i = 0; i < 2; ++i) {
    for (size_t d = 0; d < spec.operand[i].size(); ++d) {
      const char c = spec.operand[i][d];
      if (!IsOne(operands[i].shape()[d]) || Einsum::Has(units, c)) continue;
      // A sum of one product starts from 0.0, which turns -0.0 into 0.0.
      const bool only_sum = spec.Summed() == std::string(1, c);
      if (only_sum && IsFloat(m.type()) && !AtLeastStandard(m)) continue;
      units += c;
    }
  }
  // All of several letters that are summed over, likewise.
  bool sums_left = false;
  for (char c : spec.Summed()) sums_left = sums_left || !Einsum::Has(units, c);
  if (!sums_left && !spec.Summed().empty() && IsFloat(m.type()) && !AtLeastStandard(m)) {
    const std::string summed = spec.Summed();
    std::string kept;
    for (char c : units) {
      if (!Einsum::Has(summed, c)) kept += c;
    }
    units = kept;
  }
  if (units.empty()) return std::nullopt;
  for (int i = 0; i < 2; ++i) {
    std::vector<bool> drop;
    for (char c : spec.operand[i]) drop.push_back(Einsum::Has(units, c));
    operands[i] = DropUnits(m, operands[i], drop);
  }
  for (char c : units) {
    for (std::string* letters : {&spec.operand[0], &spec.operand[1], &spec.result}) {
      *letters = Without(*letters, c);
    }
  }
  const Value y = Make(m, OpCode::kContract, spec.attrs(), operands);
  return y.shape() == shape ? y : Make(m, OpCode::kReshape, ReshapeAttrs{shape}, {y});
}

Replacement ContractBroadcast(Match& m) {
  Einsum spec(m.attrs<ContractAttrs>());
  const std::string summed = spec.Summed();
  std::vector<Value> operands = m.operands();
  const Shape shape = m.type().dims;
  bool any = false;
  for (int i = 0; i < 2; ++i) {
    const Value v = operands[i];
    if (!m.Is(v, OpCode::kBroadcast)) continue;
    const Value x = m.OperandOf(v);
    const std::vector<int64_t> axes = m.AttrsOf<BroadcastAttrs>(v).axes;
    // Dimensions along which x is repeated and that are not summed over.
    std::vector<int64_t> position(spec.operand[i].size(), -1);
    Shape rest;
    std::string letters;
    for (size_t d = 0; d < position.size(); ++d) {
      const char c = spec.operand[i][d];
      const auto it = std::find(axes.begin(), axes.end(), static_cast<int64_t>(d));
      const bool repeated = it == axes.end() || x.shape()[it - axes.begin()] != v.shape()[d];
      if (repeated && spec.InResult(c)) continue;
      position[d] = static_cast<int64_t>(rest.size());
      rest.push_back(v.shape()[d]);
      letters += c;
    }
    if (letters == spec.operand[i]) continue;
    std::vector<bool> drop;
    std::vector<int64_t> new_axes;
    for (int k = 0; k < x.rank(); ++k) {
      drop.push_back(position[axes[k]] < 0);
      if (position[axes[k]] >= 0) new_axes.push_back(position[axes[k]]);
    }
    operands[i] =
        Make(m, OpCode::kBroadcast, BroadcastAttrs{rest, new_axes}, {DropUnits(m, x, drop)});
    spec.operand[i] = letters;
    any = true;
  }
  if (!any) return std::nullopt;
  // Letters of the result that no operand has any more are repeated behind the contraction.
  std::vector<int64_t> kept;
  std::string result;
  for (size_t d = 0; d < spec.result.size(); ++d) {
    const char c = spec.result[d];
    if (!spec.InOperand(0, c) && !spec.InOperand(1, c)) continue;
    kept.push_back(static_cast<int64_t>(d));
    result += c;
  }
  spec.result = result;
  const Value y = Make(m, OpCode::kContract, spec.attrs(), operands);
  if (kept.size() == shape.size()) return y;
  return Make(m, OpCode::kBroadcast, BroadcastAttrs{shape, kept}, {y});
}

Replacement ReduceContract(Match& m) {
  const ReduceAttrs attrs = m.attrs<ReduceAttrs>();
  if (attrs.kind != Combiner::kSum || !m.Is(m[0], OpCode::kContract) || !m.SingleUse(m[0])) {
    return std::nullopt;
  }
  Einsum spec(m.AttrsOf<ContractAttrs>(m[0]));
  const std::string letters = spec.result;
  for (int64_t axis : attrs.axes) {
    const char c = letters[axis];
    // A letter of one operand only would have to be summed over for every element of the other.
    if (!spec.InOperand(0, c) || !spec.InOperand(1, c)) return std::nullopt;
    spec.result = Without(spec.result, c);
  }
  return Make(m, OpCode::kContract, spec.attrs(), {m.OperandOf(m[0], 0), m.OperandOf(m[0], 1)});
}

Replacement ConvOfPad(Match& m) {
  if (!m.Is(m[0], OpCode::kPad) || !m.IsSplat(m.OperandOf(m[0], 1), 0)) return std::nullopt;
  ir::ConvAttrs attrs = m.attrs<ir::ConvAttrs>();
  const ir::PadAttrs pad = m.AttrsOf<ir::PadAttrs>(m[0]);
  const Value x = m.OperandOf(m[0]);
  const size_t last = pad.low.size() - 1;
  for (size_t d = 0; d <= last; ++d) {
    const ir::Dim& low = pad.low[d];
    const ir::Dim& high = pad.high[d];
    if (pad.interior[d] != 0 || !low.is_constant() || !high.is_constant() || low.constant() < 0 ||
        high.constant() < 0) {
      return std::nullopt;
    }
    const bool spatial = d > 0 && d < last;
    if (!spatial && (low.constant() != 0 || high.constant() != 0)) return std::nullopt;
    if (spatial) {
      attrs.pad_low[d - 1] += low.constant();
      attrs.pad_high[d - 1] += high.constant();
    }
  }
  return Make(m, OpCode::kConv, attrs, {x, m[1]});
}

}  // namespace tenon::passes::rules
