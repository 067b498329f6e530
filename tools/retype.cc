#include "tools/retype.h"

#include <cstring>
#include <utility>
#include <vector>

#include "tenon/ir/attributes_util.h"
#include "tenon/ir/op.h"
#include "tenon/ir/verifier.h"

namespace tenon::tools {
namespace {

using ir::Attributes;
using ir::Dim;
using ir::Graph;
using ir::Literal;
using ir::Node;
using ir::TensorType;
using ir::ValueId;

std::optional<Graph> RetypeUnverified(const Graph& graph, const Retyping& retyping) {
  Graph result(graph.name());
  std::vector<ValueId> values(static_cast<size_t>(graph.num_values()));
  for (const ir::Input& input : graph.inputs()) {
    values[input.value.index] = result.AddInput(
        input.name, input.kind, retyping.type(graph.type(input.value)), input.init, input.location);
  }
  for (const Node& node : graph.nodes()) {
    Attributes attributes = node.attributes;
    retyping.attributes(attributes);
    std::vector<Graph> regions;
    for (const Graph& region : node.regions) {
      std::optional<Graph> other = RetypeUnverified(region, retyping);
      if (!other) return std::nullopt;
      regions.push_back(*std::move(other));
    }
    std::vector<ValueId> operands;
    std::vector<TensorType> types;
    for (ValueId v : node.operands) {
      operands.push_back(values[v.index]);
      types.push_back(result.type(operands.back()));
    }
    absl::StatusOr<std::vector<TensorType>> results =
        ir::GetOpDef(node.op).infer({types, attributes, regions});
    if (!results.ok() || results->size() != node.results.size()) return std::nullopt;
    const ir::NodeId id = result.AddNode(node.op, std::move(attributes), std::move(operands),
                                         *std::move(results), std::move(regions), node.location);
    for (size_t i = 0; i < node.results.size(); ++i) {
      values[node.results[i].index] = result.node(id).results[i];
    }
  }
  for (const ir::Output& output : graph.outputs()) {
    const ValueId v = values[output.value.index];
    const bool keeps = output.donated_input >= 0 &&
                       result.type(v) == result.type(result.inputs()[output.donated_input].value);
    result.AddOutput(output.name, v, keeps ? output.donated_input : -1);
  }
  return result;
}

// One extent under an ExtentChange.
int64_t Changed(int64_t extent, const ExtentChange& change) {
  if (extent == change.from) return change.to;
  if (!change.multiples || extent <= 0) return extent;
  int64_t factor = 1;
  while (extent % change.from == 0) {
    extent /= change.from;
    factor *= change.to;
  }
  return extent * factor;
}

class ExtentChanger {
 public:
  explicit ExtentChanger(const ExtentChange& change) : change_(change) {}

  bool failed() const { return failed_; }
  void operator()(Dim& dim) const {
    if (dim.is_constant()) dim = Changed(dim.constant(), change_);
  }
  void operator()(ir::Shape& shape) const {
    for (Dim& dim : shape) (*this)(dim);
  }
  void operator()(TensorType& type) const { (*this)(type.dims); }
  void operator()(std::vector<int64_t>& list) const {
    if (!change_.lists) return;
    for (int64_t& i : list) i = Changed(i, change_);
  }
  void operator()(Literal& literal) {
    std::optional<Literal> changed = ChangeExtent(literal, change_);
    failed_ |= !changed.has_value();
    if (changed) literal = *std::move(changed);
  }
  template <typename T>
  void operator()(T&) const {}

 private:
  const ExtentChange& change_;
  bool failed_ = false;
};

class SymbolReplacer {
 public:
  SymbolReplacer(const std::string& symbol, const Dim& replacement)
      : symbol_(symbol), replacement_(replacement) {}

  void operator()(Dim& dim) const {
    dim = dim.Substitute([&](const std::string& name, int64_t) {
      return name == symbol_ ? std::optional<Dim>(replacement_) : std::nullopt;
    });
  }
  void operator()(ir::Shape& shape) const {
    for (Dim& dim : shape) (*this)(dim);
  }
  void operator()(TensorType& type) const { (*this)(type.dims); }
  template <typename T>
  void operator()(T&) const {}

 private:
  const std::string& symbol_;
  const Dim& replacement_;
};

template <typename Changer>
std::optional<Graph> RetypeBy(const Graph& graph, Changer& changer) {
  return Retype(graph, {.type =
                            [&](const TensorType& type) {
                              TensorType changed = type;
                              changer(changed);
                              return changed;
                            },
                        .attributes =
                            [&](Attributes& attributes) {
                              ir::VisitMutableFields(
                                  attributes,
                                  [&](absl::string_view, auto& field) { changer(field); });
                            }});
}

}  // namespace

std::optional<Graph> Retype(const Graph& graph, const Retyping& retyping) {
  std::optional<Graph> result = RetypeUnverified(graph, retyping);
  if (result && !ir::Verify(*result).ok()) result.reset();
  return result;
}

std::optional<Literal> ChangeExtent(const Literal& literal, const ExtentChange& change) {
  std::vector<int64_t> dims = literal.dims();
  bool same = true;
  for (int64_t& d : dims) {
    const int64_t changed = Changed(d, change);
    if (changed > d) return std::nullopt;
    same &= changed == d;
    d = changed;
  }
  if (same) return literal;
  Literal cut(literal.dtype(), dims);
  const size_t width = static_cast<size_t>(ir::ByteSize(literal.dtype()));
  std::vector<int64_t> index(dims.size());
  for (int64_t i = 0; i < cut.size(); ++i) {
    int64_t from = 0;
    for (size_t d = 0; d < dims.size(); ++d) from = from * literal.dims()[d] + index[d];
    std::memcpy(cut.mutable_bytes() + i * width, literal.bytes() + from * width, width);
    for (size_t d = dims.size(); d-- > 0 && ++index[d] == dims[d];) index[d] = 0;
  }
  return cut;
}

std::optional<Graph> ChangeExtent(const Graph& graph, const ExtentChange& change) {
  ExtentChanger changer(change);
  std::optional<Graph> result = RetypeBy(graph, changer);
  if (changer.failed()) result.reset();
  return result;
}

std::optional<Graph> ReplaceSymbol(const Graph& graph, const std::string& symbol,
                                   const Dim& replacement) {
  SymbolReplacer replacer(symbol, replacement);
  return RetypeBy(graph, replacer);
}

}  // namespace tenon::tools
