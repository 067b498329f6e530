// A graph with other types: those of inputs and the attributes change, all others are inferred
// anew.
#ifndef TENON_TOOLS_RETYPE_H_
#define TENON_TOOLS_RETYPE_H_

#include <functional>
#include <optional>

#include "tenon/ir/graph.h"

namespace tenon::tools {

struct Retyping {
  // What becomes of an input's type, those of regions included.
  std::function<ir::TensorType(const ir::TensorType&)> type;
  std::function<void(ir::Attributes&)> attributes;
};

// Nullopt where the types then do not fit. A donation stays where both types still are one.
std::optional<ir::Graph> Retype(const ir::Graph& graph, const Retyping& retyping);

// What is done to an extent everywhere at once.
struct ExtentChange {
  int64_t from = 0, to = 0;
  // Powers of `from` that are a factor of an extent change too (28*28 of an image's pixels).
  bool multiples = false;
  // Lists of integers (a window's extents, say) as well as shapes.
  bool lists = false;
};
// Literals are cut where they shrink; they cannot grow (nullopt).
std::optional<ir::Graph> ChangeExtent(const ir::Graph& graph, const ExtentChange& change);
// What ChangeExtent makes of a value.
std::optional<ir::Literal> ChangeExtent(const ir::Literal& literal, const ExtentChange& change);

// The graph with a number for a symbol, or with another bound for it.
std::optional<ir::Graph> ReplaceSymbol(const ir::Graph& graph, const std::string& symbol,
                                       const ir::Dim& replacement);

}  // namespace tenon::tools

#endif  // TENON_TOOLS_RETYPE_H_
