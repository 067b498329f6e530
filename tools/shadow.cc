#include "tools/shadow.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tenon/ir/attributes_util.h"
#include "tenon/ir/check.h"
#include "tenon/ir/interpreter.h"
#include "tenon/ir/op.h"
#include "tenon/ir/roundoff.h"
#include "tenon/ir/verifier.h"
#include "tools/compare.h"

namespace tenon::tools {
namespace {

using ir::DType;
using ir::Graph;
using ir::Literal;
using ir::Node;
using ir::TensorType;

// Below this an op loses no more than a few roundings do.
constexpr double kWorthMentioning = 0.75;
constexpr size_t kListed = 20;

// A value as it is and as it would be with more digits; of other types than floats both are one.
struct Pair {
  Literal own;
  Literal shadow;
};
using Pairs = std::vector<Pair>;

Literal Widen(const Literal& value) {
  if (!ir::IsFloat(value.dtype())) return value;
  Literal wide(DType::kF64, value.dims());
  for (int64_t i = 0; i < value.size(); ++i) wide.SetFromDouble(i, value.GetAsDouble(i));
  return wide;
}
DType Widen(DType dtype) { return ir::IsFloat(dtype) ? DType::kF64 : dtype; }

// 1 for a value that is nothing like its shadow.
double RelativeError(double own, double shadow) {
  if (own == shadow || (std::isnan(own) && std::isnan(shadow))) return 0;
  if (!std::isfinite(own) || !std::isfinite(shadow)) return 1;
  return std::min(1.0, std::abs(own - shadow) / std::max(std::abs(own), std::abs(shadow)));
}

// Wrongness of a value: the mean logarithm (of base 10) of its elements' relative errors, no less
// than its type's epsilon; and the worst element.
struct Error {
  double log_sum = 0;
  int64_t count = 0;
  double worst = 0;
  int64_t worst_at = -1;
  double floor = 0;

  explicit Error(const Pair& pair) {
    // Integers have no error.
    const double epsilon =
        ir::UnitRoundoff(ir::IsFloat(pair.own.dtype()) ? pair.own.dtype() : DType::kF32);
    floor = std::log10(epsilon);
    count = pair.own.size();
    if (!ir::IsFloat(pair.own.dtype())) {
      log_sum = floor * static_cast<double>(count);
      return;
    }
    for (int64_t i = 0; i < count; ++i) {
      const double e = RelativeError(pair.own.GetAsDouble(i), pair.shadow.GetAsDouble(i));
      log_sum += std::log10(std::max(e, epsilon));
      if (e > worst) {
        worst = e;
        worst_at = i;
      }
    }
  }
  double mean() const { return count == 0 ? floor : log_sum / static_cast<double>(count); }
};

// What is known of a node (of a region: of all its runs).
struct Tally {
  double out_sum = 0, lost_sum = 0;
  int64_t count = 0;
  double worst = -1;
  std::string worst_text;
};

class ShadowRun {
 public:
  explicit ShadowRun(const RunInputs& inputs) { options_.extents = inputs.extents; }

  absl::StatusOr<Pairs> Run(const Graph& graph, const Pairs& inputs) {
    std::vector<Pair> values(static_cast<size_t>(graph.num_values()));
    for (size_t i = 0; i < inputs.size(); ++i) values[graph.inputs()[i].value.index] = inputs[i];
    std::vector<int> uses(values.size());
    for (const Node& node : graph.nodes()) {
      for (ir::ValueId v : node.operands) ++uses[v.index];
    }
    for (const ir::Output& output : graph.outputs()) ++uses[output.value.index];
    for (const Node& node : graph.nodes()) {
      Pairs operands;
      for (ir::ValueId v : node.operands) operands.push_back(values[v.index]);
      TENON_ASSIGN_OR_RETURN(Pairs results, RunNode(graph, node, operands));
      for (size_t i = 0; i < results.size(); ++i) {
        values[node.results[i].index] = std::move(results[i]);
      }
      for (ir::ValueId v : node.operands) {
        if (--uses[v.index] == 0) values[v.index] = Pair();
      }
    }
    Pairs outputs;
    for (const ir::Output& output : graph.outputs()) outputs.push_back(values[output.value.index]);
    return outputs;
  }

  // The ops of the graph and its regions that lose digits, in order.
  void Collect(const Graph& graph, std::vector<ShadowReport::Op>* ops) const {
    for (const Node& node : graph.nodes()) {
      for (const Graph& region : node.regions) Collect(region, ops);
      const auto found = tallies_.find(&node);
      if (found == tallies_.end() || found->second.count == 0) continue;
      const Tally& tally = found->second;
      const double n = static_cast<double>(tally.count);
      if (tally.lost_sum / n < kWorthMentioning) continue;
      ShadowReport::Op op;
      op.op = DescribeNode(graph, node);
      // "... at file:line" is a column of its own.
      op.op = op.op.substr(0, op.op.find(" at "));
      op.location = node.location.known() ? node.location.ToString() : "";
      op.lost = tally.lost_sum / n;
      op.left = -tally.out_sum / n;
      op.worst_left = tally.worst > 0 ? std::max(0.0, -std::log10(tally.worst)) : op.left;
      op.worst = tally.worst_text;
      ops->push_back(std::move(op));
    }
  }

 private:
  absl::StatusOr<Pairs> RunNode(const Graph& graph, const Node& node, const Pairs& operands) {
    if (!node.regions.empty()) return RunControl(graph, node, operands);
    std::vector<const Literal*> own;
    for (const Pair& operand : operands) own.push_back(&operand.own);
    TENON_ASSIGN_OR_RETURN(std::vector<Literal> values,
                           ir::InterpretNode(graph, node, own, options_));
    TENON_ASSIGN_OR_RETURN(std::vector<Literal> shadows, RunWide(node, operands, values));
    Pairs results;
    for (size_t i = 0; i < values.size(); ++i) {
      const bool is_float = ir::IsFloat(values[i].dtype());
      results.push_back({values[i], is_float ? std::move(shadows[i]) : values[i]});
    }
    Note(node, operands, results);
    return results;
  }

  // The node on the shadows, in a graph of its own, whose types follow from theirs.
  absl::StatusOr<std::vector<Literal>> RunWide(const Node& node, const Pairs& operands,
                                               const std::vector<Literal>& values) {
    std::vector<Literal> own;
    for (const Literal& value : values) own.push_back(Widen(value));
    if (std::none_of(values.begin(), values.end(),
                     [](const Literal& v) { return ir::IsFloat(v.dtype()); })) {
      return own;
    }
    Graph wide;
    std::vector<ir::ValueId> inputs;
    std::vector<TensorType> types;
    std::vector<const Literal*> pointers;
    for (const Pair& operand : operands) {
      types.push_back(operand.shadow.type());
      inputs.push_back(wide.AddInput("", ir::InputKind::kInput, types.back()));
      pointers.push_back(&operand.shadow);
    }
    ir::Attributes attributes = node.attributes;
    ir::VisitMutableFields(attributes, [&](absl::string_view, auto& field) { At(field); });
    const absl::StatusOr<std::vector<TensorType>> results =
        ir::GetOpDef(node.op).infer({types, attributes, {}});
    // What has no counterpart of more digits, such as a bitcast, is taken as it is.
    if (!results.ok()) return own;
    const ir::NodeId id = wide.AddNode(node.op, std::move(attributes), inputs, *results);
    return ir::InterpretNode(wide, wide.node(id), pointers, options_);
  }

  // Attributes of a run: extents in place of symbols, and f64.
  void At(DType& dtype) const { dtype = Widen(dtype); }
  void At(TensorType& type) const {
    At(type.dtype);
    At(type.dims);
  }
  void At(Literal& value) const { value = Widen(value); }
  void At(ir::Dim& dim) const {
    const absl::StatusOr<int64_t> extent = dim.Evaluate(options_.extents);
    if (extent.ok()) dim = *extent;
  }
  void At(ir::Shape& shape) const {
    for (ir::Dim& dim : shape) At(dim);
  }
  template <typename T>
  void At(T&) const {}

  absl::StatusOr<Pairs> RunControl(const Graph& graph, const Node& node, const Pairs& operands) {
    switch (node.op) {
      case ir::OpCode::kCond: {
        const bool yes = operands[0].own.GetAsDouble(0) != 0;
        return Run(node.regions[yes ? 0 : 1], {operands.begin() + 1, operands.end()});
      }
      case ir::OpCode::kWhile:
        return RunWhile(node, operands);
      case ir::OpCode::kScan:
        return RunScan(graph, node, operands);
      default:  // kCall
        return Run(node.regions[0], operands);
    }
  }

  absl::StatusOr<Pairs> RunWhile(const Node& node, const Pairs& operands) {
    Pairs all = operands;
    const auto carries = node.attrs<ir::WhileAttrs>().num_carries;
    while (true) {
      TENON_ASSIGN_OR_RETURN(const Pairs test, Run(node.regions[0], all));
      if (test[0].own.GetAsDouble(0) == 0) break;
      TENON_ASSIGN_OR_RETURN(Pairs next, Run(node.regions[1], all));
      std::move(next.begin(), next.end(), all.begin());
    }
    all.resize(static_cast<size_t>(carries));
    return all;
  }

  absl::StatusOr<Pairs> RunScan(const Graph& graph, const Node& node, const Pairs& operands) {
    const auto& a = node.attrs<ir::ScanAttrs>();
    TENON_ASSIGN_OR_RETURN(const int64_t length, a.length.Evaluate(options_.extents));
    const size_t carries = static_cast<size_t>(a.num_carries);
    const size_t scanned = static_cast<size_t>(a.num_scanned);
    Pairs results(operands.begin(), operands.begin() + static_cast<std::ptrdiff_t>(carries));
    for (size_t i = carries; i < node.results.size(); ++i) {
      const TensorType& type = graph.type(node.results[i]);
      std::vector<int64_t> dims;
      for (const ir::Dim& d : type.dims) {
        TENON_ASSIGN_OR_RETURN(const int64_t extent, d.Evaluate(options_.extents));
        dims.push_back(extent);
      }
      results.push_back({Literal(type.dtype, dims), Literal(Widen(type.dtype), dims)});
    }
    for (int64_t step = 0; step < length; ++step) {
      const int64_t at = a.reverse ? length - 1 - step : step;
      Pairs all(results.begin(), results.begin() + static_cast<std::ptrdiff_t>(carries));
      for (size_t i = carries; i < carries + scanned; ++i) {
        all.push_back({Row(operands[i].own, at), Row(operands[i].shadow, at)});
      }
      all.insert(all.end(), operands.begin() + static_cast<std::ptrdiff_t>(carries + scanned),
                 operands.end());
      TENON_ASSIGN_OR_RETURN(Pairs out, Run(node.regions[0], all));
      for (size_t i = 0; i < out.size(); ++i) {
        if (i < carries) {
          results[i] = std::move(out[i]);
          continue;
        }
        SetRow(&results[i].own, at, out[i].own);
        SetRow(&results[i].shadow, at, out[i].shadow);
      }
    }
    return results;
  }

  static Literal Row(const Literal& x, int64_t i) {
    Literal row(x.dtype(), {x.dims().begin() + 1, x.dims().end()});
    const size_t bytes = row.byte_size();
    if (bytes > 0) std::memcpy(row.mutable_bytes(), x.bytes() + i * bytes, bytes);
    return row;
  }
  static void SetRow(Literal* x, int64_t i, const Literal& row) {
    const size_t bytes = row.byte_size();
    if (bytes > 0) std::memcpy(x->mutable_bytes() + i * bytes, row.bytes(), bytes);
  }

  void Note(const Node& node, const Pairs& operands, const Pairs& results) {
    for (const Pair& result : results) {
      if (!ir::IsFloat(result.own.dtype()) || result.own.size() == 0) continue;
      const Error out(result);
      // A result can be no better than its type, nor than the worst of its operands.
      double before = out.floor;
      for (const Pair& operand : operands) {
        if (ir::IsFloat(operand.own.dtype())) before = std::max(before, Error(operand).mean());
      }
      Tally& tally = tallies_[&node];
      const double n = static_cast<double>(out.count);
      tally.out_sum += out.mean() * n;
      tally.lost_sum += (out.mean() - before) * n;
      tally.count += out.count;
      if (out.worst_at >= 0 && out.worst > tally.worst) {
        tally.worst = out.worst;
        tally.worst_text = absl::StrCat(Position(result.own, out.worst_at), ": ",
                                        result.own.GetAsDouble(out.worst_at), " for ",
                                        result.shadow.GetAsDouble(out.worst_at));
      }
    }
  }

  ir::InterpretOptions options_;
  std::map<const Node*, Tally> tallies_;
};

}  // namespace

absl::StatusOr<ShadowReport> RunWithShadow(const Graph& graph, const RunInputs& inputs) {
  Pairs values;
  for (const Literal& value : inputs.values) values.push_back({value, Widen(value)});
  ShadowRun run(inputs);
  TENON_ASSIGN_OR_RETURN(const Pairs outputs, run.Run(graph, values));
  ShadowReport report;
  run.Collect(graph, &report.ops);
  std::stable_sort(
      report.ops.begin(), report.ops.end(),
      [](const ShadowReport::Op& a, const ShadowReport::Op& b) { return a.lost > b.lost; });
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (!ir::IsFloat(outputs[i].own.dtype())) continue;
    report.outputs.push_back({graph.outputs()[i].name, -Error(outputs[i]).mean()});
  }
  return report;
}

std::string ShadowText(const ShadowReport& report) {
  std::string text;
  if (report.ops.empty()) {
    text = "no op loses digits\n";
  } else {
    absl::StrAppendFormat(&text, "%s %6s %6s  %-36s %s\n", "digits lost", "left", "worst", "op",
                          "its worst element");
  }
  for (size_t i = 0; i < std::min(kListed, report.ops.size()); ++i) {
    const ShadowReport::Op& op = report.ops[i];
    absl::StrAppendFormat(&text, "%11.1f %6.1f %6.1f  %-36s %s%s\n", op.lost, op.left,
                          op.worst_left, op.op, op.worst,
                          op.location.empty() ? "" : "  // " + op.location);
  }
  if (report.ops.size() > kListed) {
    absl::StrAppend(&text, "... and ", report.ops.size() - kListed, " more\n");
  }
  for (const ShadowReport::Output& output : report.outputs) {
    absl::StrAppendFormat(&text, "%s%-20s %.1f digits right",
                          &output == &report.outputs[0] ? "" : "\n", output.name, output.left);
  }
  return text;
}

}  // namespace tenon::tools
