#include "tools/reduce_moves.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <set>
#include <string>
#include <utility>

#include "tenon/codegen/host.h"
#include "tenon/ir/op.h"
#include "tenon/passes/graph_copy.h"
#include "tenon/passes/pass_manager.h"
#include "tools/reduce_edit.h"
#include "tools/retype.h"

namespace tenon::tools {
namespace {

using ir::Graph;
using ir::Model;
using ir::Node;
using ir::ValueId;

using Result = std::optional<Model>;

Result WithGraph(const Model& model, std::optional<Graph> graph) {
  if (!graph) return std::nullopt;
  return Model{*std::move(graph), model.weights};
}

// --- Places in regions

// A node: of the graph where `path` is empty, else of the region that the path leads to (a node's
// number and a region's, outermost first).
struct Place {
  std::vector<std::pair<uint32_t, size_t>> path;
  uint32_t node = 0;
  size_t operand = 0;
};

void CollectNodes(const Graph& graph, std::vector<std::pair<uint32_t, size_t>>* path,
                  const std::function<void(const Graph&, const Place&)>& visit) {
  for (uint32_t i = 0; i < graph.nodes().size(); ++i) {
    visit(graph, {*path, i});
    for (size_t r = 0; r < graph.nodes()[i].regions.size(); ++r) {
      path->emplace_back(i, r);
      CollectNodes(graph.nodes()[i].regions[r], path, visit);
      path->pop_back();
    }
  }
}
void ForEachNode(const Graph& graph, const std::function<void(const Graph&, const Place&)>& visit) {
  std::vector<std::pair<uint32_t, size_t>> path;
  CollectNodes(graph, &path, visit);
}

// The graph with `edit` applied to the region that `path` leads to.
std::optional<Graph> ApplyAt(const Graph& graph, absl::Span<const std::pair<uint32_t, size_t>> path,
                             const Edit& edit) {
  if (path.empty()) return Apply(graph, edit);
  const auto [number, region] = path[0];
  std::optional<Graph> inner =
      ApplyAt(graph.nodes()[number].regions[region], path.subspan(1), edit);
  if (!inner) return std::nullopt;
  Graph result(graph.name());
  passes::GraphCopier copier(graph, result);
  copier.CopyInputs();
  for (uint32_t i = 0; i < graph.nodes().size(); ++i) {
    std::vector<Graph> regions = graph.nodes()[i].regions;
    if (i == number) regions[region] = *inner;
    copier.Copy(graph.nodes()[i], std::move(regions));
  }
  copier.CopyOutputs();
  return result;
}

// --- weights

int64_t CountWeights(const Model& model) { return static_cast<int64_t>(model.weights.size()); }
Result ApplyWeights(const Model& model, int64_t begin, int64_t end) {
  Model result{model.graph, {}};
  int64_t i = 0;
  for (const auto& [name, value] : model.weights) {
    if (i < begin || i >= end) result.weights.emplace(name, value);
    ++i;
  }
  return result;
}

// --- outputs

int64_t CountOutputs(const Model& model) {
  const auto outputs = static_cast<int64_t>(model.graph.outputs().size());
  return outputs > 1 ? outputs : 0;
}
Result ApplyOutputs(const Model& model, int64_t begin, int64_t end) {
  Edit edit;
  for (int64_t i = begin; i < end; ++i) edit.outputs_left_out.insert(static_cast<size_t>(i));
  return WithGraph(model, Apply(model.graph, edit));
}

// --- ops

int64_t CountNodes(const Model& model) { return static_cast<int64_t>(model.graph.nodes().size()); }
Result ApplyNodes(const Model& model, int64_t begin, int64_t end) {
  Edit edit;
  for (int64_t i = begin; i < end; ++i) edit.left_out.insert(static_cast<uint32_t>(i));
  return WithGraph(model, Apply(model.graph, edit));
}

// --- regions

std::vector<std::pair<uint32_t, size_t>> Regions(const Graph& graph) {
  std::vector<std::pair<uint32_t, size_t>> regions;
  for (uint32_t i = 0; i < graph.nodes().size(); ++i) {
    for (size_t r = 0; r < graph.nodes()[i].regions.size(); ++r) regions.emplace_back(i, r);
  }
  return regions;
}
int64_t CountLift(const Model& model) { return static_cast<int64_t>(Regions(model.graph).size()); }
Result ApplyLift(const Model& model, int64_t begin, int64_t) {
  const auto [node, region] = Regions(model.graph)[static_cast<size_t>(begin)];
  return Model{model.graph.nodes()[node].regions[region], {}};
}

int64_t CountSplice(const Model& model) { return CountLift(model); }
Result ApplySplice(const Model& model, int64_t begin, int64_t) {
  const Graph& graph = model.graph;
  const auto [number, region] = Regions(graph)[static_cast<size_t>(begin)];
  const Node& spliced = graph.nodes()[number];
  // The operands that the region takes are the node's last ones, where it takes them as they are.
  const Graph& body = spliced.regions[region];
  if (body.inputs().size() > spliced.operands.size() ||
      body.outputs().size() != spliced.results.size()) {
    return std::nullopt;
  }
  const size_t first = spliced.operands.size() - body.inputs().size();
  for (size_t i = 0; i < body.inputs().size(); ++i) {
    if (!(body.type(body.inputs()[i].value) == graph.type(spliced.operands[first + i]))) {
      return std::nullopt;
    }
  }
  for (size_t i = 0; i < spliced.results.size(); ++i) {
    if (!(body.type(body.outputs()[i].value) == graph.type(spliced.results[i]))) {
      return std::nullopt;
    }
  }
  Graph result(graph.name());
  passes::GraphCopier copier(graph, result);
  copier.CopyInputs();
  for (const Node& node : graph.nodes()) {
    if (&node != &spliced) {
      copier.Copy(node);
      continue;
    }
    const std::vector<ValueId> operands = copier(node.operands);
    const std::vector<ValueId> results =
        passes::Splice(body, result, absl::MakeConstSpan(operands).subspan(first));
    for (size_t i = 0; i < results.size(); ++i) copier.Map(node.results[i], results[i]);
  }
  copier.CopyOutputs();
  return WithGraph(model, std::move(result));
}

int64_t CountControl(const Model& model) { return Regions(model.graph).empty() ? 0 : 1; }
Result ApplyControl(const Model& model, int64_t, int64_t) {
  passes::PassManager manager({passes::PassId::kControl, passes::PassId::kDce});
  absl::StatusOr<Graph> graph = manager.Run(model.graph, {}, codegen::HostTarget());
  if (!graph.ok()) return std::nullopt;
  return WithGraph(model, *std::move(graph));
}

// --- operands in their op's place

std::vector<Place> OperandPlaces(const Graph& graph) {
  std::vector<Place> places;
  ForEachNode(graph, [&](const Graph& in, const Place& place) {
    const Node& node = in.nodes()[place.node];
    if (node.results.size() != 1) return;
    std::set<ValueId> seen;
    for (size_t o = 0; o < node.operands.size(); ++o) {
      if (!(in.type(node.operands[o]) == in.type(node.results[0]))) continue;
      if (!seen.insert(node.operands[o]).second) continue;
      places.push_back({place.path, place.node, o});
    }
  });
  return places;
}
int64_t CountOperands(const Model& model) {
  return static_cast<int64_t>(OperandPlaces(model.graph).size());
}
Result ApplyOperands(const Model& model, int64_t begin, int64_t) {
  const Place place = OperandPlaces(model.graph)[static_cast<size_t>(begin)];
  const Graph* graph = &model.graph;
  for (const auto& [node, region] : place.path) graph = &graph->nodes()[node].regions[region];
  const Node& node = graph->nodes()[place.node];
  Edit edit;
  edit.replaced[node.results[0].index] = node.operands[place.operand];
  return WithGraph(model, ApplyAt(model.graph, place.path, edit));
}

// --- zeros

std::vector<Place> ZeroPlaces(const Graph& graph) {
  std::vector<Place> places;
  ForEachNode(graph, [&](const Graph& in, const Place& place) {
    if (in.nodes()[place.node].op != ir::OpCode::kConstant) places.push_back(place);
  });
  return places;
}
int64_t CountZeros(const Model& model) {
  return static_cast<int64_t>(ZeroPlaces(model.graph).size());
}
Result ApplyZeros(const Model& model, int64_t begin, int64_t end) {
  const std::vector<Place> places = ZeroPlaces(model.graph);
  const Place& first = places[static_cast<size_t>(begin)];
  Edit edit;
  for (int64_t i = begin; i < end; ++i) {
    const Place& place = places[static_cast<size_t>(i)];
    if (place.path != first.path) return std::nullopt;  // several regions: one after the other
    edit.zeros.insert(place.node);
  }
  return WithGraph(model, ApplyAt(model.graph, first.path, edit));
}

// --- donations, kinds of inputs

// The graph with changed inputs and outputs, but for their types.
Graph WithSignature(const Graph& graph, const std::function<void(ir::Input*)>& input_change,
                    const std::function<void(ir::Output*)>& output_change) {
  Graph result(graph.name());
  passes::GraphCopier copier(graph, result);
  for (ir::Input input : graph.inputs()) {
    const ValueId v = input.value;
    input_change(&input);
    copier.Map(v,
               result.AddInput(input.name, input.kind, graph.type(v), input.init, input.location));
  }
  for (const Node& node : graph.nodes()) copier.Copy(node);
  for (ir::Output output : graph.outputs()) {
    output_change(&output);
    result.AddOutput(output.name, copier(output.value), output.donated_input);
  }
  return result;
}

int64_t CountDonations(const Model& model) {
  return std::count_if(model.graph.outputs().begin(), model.graph.outputs().end(),
                       [](const ir::Output& output) { return output.donated_input >= 0; });
}
Result ApplyDonations(const Model& model, int64_t begin, int64_t end) {
  int64_t number = 0;
  return WithGraph(model, WithSignature(
                              model.graph, [](ir::Input*) {},
                              [&](ir::Output* output) {
                                if (output->donated_input < 0) return;
                                if (number >= begin && number < end) output->donated_input = -1;
                                ++number;
                              }));
}

int64_t CountKinds(const Model& model) {
  return std::count_if(model.graph.inputs().begin(), model.graph.inputs().end(),
                       [](const ir::Input& input) { return input.kind != ir::InputKind::kInput; });
}
Result ApplyKinds(const Model& model, int64_t begin, int64_t end) {
  Model result{model.graph, model.weights};
  int64_t number = 0;
  result.graph = WithSignature(
      model.graph,
      [&](ir::Input* input) {
        if (input->kind == ir::InputKind::kInput) return;
        if (number >= begin && number < end) {
          input->kind = ir::InputKind::kInput;
          input->init = {};
          result.weights.erase(input->name);
        }
        ++number;
      },
      [](ir::Output*) {});
  return result;
}

// --- merged inputs

// Pairs of inputs of one kind and type, neither of them donated: the second goes.
std::vector<std::pair<size_t, size_t>> MergeablePairs(const Graph& graph) {
  std::set<int> donated;
  for (const ir::Output& output : graph.outputs()) donated.insert(output.donated_input);
  std::vector<std::pair<size_t, size_t>> pairs;
  for (size_t b = 0; b < graph.inputs().size(); ++b) {
    if (donated.count(static_cast<int>(b)) > 0) continue;
    for (size_t a = 0; a < b; ++a) {
      if (donated.count(static_cast<int>(a)) > 0) continue;
      const ir::Input &first = graph.inputs()[a], &second = graph.inputs()[b];
      if (first.kind != second.kind || !(graph.type(first.value) == graph.type(second.value))) {
        continue;
      }
      pairs.emplace_back(a, b);
      break;  // with the first such one
    }
  }
  return pairs;
}
int64_t CountMerge(const Model& model) {
  return static_cast<int64_t>(MergeablePairs(model.graph).size());
}
Result ApplyMerge(const Model& model, int64_t begin, int64_t) {
  const auto [first, second] = MergeablePairs(model.graph)[static_cast<size_t>(begin)];
  Edit edit;
  const ir::Input& gone = model.graph.inputs()[second];
  edit.replaced[gone.value.index] = model.graph.inputs()[first].value;
  return WithGraph(model, Apply(model.graph, edit));
}

// --- extents

void CollectExtents(const Graph& graph, std::set<int64_t>* extents) {
  for (int v = 0; v < graph.num_values(); ++v) {
    for (const ir::Dim& d : graph.type(ValueId{static_cast<uint32_t>(v)}).dims) {
      if (d.is_constant() && d.constant() > 1) extents->insert(d.constant());
    }
  }
  for (const Node& node : graph.nodes()) {
    for (const Graph& region : node.regions) CollectExtents(region, extents);
  }
}
std::vector<ExtentChange> ExtentChanges(const Graph& graph) {
  std::set<int64_t> extents;
  CollectExtents(graph, &extents);
  std::vector<ExtentChange> changes;
  for (auto it = extents.rbegin(); it != extents.rend(); ++it) {
    const int64_t from = *it;
    for (int64_t to : std::set<int64_t>{1, 2, from / 2, from - 1}) {
      if (to >= from) continue;
      changes.push_back({from, to});
      changes.push_back({from, to, /*multiples=*/true});
      changes.push_back({from, to, /*multiples=*/false, /*lists=*/true});
    }
  }
  return changes;
}
int64_t CountExtents(const Model& model) {
  return static_cast<int64_t>(ExtentChanges(model.graph).size());
}
Result ApplyExtents(const Model& model, int64_t begin, int64_t) {
  const ExtentChange change = ExtentChanges(model.graph)[static_cast<size_t>(begin)];
  Result result = WithGraph(model, ChangeExtent(model.graph, change));
  if (!result) return std::nullopt;
  for (auto& [name, value] : result->weights) {
    std::optional<ir::Literal> cut = ChangeExtent(value, change);
    if (!cut) return std::nullopt;
    value = *std::move(cut);
  }
  return result;
}

// --- symbols

std::vector<std::pair<std::string, ir::Dim>> SymbolChanges(const Graph& graph) {
  std::vector<std::pair<std::string, ir::Dim>> changes;
  for (const auto& [name, bound] : graph.Symbols()) {
    for (int64_t number : std::set<int64_t>{1, 2, 7, bound}) {
      if (number <= bound) changes.emplace_back(name, ir::Dim(number));
    }
    for (int64_t smaller : std::set<int64_t>{1, 2, 7, bound / 2, bound - 1}) {
      if (smaller < bound && smaller > 0) {
        changes.emplace_back(name, ir::Dim(absl::string_view(name)).AtMost(smaller));
      }
    }
  }
  return changes;
}
int64_t CountSymbols(const Model& model) {
  return static_cast<int64_t>(SymbolChanges(model.graph).size());
}
Result ApplySymbols(const Model& model, int64_t begin, int64_t) {
  const auto [symbol, replacement] = SymbolChanges(model.graph)[static_cast<size_t>(begin)];
  return WithGraph(model, ReplaceSymbol(model.graph, symbol, replacement));
}

constexpr Move kMoves[] = {
#define TENON_MOVE(function, name, many, summary) \
  {name, many, summary, Count##function, Apply##function},
#include "tools/reduce_moves.def"
};

void AddSize(const Graph& graph, ModelSize* size) {
  for (const Node& node : graph.nodes()) {
    size->ops += node.op == ir::OpCode::kConstant ? 0.5 : 1;
    for (const Graph& region : node.regions) AddSize(region, size);
  }
  for (int v = 0; v < graph.num_values(); ++v) {
    const ir::TensorType& type = graph.type(ValueId{static_cast<uint32_t>(v)});
    size->elements += static_cast<double>(type.NumElements().UpperBound().value_or(0));
  }
}

}  // namespace

absl::Span<const Move> AllMoves() { return kMoves; }

ModelSize SizeOf(const Model& model) {
  ModelSize size;
  AddSize(model.graph, &size);
  size.outputs = static_cast<double>(model.graph.outputs().size());
  size.inputs = static_cast<double>(model.graph.inputs().size());
  size.kinds = static_cast<double>(CountDonations(model) + CountKinds(model));
  size.symbols = static_cast<double>(model.graph.Symbols().size());
  size.weights = static_cast<double>(model.weights.size());
  return size;
}

}  // namespace tenon::tools
