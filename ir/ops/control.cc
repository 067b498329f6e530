// Ops with regions. A region is a graph of its own: its inputs are the op's operands (or slices of
// them), its outputs the results. The autodiff pass differentiates the regions.
#include "tenon/ir/ops/common.h"

namespace tenon::ir::ops {
namespace {

OpDef Control(absl::string_view summary) {
  OpDef def{};
  def.summary = summary;
  def.min_operands = 0;
  def.max_operands = -1;
  def.compute_class = ComputeClass::kControl;
  def.differentiability = Differentiability::kControl;
  return def;
}

absl::Status CheckRegions(const InferContext& c, size_t count) {
  if (c.regions.size() == count) return absl::OkStatus();
  return Error(c.regions.size(), " regions where ", count, " are needed");
}

// The region's inputs have the given types.
absl::Status CheckInputs(const Graph& region, absl::Span<const TensorType> types) {
  if (region.inputs().size() != types.size()) {
    return Error("region '", region.name(), "' has ", region.inputs().size(), " inputs for ",
                 types.size(), " operands");
  }
  for (size_t i = 0; i < types.size(); ++i) {
    TENON_RETURN_IF_ERROR(CheckSame(region.type(region.inputs()[i].value), types[i],
                                    absl::StrCat("input ", i, " of region '", region.name(), "'"),
                                    "what it is given"));
  }
  return absl::OkStatus();
}

std::vector<TensorType> OutputTypes(const Graph& region) {
  std::vector<TensorType> types;
  for (const Output& out : region.outputs()) types.push_back(region.type(out.value));
  return types;
}

absl::Status CheckCarries(const Graph& region, absl::Span<const TensorType> outputs,
                          absl::Span<const TensorType> carries) {
  for (size_t i = 0; i < carries.size(); ++i) {
    TENON_RETURN_IF_ERROR(CheckSame(outputs[i], carries[i],
                                    absl::StrCat("output ", i, " of region '", region.name(), "'"),
                                    "the carry"));
  }
  return absl::OkStatus();
}

Types InferCond(const InferContext& c) {
  if (c.operands.empty() || !(c.operands[0] == TensorType{DType::kBool, {}})) {
    return Error("the predicate is ", c.operands.empty() ? "missing" : c.operands[0].ToString(),
                 "; bool[] is needed");
  }
  TENON_RETURN_IF_ERROR(CheckRegions(c, 2));
  for (const Graph& region : c.regions) {
    TENON_RETURN_IF_ERROR(CheckInputs(region, c.operands.subspan(1)));
  }
  const std::vector<TensorType> yes = OutputTypes(c.regions[0]), no = OutputTypes(c.regions[1]);
  if (yes.size() != no.size()) {
    return Error("the branches give ", yes.size(), " and ", no.size(), " results");
  }
  for (size_t i = 0; i < yes.size(); ++i) {
    TENON_RETURN_IF_ERROR(CheckSame(yes[i], no[i],
                                    absl::StrCat("result ", i, " of the branch for true"),
                                    "that of the branch for false"));
  }
  return yes;
}

Types InferWhile(const InferContext& c) {
  const auto& a = c.attrs<WhileAttrs>();
  TENON_RETURN_IF_ERROR(CheckRegions(c, 2));
  if (a.num_carries < 0 || a.num_carries > static_cast<int64_t>(c.operands.size())) {
    return Error("num_carries ", a.num_carries, " is out of range for ", c.operands.size(),
                 " operands");
  }
  if (!(a.trip_count == Dim(-1)) && !NeverNegative(a.trip_count)) {
    return Error("trip_count ", a.trip_count.ToString(), " may be negative");
  }
  for (const Graph& region : c.regions) TENON_RETURN_IF_ERROR(CheckInputs(region, c.operands));
  const std::vector<TensorType> test = OutputTypes(c.regions[0]);
  if (test.size() != 1 || !(test[0] == TensorType{DType::kBool, {}})) {
    return Error("the condition gives ", test.empty() ? "nothing" : test[0].ToString(),
                 "; one bool[] is needed");
  }
  const std::vector<TensorType> out = OutputTypes(c.regions[1]);
  if (static_cast<int64_t>(out.size()) != a.num_carries) {
    return Error("the body gives ", out.size(), " results for ", a.num_carries, " carries");
  }
  TENON_RETURN_IF_ERROR(CheckCarries(c.regions[1], out, c.operands.subspan(0, out.size())));
  return out;
}

Types InferScan(const InferContext& c) {
  const auto& a = c.attrs<ScanAttrs>();
  TENON_RETURN_IF_ERROR(CheckRegions(c, 1));
  const int64_t count = static_cast<int64_t>(c.operands.size());
  if (a.num_carries < 0 || a.num_scanned < 0 || a.num_carries > count ||
      a.num_scanned > count - a.num_carries) {
    return Error("num_carries ", a.num_carries, " and num_scanned ", a.num_scanned,
                 " are out of range for ", count, " operands");
  }
  if (!NeverNegative(a.length)) return Error("length ", a.length.ToString(), " may be negative");
  std::vector<TensorType> inputs(c.operands.begin(), c.operands.end());
  for (int64_t i = a.num_carries; i < a.num_carries + a.num_scanned; ++i) {
    TensorType& x = inputs[i];
    if (x.rank() == 0 || !(x.dims[0] == a.length)) {
      return Error("operand ", i, ", ", x.ToString(),
                   ", is scanned over but has no leading "
                   "dimension of extent ",
                   a.length.ToString());
    }
    x.dims.erase(x.dims.begin());
  }
  TENON_RETURN_IF_ERROR(CheckInputs(c.regions[0], inputs));
  std::vector<TensorType> out = OutputTypes(c.regions[0]);
  if (static_cast<int64_t>(out.size()) < a.num_carries) {
    return Error("the body gives ", out.size(), " results for ", a.num_carries, " carries");
  }
  TENON_RETURN_IF_ERROR(CheckCarries(c.regions[0], out, c.operands.subspan(0, a.num_carries)));
  for (size_t i = a.num_carries; i < out.size(); ++i) {
    out[i].dims.insert(out[i].dims.begin(), a.length);
  }
  return out;
}

}  // namespace

template <>
OpDef Define<OpCode::kCond>() {
  OpDef def = Control(
      "One of two regions, chosen by operand 0, a bool scalar: the first for true. Both take the "
      "remaining operands and give results of the same types. Only the chosen one is evaluated.");
  def.infer = InferCond;
  return def;
}

template <>
OpDef Define<OpCode::kWhile>() {
  OpDef def = Control(
      "Evaluates its second region as long as the first gives true. Both take all operands: "
      "num_carries carries, which the body replaces and which are the results, and invariants. "
      "Where trip_count is given (not -1), the number of rounds, which makes the op "
      "differentiable, the condition must agree with it.");
  def.infer = InferWhile;
  def.gradient_note = "needs a trip_count";
  return def;
}

template <>
OpDef Define<OpCode::kScan>() {
  OpDef def = Control(
      "Evaluates its region `length` times: on num_carries carries, the slices of num_scanned "
      "tensors along their leading dimension (from the end where `reverse`), and invariants. The "
      "region gives the next carries and outputs; the results are the final carries and the "
      "outputs stacked, each at the place of the slices that it came from.");
  def.infer = InferScan;
  return def;
}

template <>
OpDef Define<OpCode::kCall>() {
  OpDef def = Control(
      "A named composite: its region, applied to its operands, is its meaning. Lowering may have "
      "a better way to compute it.");
  def.infer = [](const InferContext& c) -> Types {
    TENON_RETURN_IF_ERROR(CheckRegions(c, 1));
    TENON_RETURN_IF_ERROR(CheckInputs(c.regions[0], c.operands));
    return OutputTypes(c.regions[0]);
  };
  return def;
}

}  // namespace tenon::ir::ops
