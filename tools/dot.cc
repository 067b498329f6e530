#include "tools/dot.h"

#include <map>
#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "tenon/ir/attributes_util.h"
#include "tenon/ir/enum_names.h"
#include "tenon/ir/op.h"
#include "tenon/ir/text.h"

namespace tenon::tools {
namespace {

using ir::Graph;
using ir::Node;
using ir::ValueId;

// Longer attribute texts are cut: the picture is for an overview.
constexpr size_t kMaxAttributes = 60;

std::string Escape(absl::string_view text) {
  return absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"\"", "\\\""}});
}

class DotWriter {
 public:
  // Writes the graph; the names of its nodes start with `prefix`.
  void Write(const Graph& graph, const std::string& prefix, int depth) {
    const std::string margin(2 * depth + 2, ' ');
    for (size_t i = 0; i < graph.inputs().size(); ++i) {
      const ir::Input& input = graph.inputs()[i];
      const std::string kind =
          input.kind == ir::InputKind::kInput ? "" : absl::StrCat(ir::EnumName(input.kind), " ");
      absl::StrAppend(&out_, margin, prefix, "i", i, " [shape=ellipse, label=\"", kind,
                      Escape(input.name), "\\n", graph.type(input.value).ToString(), "\"];\n");
    }
    for (size_t i = 0; i < graph.nodes().size(); ++i) WriteNode(graph, i, prefix, depth);
    for (size_t i = 0; i < graph.outputs().size(); ++i) {
      const ir::Output& output = graph.outputs()[i];
      absl::StrAppend(&out_, margin, prefix, "o", i, " [shape=ellipse, style=bold, label=\"",
                      Escape(output.name), "\"];\n", margin, Source(graph, output.value, prefix),
                      " -> ", prefix, "o", i, ";\n");
    }
  }

  std::string& out() { return out_; }

 private:
  static std::string Source(const Graph& graph, ValueId v, const std::string& prefix) {
    if (graph.is_input(v)) return absl::StrCat(prefix, "i", v.index);
    return absl::StrCat(prefix, "n", graph.producer(v).index);
  }

  void WriteNode(const Graph& graph, size_t i, const std::string& prefix, int depth) {
    const std::string margin(2 * depth + 2, ' ');
    const Node& node = graph.nodes()[i];
    std::vector<std::string> types;
    for (ValueId v : node.results) types.push_back(graph.type(v).ToString());
    absl::StrAppend(&out_, margin, prefix, "n", i, " [shape=box, label=\"", ir::OpName(node.op));
    std::string attributes = ir::PrintAttributes(node.attributes, {.max_elements = 4});
    if (attributes.size() > kMaxAttributes)
      attributes = attributes.substr(0, kMaxAttributes) + "...";
    if (!attributes.empty()) absl::StrAppend(&out_, "\\n", Escape(attributes));
    absl::StrAppend(&out_, "\\n", absl::StrJoin(types, ", "), "\"];\n");
    for (ValueId v : node.operands) {
      absl::StrAppend(&out_, margin, Source(graph, v, prefix), " -> ", prefix, "n", i, ";\n");
    }
    for (size_t r = 0; r < node.regions.size(); ++r) {
      const std::string inner = absl::StrCat(prefix, "n", i, "r", r);
      absl::StrAppend(&out_, margin, "subgraph cluster_", inner, " {\n", margin, "  label=\"",
                      Escape(node.regions[r].name()), " of ", ir::OpName(node.op), "\";\n");
      Write(node.regions[r], inner, depth + 1);
      absl::StrAppend(&out_, margin, "}\n");
    }
  }

  std::string out_;
};

void CountOps(const Graph& graph, std::map<std::string, int64_t>* counts) {
  for (const Node& node : graph.nodes()) {
    ++(*counts)[std::string(ir::OpName(node.op))];
    for (const Graph& region : node.regions) CountOps(region, counts);
  }
}

// Scalar operations that the loop nests of a graph execute at the symbols' bounds. Bodies of loops
// count once: how often they run is not known here.
double CountOperations(const Graph& graph) {
  double total = 0;
  for (const Node& node : graph.nodes()) {
    for (const Graph& region : node.regions) total += CountOperations(region);
    const ir::OpDef& def = ir::GetOpDef(node.op);
    if (def.compute == nullptr) continue;
    const ir::ComputeDef nest = def.compute(ir::ViewOf(graph, node));
    double points = 1;
    for (const ir::Dim& d : nest.domain) points *= static_cast<double>(d.UpperBound().value_or(0));
    double per_point = nest.combiner == ir::Combiner::kNone ? 0 : 1;
    for (const ir::ScalarInstr& instr : nest.body.instrs) {
      if (instr.kind == ir::ScalarInstr::Kind::kOp) ++per_point;
    }
    total += points * per_point;
  }
  return total;
}

std::string Bytes(double bytes) {
  if (bytes < 10e3) return absl::StrCat(bytes, " bytes");
  if (bytes < 10e6) return absl::StrCat(static_cast<int64_t>(bytes / 1e3), " kB");
  return absl::StrCat(static_cast<int64_t>(bytes / 1e6), " MB");
}

double BytesAtBounds(const ir::TensorType& type) {
  double bytes = static_cast<double>(ir::ByteSize(type.dtype));
  for (const ir::Dim& d : type.dims) bytes *= static_cast<double>(d.UpperBound().value_or(0));
  return bytes;
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

}  // namespace

std::string ToDot(const Graph& graph) {
  DotWriter writer;
  writer.out() =
      absl::StrCat("digraph \"", Escape(graph.name()), "\" {\n  node [fontname=\"monospace\"];\n");
  writer.Write(graph, "g", 0);
  return writer.out() + "}\n";
}

std::string Summarize(const Graph& graph) {
  std::string out = absl::StrCat("graph @", graph.name(), "\n");
  const auto symbols = graph.Symbols();
  if (!symbols.empty()) {
    absl::StrAppend(&out, "  symbols:");
    for (const auto& [name, bound] : symbols) absl::StrAppend(&out, " ", name, "<=", bound);
    out += "\n";
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
  std::map<std::string, int64_t> counts;
  CountOps(graph, &counts);
  absl::StrAppend(&out, "  ops (", graph.CountNodes(), ")\n");
  for (const auto& [name, count] : counts) absl::StrAppend(&out, "    ", name, ": ", count, "\n");
  const double operations = CountOperations(graph);
  absl::StrAppend(&out, "  scalar operations at the bounds: ", operations, "\n");
  return out;
}

}  // namespace tenon::tools
