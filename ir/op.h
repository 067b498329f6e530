// OpDef: everything there is to know of an op, in one block (ir/ops/*.cc), and the table of them.
#ifndef TENON_IR_OP_H_
#define TENON_IR_OP_H_

#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "tenon/ir/compute.h"
#include "tenon/ir/graph.h"

namespace tenon::ir {

class GraphBuilder;
class Value;

// What a type rule sees.
struct InferContext {
  absl::Span<const TensorType> operands;
  const Attributes& attributes;
  absl::Span<const Graph> regions;

  template <typename A>
  const A& attrs() const {
    return std::get<A>(attributes);
  }
};

// What a ComputeDef is made from: a node with its types.
struct OpView {
  OpCode op;
  const Attributes& attributes;
  std::vector<TensorType> operands;
  std::vector<TensorType> results;

  template <typename A>
  const A& attrs() const {
    return std::get<A>(attributes);
  }
};
OpView ViewOf(const Graph& graph, const Node& node);

// What a gradient rule sees: the forward values, and the cotangent of each result (nullopt: zero).
// It returns one cotangent an operand (nullopt: zero), built with `builder`.
struct GradContext {
  GraphBuilder& builder;
  const Node& node;
  std::vector<Value> operands;
  std::vector<Value> results;
  std::vector<std::optional<Value>> cotangents;
  // Whether anybody asks for the cotangent of operand i.
  std::vector<bool> needed;

  template <typename A>
  const A& attrs() const {
    return std::get<A>(node.attributes);
  }
};
using GradientRule = std::vector<std::optional<Value>> (*)(GradContext&);

enum class Differentiability : uint8_t {
  kRule,     // `gradient` gives it
  kZero,     // piecewise constant: zero almost everywhere, and taken to be zero everywhere
  kControl,  // the autodiff pass differentiates the regions
  kNone,     // no gradient exists; `gradient_note` says why
};

struct OpDef {
  OpCode code;
  absl::string_view name;  // as in ops.def
  // One paragraph for docs/ops.md: what it computes, the shapes, what is special.
  absl::string_view summary;
  int min_operands;
  int max_operands;  // -1: any number
  ComputeClass compute_class;

  // Types of the results, or an error that names what does not fit (the caller adds op and line).
  absl::StatusOr<std::vector<TensorType>> (*infer)(const InferContext&);
  // The loop nest; null for the classes that have none.
  ComputeDef (*compute)(const OpView&) = nullptr;

  Differentiability differentiability = Differentiability::kNone;
  GradientRule gradient = nullptr;
  // For kZero and kNone the reason; for kRule what happens at kinks, if anything.
  absl::string_view gradient_note = "";
};

// The OpDef of a code, and the code of a name.
const OpDef& GetOpDef(OpCode op);
inline absl::string_view OpName(OpCode op) { return GetOpDef(op).name; }
std::optional<OpCode> FindOp(absl::string_view name);
// The default-constructed attribute struct of an op: what parsers fill in.
Attributes DefaultAttributes(OpCode op);

}  // namespace tenon::ir

#endif  // TENON_IR_OP_H_
