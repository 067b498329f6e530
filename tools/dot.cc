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

}  // namespace

std::string ToDot(const Graph& graph) {
  DotWriter writer;
  writer.out() =
      absl::StrCat("digraph \"", Escape(graph.name()), "\" {\n  node [fontname=\"monospace\"];\n");
  writer.Write(graph, "g", 0);
  return writer.out() + "}\n";
}

}  // namespace tenon::tools
