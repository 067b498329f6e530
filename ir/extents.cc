#include "tenon/ir/extents.h"

#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tenon/ir/check.h"

namespace tenon::ir {
namespace {

std::string Place(const Graph& graph, size_t input, size_t dimension) {
  return absl::StrCat("input '", graph.inputs()[input].name, "', dimension ", dimension);
}

// The one symbol of `dim` that has no extent yet, where dim = factor * symbol + rest and the rest
// is known; nullopt for dims that do not determine a symbol (yet).
struct Solvable {
  std::string symbol;
  int64_t bound;
  int64_t factor;
  Dim rest;
};
std::optional<Solvable> FindUnknown(const Dim& dim, const Extents& extents) {
  std::set<std::string> unknown;
  dim.VisitSymbols([&](const std::string& name, int64_t) {
    if (extents.find(name) == extents.end()) unknown.insert(name);
  });
  if (unknown.size() != 1) return std::nullopt;
  std::optional<Solvable> found;
  Dim rest(dim.constant_term());
  for (const Dim::Term& term : dim.terms()) {
    const bool linear = term.factors.size() == 1 && term.factors[0].symbol == *unknown.begin();
    if (linear) {
      found = Solvable{term.factors[0].symbol, term.factors[0].bound, term.coefficient, Dim(0)};
      continue;
    }
    Dim product(term.coefficient);
    for (const Dim::Atom& atom : term.factors) {
      product = product * (atom.symbol.empty() ? FloorDiv(atom.Numerator(), atom.divisor)
                                               : Dim(atom.symbol).AtMost(atom.bound));
    }
    bool open = false;
    product.VisitSymbols(
        [&](const std::string& name, int64_t) { open = open || name == *unknown.begin(); });
    if (open) return std::nullopt;  // the unknown inside a product or a division
    rest = rest + product;
  }
  if (found) found->rest = rest;
  return found;
}

absl::Status CheckRank(const Graph& graph, absl::Span<const std::vector<int64_t>> dims) {
  if (dims.size() != graph.inputs().size()) {
    return absl::InvalidArgumentError(absl::StrCat("graph '", graph.name(), "' has ",
                                                   graph.inputs().size(), " inputs, and ",
                                                   dims.size(), " are given"));
  }
  for (size_t i = 0; i < dims.size(); ++i) {
    const Input& input = graph.inputs()[i];
    const TensorType& type = graph.type(input.value);
    if (static_cast<int>(dims[i].size()) != type.rank()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "input '", input.name, "' has rank ", dims[i].size(), ", [", absl::StrJoin(dims[i], ","),
          "], where ", type.ToString(true), " is needed"));
    }
  }
  return absl::OkStatus();
}

// One pass over all dims; gives whether a symbol was found.
absl::StatusOr<bool> Solve(const Graph& graph, absl::Span<const std::vector<int64_t>> dims,
                           Extents& extents) {
  bool progress = false;
  for (size_t i = 0; i < dims.size(); ++i) {
    const TensorType& type = graph.type(graph.inputs()[i].value);
    for (size_t d = 0; d < dims[i].size(); ++d) {
      const std::optional<Solvable> s = FindUnknown(type.dims[d], extents);
      if (!s) continue;
      TENON_ASSIGN_OR_RETURN(const int64_t rest, s->rest.Evaluate(extents));
      const int64_t product = dims[i][d] - rest;
      if (product % s->factor != 0) {
        return absl::InvalidArgumentError(absl::StrCat(Place(graph, i, d), ": extent ", dims[i][d],
                                                       " is no value of ",
                                                       type.dims[d].ToString()));
      }
      const int64_t extent = product / s->factor;
      if (extent < 0 || extent > s->bound) {
        return absl::OutOfRangeError(
            absl::StrCat(Place(graph, i, d), ": extent ", dims[i][d], " makes ", s->symbol, " = ",
                         extent, ", which is outside its bounds, 0 to ", s->bound));
      }
      extents[s->symbol] = extent;
      progress = true;
    }
  }
  return progress;
}

}  // namespace

absl::StatusOr<Extents> InferExtents(const Graph& graph,
                                     absl::Span<const std::vector<int64_t>> dims,
                                     const Extents& known) {
  TENON_RETURN_IF_ERROR(CheckRank(graph, dims));
  Extents extents = known;
  for (bool progress = true; progress;) {
    TENON_ASSIGN_OR_RETURN(progress, Solve(graph, dims, extents));
  }
  for (const auto& [name, bound] : graph.Symbols()) {
    if (extents.find(name) == extents.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat("no input's shape determines the extent of symbol '", name, "'"));
    }
  }
  for (size_t i = 0; i < dims.size(); ++i) {
    const TensorType& type = graph.type(graph.inputs()[i].value);
    for (size_t d = 0; d < dims[i].size(); ++d) {
      TENON_ASSIGN_OR_RETURN(const int64_t expected, type.dims[d].Evaluate(extents));
      if (expected == dims[i][d]) continue;
      std::vector<std::string> values;
      type.dims[d].VisitSymbols([&](const std::string& name, int64_t) {
        values.push_back(absl::StrCat(name, " = ", extents.find(name)->second));
      });
      return absl::InvalidArgumentError(
          absl::StrCat(Place(graph, i, d), ": extent ", dims[i][d], " where ",
                       type.dims[d].ToString(), " is ", expected, values.empty() ? "" : " (",
                       absl::StrJoin(values, ", "), values.empty() ? "" : ")"));
    }
  }
  return extents;
}

absl::StatusOr<std::vector<int64_t>> EvaluateShape(const Shape& shape, const Extents& extents) {
  std::vector<int64_t> dims;
  for (const Dim& d : shape) {
    TENON_ASSIGN_OR_RETURN(const int64_t extent, d.Evaluate(extents));
    dims.push_back(extent);
  }
  return dims;
}

}  // namespace tenon::ir
