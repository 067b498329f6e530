#include "tools/summary.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tenon/ir/enum_names.h"
#include "tenon/ir/op.h"

namespace tenon::tools {
namespace {

using ir::Graph;
using ir::Node;
using ir::ValueId;

struct Figures {
  int64_t ops = 0;
  double flops = 0, bytes = 0;

  void Add(const Figures& other) {
    ops += other.ops;
    flops += other.flops;
    bytes += other.bytes;
  }
};

double ElementsAtBounds(const ir::TensorType& type) {
  double elements = 1;
  for (const ir::Dim& d : type.dims) elements *= static_cast<double>(d.UpperBound().value_or(0));
  return elements;
}
double BytesAtBounds(const ir::TensorType& type) {
  return ElementsAtBounds(type) * static_cast<double>(ir::ByteSize(type.dtype));
}

// Of the node alone, without its regions.
Figures FiguresOf(const Graph& graph, const Node& node) {
  Figures figures{.ops = 1};
  for (ValueId v : node.operands) figures.bytes += BytesAtBounds(graph.type(v));
  for (ValueId v : node.results) figures.bytes += BytesAtBounds(graph.type(v));
  const ir::OpDef& def = ir::GetOpDef(node.op);
  if (def.compute == nullptr) return figures;
  const ir::ComputeDef nest = def.compute(ir::ViewOf(graph, node));
  double points = 1;
  for (const ir::Dim& d : nest.domain) points *= static_cast<double>(d.UpperBound().value_or(0));
  double per_point = nest.combiner == ir::Combiner::kNone ? 0 : 1;
  for (const ir::ScalarInstr& instr : nest.body.instrs) {
    if (instr.kind == ir::ScalarInstr::Kind::kOp) ++per_point;
  }
  figures.flops = points * per_point;
  return figures;
}

void CountOps(const Graph& graph, std::map<std::string, Figures>* by_op) {
  for (const Node& node : graph.nodes()) {
    (*by_op)[std::string(ir::OpName(node.op))].Add(FiguresOf(graph, node));
    for (const Graph& region : node.regions) CountOps(region, by_op);
  }
}
Figures WithRegions(const Graph& graph, const Node& node) {
  Figures figures = FiguresOf(graph, node);
  for (const Graph& region : node.regions) {
    for (const Node& inner : region.nodes()) figures.Add(WithRegions(region, inner));
  }
  return figures;
}

// "12,345"; from 10^15 on as a power.
std::string Count(double n) {
  if (n >= 1e15) return absl::StrFormat("%.4g", n);
  std::string digits = absl::StrFormat("%.0f", n);
  for (int i = static_cast<int>(digits.size()) - 3; i > 0; i -= 3) digits.insert(i, ",");
  return digits;
}

std::string Bytes(double bytes) {
  if (bytes < 10e3) return absl::StrCat(bytes, " bytes");
  if (bytes < 10e6) return absl::StrCat(static_cast<int64_t>(bytes / 1e3), " kB");
  if (bytes < 10e9) return absl::StrCat(static_cast<int64_t>(bytes / 1e6), " MB");
  return absl::StrFormat("%.0f GB", bytes / 1e9);
}

// Rows of cells: the first `left` columns are flush left, the others flush right.
std::string Table(const std::vector<std::vector<std::string>>& rows, size_t left) {
  std::vector<size_t> widths(rows[0].size());
  for (const auto& row : rows) {
    for (size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], row[c].size());
  }
  std::string out;
  for (const auto& row : rows) {
    std::string line = " ";
    for (size_t c = 0; c < row.size(); ++c) {
      const std::string margin(widths[c] - row[c].size(), ' ');
      absl::StrAppend(&line, " ", c < left ? row[c] : margin, c < left ? margin : row[c], " ");
    }
    line.erase(line.find_last_not_of(' ') + 1);
    absl::StrAppend(&out, line, "\n");
  }
  return out;
}

std::vector<std::string> Row(std::vector<std::string> cells, const Figures& figures) {
  cells.push_back(Count(figures.flops));
  cells.push_back(Bytes(figures.bytes));
  return cells;
}

void SummarizeInputs(const Graph& graph, ir::InputKind kind, std::string* out) {
  int count = 0;
  double bytes = 0;
  std::string lines;
  for (const ir::Input& input : graph.inputs()) {
    if (input.kind != kind) continue;
    ++count;
    bytes += BytesAtBounds(graph.type(input.value));
    absl::StrAppend(&lines, "    ", input.name, ": ", graph.type(input.value).ToString(), "\n");
  }
  if (count == 0) return;
  absl::StrAppend(out, "  ", ir::EnumName(kind), " (", count, ", ", Bytes(bytes), ")\n", lines);
}

std::string LayerOfParameter(const std::string& name) {
  const size_t slash = name.rfind('/');
  return slash == std::string::npos ? "" : name.substr(0, slash);
}

// By input: parameters by their names, state by the layer whose name it starts with.
std::vector<std::string> LayersOfInputs(const Graph& graph) {
  std::set<std::string> layers;
  for (const ir::Input& input : graph.inputs()) {
    if (input.kind == ir::InputKind::kParameter) layers.insert(LayerOfParameter(input.name));
  }
  std::vector<std::string> result;
  for (const ir::Input& input : graph.inputs()) {
    std::string best;
    for (const std::string& layer : layers) {
      if (layer.size() > best.size() && absl::StartsWith(input.name, layer + "/")) best = layer;
    }
    if (input.kind == ir::InputKind::kInput) best.clear();
    result.push_back(std::move(best));
  }
  return result;
}

struct LayerRow {
  std::string name;
  std::string output;  // what leaves it on the way forwards
  double parameters = 0;
  Figures figures;
  bool left = false;  // a later layer has begun
};

// In the order in which the graph comes to them.
std::vector<LayerRow> LayerRows(const Graph& graph) {
  const std::vector<std::string> layers = LayersOf(graph), inputs = LayersOfInputs(graph);
  std::vector<LayerRow> rows;
  std::map<std::string, size_t> number;
  size_t last = 0;
  for (size_t n = 0; n < layers.size(); ++n) {
    const Node& node = graph.nodes()[n];
    const auto [it, is_new] = number.emplace(layers[n], rows.size());
    if (is_new) rows.push_back({.name = layers[n]});
    LayerRow& row = rows[it->second];
    row.figures.Add(WithRegions(graph, node));
    if (node.operands.empty()) continue;
    if (it->second != last) rows[last].left = true;
    last = it->second;
    if (!row.left && !row.name.empty()) row.output = graph.type(node.results[0]).ToString();
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    const ir::Input& input = graph.inputs()[i];
    const auto it = number.find(inputs[i]);
    if (input.kind != ir::InputKind::kParameter || it == number.end()) continue;
    rows[it->second].parameters += ElementsAtBounds(graph.type(input.value));
  }
  std::stable_partition(rows.begin(), rows.end(),
                        [](const LayerRow& row) { return !row.name.empty(); });
  return rows;
}

std::string LayerTable(const Graph& graph, const Figures& total, double parameters) {
  const std::vector<LayerRow> layers = LayerRows(graph);
  const bool named = std::any_of(layers.begin(), layers.end(),
                                 [](const LayerRow& row) { return !row.name.empty(); });
  if (!named) return "";
  std::vector<std::vector<std::string>> rows = {
      {"layer", "output", "ops", "parameters", "FLOPs", "bytes"}};
  for (const LayerRow& row : layers) {
    rows.push_back(Row({row.name.empty() ? "(in none)" : row.name, row.output,
                        absl::StrCat(row.figures.ops), Count(row.parameters)},
                       row.figures));
  }
  rows.push_back(Row({"total", "", absl::StrCat(total.ops), Count(parameters)}, total));
  return absl::StrCat("\n", Table(rows, 2));
}

}  // namespace

std::vector<std::string> LayersOf(const Graph& graph) {
  const std::vector<std::string> inputs = LayersOfInputs(graph);
  std::vector<std::string> layer_of(graph.num_values());
  std::vector<bool> weight(graph.num_values());  // depends on parameters, state, constants alone
  for (size_t i = 0; i < inputs.size(); ++i) {
    const ir::Input& input = graph.inputs()[i];
    layer_of[input.value.index] = inputs[i];
    weight[input.value.index] = input.kind != ir::InputKind::kInput;
  }
  std::vector<std::string> layers;
  for (const Node& node : graph.nodes()) {
    std::string of_weights, of_values;
    bool all_weights = true;
    for (ValueId v : node.operands) {
      std::string& layer = weight[v.index] ? of_weights : of_values;
      if (layer.empty()) layer = layer_of[v.index];
      all_weights = all_weights && weight[v.index];
    }
    layers.push_back(of_weights.empty() ? of_values : of_weights);
    for (ValueId v : node.results) {
      layer_of[v.index] = layers.back();
      weight[v.index] = all_weights;
    }
  }
  return layers;
}

std::string Summarize(const Graph& graph) {
  std::string out = absl::StrCat("graph @", graph.name(), "\n");
  const auto symbols = graph.Symbols();
  if (!symbols.empty()) {
    absl::StrAppend(&out, "  symbols:");
    for (const auto& [name, bound] : symbols) absl::StrAppend(&out, " ", name, "<=", bound);
    out += "\n";
  }
  double parameters = 0, parameter_bytes = 0, state_bytes = 0;
  for (const ir::Input& input : graph.inputs()) {
    const ir::TensorType& type = graph.type(input.value);
    if (input.kind == ir::InputKind::kParameter) {
      parameters += ElementsAtBounds(type);
      parameter_bytes += BytesAtBounds(type);
    } else if (input.kind == ir::InputKind::kState) {
      state_bytes += BytesAtBounds(type);
    }
  }
  for (ir::InputKind kind :
       {ir::InputKind::kInput, ir::InputKind::kParameter, ir::InputKind::kState}) {
    SummarizeInputs(graph, kind, &out);
  }
  absl::StrAppend(&out, "  output (", graph.outputs().size(), ")\n");
  for (const ir::Output& output : graph.outputs()) {
    absl::StrAppend(&out, "    ", output.name, ": ", graph.type(output.value).ToString());
    if (output.donated_input >= 0) {
      absl::StrAppend(&out, " donates ", graph.inputs()[output.donated_input].name);
    }
    out += "\n";
  }
  std::map<std::string, Figures> by_op;
  CountOps(graph, &by_op);
  Figures total;
  for (const auto& [name, figures] : by_op) total.Add(figures);
  out += LayerTable(graph, total, parameters);
  std::vector<std::vector<std::string>> rows = {{"op", "count", "FLOPs", "bytes"}};
  for (const auto& [name, figures] : by_op) {
    rows.push_back(Row({name, absl::StrCat(figures.ops)}, figures));
  }
  rows.push_back(Row({"total", absl::StrCat(total.ops)}, total));
  absl::StrAppend(&out, "\n", Table(rows, 1), "\n  parameters: ", Count(parameters), " (",
                  Bytes(parameter_bytes), "); state: ", Bytes(state_bytes),
                  "\n  a run at the bounds, op by op: ", Count(total.flops), " FLOPs, ",
                  Bytes(total.bytes), " read and written\n");
  return out;
}

}  // namespace tenon::tools
