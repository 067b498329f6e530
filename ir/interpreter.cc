// Walks a graph and its regions; what single nodes compute is under ir/interpreter/.
#include "tenon/ir/interpreter.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tenon/ir/check.h"
#include "tenon/ir/interpreter/evaluate.h"
#include "tenon/ir/op.h"

namespace tenon::ir {
namespace {

using Operands = absl::Span<const Literal* const>;

absl::StatusOr<std::vector<Literal>> RunGraph(const Graph& graph, Operands inputs,
                                              const InterpretOptions& options);

std::string Describe(const Node& node) {
  return absl::StrCat(node.location.ToString(), ": ", OpName(node.op));
}

absl::Status WithPlace(const absl::Status& status, const Node& node) {
  return absl::Status(status.code(), absl::StrCat(Describe(node), ": ", status.message()));
}

std::vector<const Literal*> Pointers(const std::vector<Literal>& values) {
  std::vector<const Literal*> pointers;
  for (const Literal& v : values) pointers.push_back(&v);
  return pointers;
}

// --- Control
// ---------------------------------------------------------------------------------------

absl::StatusOr<std::vector<Literal>> RunWhile(const Node& node, Operands operands,
                                              const InterpretOptions& options) {
  const auto& a = node.attrs<WhileAttrs>();
  std::vector<Literal> carries;
  for (int64_t i = 0; i < a.num_carries; ++i) carries.push_back(*operands[i]);
  int64_t rounds = 0;
  const bool counted = !(a.trip_count == Dim(-1));
  int64_t trip_count = 0;
  if (counted) {
    TENON_ASSIGN_OR_RETURN(trip_count, a.trip_count.Evaluate(options.extents));
  }
  while (true) {
    std::vector<const Literal*> all = Pointers(carries);
    all.insert(all.end(), operands.begin() + a.num_carries, operands.end());
    TENON_ASSIGN_OR_RETURN(const std::vector<Literal> test,
                           RunGraph(node.regions[0], all, options));
    if (test[0].GetAsDouble(0) == 0) break;
    TENON_ASSIGN_OR_RETURN(carries, RunGraph(node.regions[1], all, options));
    ++rounds;
    if (counted && rounds > trip_count) break;
  }
  if (counted && rounds != trip_count) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the condition holds for ", rounds > trip_count ? "more than " : "",
        trip_count < rounds ? trip_count : rounds, " rounds, but trip_count is ", trip_count));
  }
  return carries;
}

// Slice `i` along the leading dimension.
Literal SliceOf(const Literal& x, int64_t i) {
  Literal slice(x.dtype(), {x.dims().begin() + 1, x.dims().end()});
  internal::CopyBytes(slice.mutable_bytes(), x.bytes() + i * slice.byte_size(), slice.byte_size());
  return slice;
}

absl::StatusOr<std::vector<Literal>> RunScan(const Graph& graph, const Node& node,
                                             Operands operands, const InterpretOptions& options) {
  const auto& a = node.attrs<ScanAttrs>();
  TENON_ASSIGN_OR_RETURN(const int64_t length, a.length.Evaluate(options.extents));
  std::vector<Literal> results;
  for (int64_t i = 0; i < a.num_carries; ++i) results.push_back(*operands[i]);
  for (size_t i = a.num_carries; i < node.results.size(); ++i) {
    TENON_ASSIGN_OR_RETURN(Literal stacked,
                           internal::Allocate(graph.type(node.results[i]), options));
    results.push_back(std::move(stacked));
  }
  for (int64_t step = 0; step < length; ++step) {
    const int64_t at = a.reverse ? length - 1 - step : step;
    std::vector<Literal> slices;
    for (int64_t i = 0; i < a.num_scanned; ++i) {
      slices.push_back(SliceOf(*operands[a.num_carries + i], at));
    }
    std::vector<const Literal*> all;
    for (int64_t i = 0; i < a.num_carries; ++i) all.push_back(&results[i]);
    for (const Literal& slice : slices) all.push_back(&slice);
    all.insert(all.end(), operands.begin() + a.num_carries + a.num_scanned, operands.end());
    TENON_ASSIGN_OR_RETURN(std::vector<Literal> out, RunGraph(node.regions[0], all, options));
    for (size_t i = 0; i < out.size(); ++i) {
      if (static_cast<int64_t>(i) < a.num_carries) {
        results[i] = std::move(out[i]);
      } else {
        internal::CopyBytes(results[i].mutable_bytes() + at * out[i].byte_size(), out[i].bytes(),
                            out[i].byte_size());
      }
    }
  }
  return results;
}

absl::StatusOr<std::vector<Literal>> RunControl(const Graph& graph, const Node& node,
                                                Operands operands,
                                                const InterpretOptions& options) {
  switch (node.op) {
    case OpCode::kCond: {
      const bool yes = operands[0]->GetAsDouble(0) != 0;
      return RunGraph(node.regions[yes ? 0 : 1], operands.subspan(1), options);
    }
    case OpCode::kWhile:
      return RunWhile(node, operands, options);
    case OpCode::kScan:
      return RunScan(graph, node, operands, options);
    default:  // kCall: the class is open, all its other members stand above
      return RunGraph(node.regions[0], operands, options);
  }
}

// --- Nodes and graphs
// ------------------------------------------------------------------------------

absl::StatusOr<std::vector<Literal>> RunNode(const Graph& graph, const Node& node,
                                             Operands operands, const InterpretOptions& options) {
  const OpDef& def = GetOpDef(node.op);
  if (def.compute_class == ComputeClass::kControl) {
    return RunControl(graph, node, operands, options);
  }
  if (options.evaluate) return options.evaluate(graph, node, operands);
  if (def.compute_class == ComputeClass::kConstant) {
    return std::vector<Literal>{node.attrs<ConstantAttrs>().value};
  }
  std::vector<Literal> results;
  for (ValueId v : node.results) {
    TENON_ASSIGN_OR_RETURN(Literal result, internal::Allocate(graph.type(v), options));
    results.push_back(std::move(result));
  }
  switch (def.compute_class) {
    case ComputeClass::kReshape:
      internal::CopyBytes(results[0].mutable_bytes(), operands[0]->bytes(),
                          operands[0]->byte_size());
      break;
    case ComputeClass::kCumulative:
      internal::EvaluateCumulative(node.attrs<CumulativeAttrs>(), *operands[0], results[0]);
      break;
    case ComputeClass::kScatter:
      TENON_RETURN_IF_ERROR(
          internal::EvaluateScatter(node.attrs<ScatterAttrs>(), operands, results[0]));
      break;
    case ComputeClass::kSort:
      internal::EvaluateSort(node.attrs<SortAttrs>(), operands, results);
      break;
    case ComputeClass::kMap:
    case ComputeClass::kReduce:
    case ComputeClass::kWindow:
    case ComputeClass::kContract:
      TENON_RETURN_IF_ERROR(
          internal::EvaluateNest(def.compute(ViewOf(graph, node)), operands, options, results[0]));
      break;
    case ComputeClass::kConstant:
    case ComputeClass::kControl:
      break;
  }
  return results;
}

absl::StatusOr<std::vector<Literal>> RunGraph(const Graph& graph, Operands inputs,
                                              const InterpretOptions& options) {
  std::vector<const Literal*> values(graph.num_values(), nullptr);
  std::vector<std::unique_ptr<Literal>> owned(graph.num_values());
  // After the last use, a value's memory goes back.
  std::vector<int> uses(graph.num_values(), 0);
  for (const Node& node : graph.nodes()) {
    for (ValueId v : node.operands) ++uses[v.index];
  }
  for (const Output& out : graph.outputs()) ++uses[out.value.index];
  for (size_t i = 0; i < inputs.size(); ++i) values[graph.inputs()[i].value.index] = inputs[i];

  for (const Node& node : graph.nodes()) {
    std::vector<const Literal*> operands;
    for (ValueId v : node.operands) operands.push_back(values[v.index]);
    absl::StatusOr<std::vector<Literal>> results = RunNode(graph, node, operands, options);
    if (!results.ok()) return WithPlace(results.status(), node);
    for (size_t i = 0; i < node.results.size(); ++i) {
      const uint32_t v = node.results[i].index;
      if (uses[v] == 0) continue;
      owned[v] = std::make_unique<Literal>(std::move((*results)[i]));
      values[v] = owned[v].get();
    }
    for (ValueId v : node.operands) {
      if (--uses[v.index] == 0) owned[v.index].reset();
    }
  }
  std::vector<Literal> outputs;
  for (const Output& out : graph.outputs()) {
    const uint32_t v = out.value.index;
    const bool last = --uses[v] == 0 && owned[v] != nullptr;
    outputs.push_back(last ? std::move(*owned[v]) : *values[v]);
  }
  return outputs;
}

}  // namespace

absl::StatusOr<std::vector<Literal>> Interpret(const Graph& graph, absl::Span<const Literal> inputs,
                                               const InterpretOptions& options) {
  std::vector<std::vector<int64_t>> dims;
  std::vector<const Literal*> pointers;
  for (const Literal& input : inputs) {
    dims.push_back(input.dims());
    pointers.push_back(&input);
  }
  InterpretOptions run = options;
  TENON_ASSIGN_OR_RETURN(run.extents, InferExtents(graph, dims, options.extents));
  for (size_t i = 0; i < inputs.size(); ++i) {
    const TensorType& type = graph.type(graph.inputs()[i].value);
    if (inputs[i].dtype() != type.dtype) {
      return absl::InvalidArgumentError(
          absl::StrCat("input '", graph.inputs()[i].name, "' has elements of type ",
                       DTypeName(inputs[i].dtype()), " where ", type.ToString(), " is needed"));
    }
  }
  return RunGraph(graph, pointers, run);
}

absl::StatusOr<std::vector<Literal>> InterpretNode(const Graph& graph, const Node& node,
                                                   absl::Span<const Literal* const> operands,
                                                   const InterpretOptions& options) {
  absl::StatusOr<std::vector<Literal>> results = RunNode(graph, node, operands, options);
  if (!results.ok()) return WithPlace(results.status(), node);
  return results;
}

}  // namespace tenon::ir
