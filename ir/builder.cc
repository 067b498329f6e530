// GraphBuilder: how values, regions and errors come together. The free functions that call it are
// in builder_ops.cc, builder_moves.cc and builder_control.cc.
#include "tenon/ir/builder.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tenon/ir/attributes_util.h"
#include "tenon/ir/builder_operands.h"
#include "tenon/ir/check.h"
#include "tenon/ir/verifier.h"

namespace tenon::ir {
namespace {

// How many values an op that failed would have given, so that callers may index what they get.
size_t NumResultsOnError(OpCode op, const Attributes& attributes, size_t operands,
                         const std::vector<Graph>& regions) {
  if (op == OpCode::kSort) return operands;
  if (const auto* a = std::get_if<WhileAttrs>(&attributes)) return a->num_carries;
  if (!regions.empty()) return regions[0].outputs().size();
  return 1;
}

// What every op's results must satisfy, whatever its type rule says.
absl::Status CheckResult(const TensorType& type) {
  if (type.rank() > kMaxRank) {
    return absl::InvalidArgumentError(absl::StrCat("result ", type.ToString(), " has rank ",
                                                   type.rank(), "; the highest is ", kMaxRank));
  }
  for (const Dim& d : type.dims) {
    const std::optional<int64_t> low = d.LowerBound();
    if (low && *low < 0) {
      return absl::InvalidArgumentError(absl::StrCat("result ", type.ToString(true), ": extent ",
                                                     d.ToString(), " can be negative (", *low,
                                                     ")"));
    }
  }
  const Dim bytes = type.NumElements() * Dim(ByteSize(type.dtype));
  // Wrapped products of constants are found by multiplying the bounds one by one.
  int64_t product = ByteSize(type.dtype);
  bool overflow = !bytes.UpperBound().has_value();
  for (const Dim& d : type.dims) {
    const std::optional<int64_t> high = d.UpperBound();
    overflow =
        overflow || !high || __builtin_mul_overflow(product, std::max<int64_t>(*high, 1), &product);
  }
  if (overflow) {
    return absl::InvalidArgumentError(
        absl::StrCat("the size of ", type.ToString(true), " overflows 64 bits"));
  }
  return absl::OkStatus();
}

std::string TypesToString(const std::vector<TensorType>& types) {
  return absl::StrJoin(types, ", ", [](std::string* out, const TensorType& t) {
    absl::StrAppend(out, t.ToString());
  });
}

// The same graph with the inputs numbered before everything else, as the verifier has it, wherever
// they were declared.
Graph InputsFirst(Graph graph) {
  bool first = true;
  for (size_t i = 0; i < graph.inputs().size(); ++i) {
    first = first && graph.inputs()[i].value.index == i;
  }
  if (first) return graph;
  Graph ordered(graph.name());
  std::vector<ValueId> renamed(graph.num_values());
  for (const Input& in : graph.inputs()) {
    renamed[in.value.index] =
        ordered.AddInput(in.name, in.kind, graph.type(in.value), in.init, in.location);
  }
  CopyBody(graph, std::move(renamed), ordered);
  return ordered;
}

}  // namespace

void CopyBody(const Graph& from, std::vector<ValueId> renamed, Graph& to) {
  for (const Node& node : from.nodes()) {
    std::vector<ValueId> operands;
    for (ValueId v : node.operands) operands.push_back(renamed[v.index]);
    std::vector<TensorType> types;
    for (ValueId v : node.results) types.push_back(from.type(v));
    const NodeId id = to.AddNode(node.op, node.attributes, std::move(operands), std::move(types),
                                 node.regions, node.location);
    for (size_t i = 0; i < node.results.size(); ++i) {
      renamed[node.results[i].index] = to.node(id).results[i];
    }
  }
  for (const Output& out : from.outputs()) {
    to.AddOutput(out.name, renamed[out.value.index], out.donated_input);
  }
}

const TensorType& Value::type() const {
  static const TensorType kErroneous;
  return ok() && builder_ != nullptr ? builder_->graph_.type(id_) : kErroneous;
}

GraphBuilder::GraphBuilder(std::string name) : graph_(std::move(name)) {}
GraphBuilder::~GraphBuilder() = default;

std::unique_ptr<GraphBuilder> GraphBuilder::Continue(Graph graph) {
  auto builder = std::make_unique<GraphBuilder>(graph.name());
  for (const auto& [name, bound] : graph.Symbols()) builder->symbol_bounds_[name] = bound;
  graph.ClearOutputs();
  builder->graph_ = std::move(graph);
  return builder;
}

Location GraphBuilder::LocationOf(const SourceLocation& location) const {
  return location_override_ ? *location_override_ : Location(location);
}

void GraphBuilder::AddError(const Location& location, std::string message) {
  errors_.push_back(absl::StrCat(location.ToString(), ": ", message));
}

GraphBuilder::ScopedLocation::ScopedLocation(GraphBuilder& builder, const Location& location)
    : builder_(builder), saved_(std::move(builder.location_override_)) {
  builder_.location_override_ = location;
}
GraphBuilder::ScopedLocation::~ScopedLocation() { builder_.location_override_ = std::move(saved_); }

// --- Symbols
// ---------------------------------------------------------------------------------------

// Gives every symbol the bound that the graph knows it by, and takes note of new ones.
Dim GraphBuilder::ResolveSymbols(const Dim& dim, const Location& location) {
  if (dim.is_constant()) return dim;
  return dim.Substitute([&](const std::string& name, int64_t bound) -> std::optional<Dim> {
    const auto known = symbol_bounds_.find(name);
    if (bound == Dim::kUnbounded) {
      if (known != symbol_bounds_.end()) return Dim(name).AtMost(known->second);
      AddError(location, absl::StrCat("symbol '", name, "' has no bound; give it one where it ",
                                      "appears first: Dim(\"", name, "\").AtMost(...)"));
      symbol_bounds_[name] = 1;  // said once
      return Dim(name).AtMost(1);
    }
    if (bound < 0) {
      AddError(location, absl::StrCat("symbol '", name, "' has the negative bound ", bound));
      return Dim(name).AtMost(0);
    }
    if (known == symbol_bounds_.end()) {
      symbol_bounds_[name] = bound;
    } else if (known->second != bound) {
      AddError(location, absl::StrCat("symbol '", name, "' has bound ", bound, " here and ",
                                      known->second, " elsewhere"));
      return Dim(name).AtMost(known->second);
    }
    return std::nullopt;
  });
}

void GraphBuilder::ResolveSymbols(Attributes& attributes, const Location& location) {
  VisitMutableFields(attributes, [&](absl::string_view, auto& field) {
    using T = std::decay_t<decltype(field)>;
    if constexpr (std::is_same_v<T, Dim>) {
      field = ResolveSymbols(field, location);
    } else if constexpr (std::is_same_v<T, Shape>) {
      for (Dim& d : field) d = ResolveSymbols(d, location);
    } else if constexpr (std::is_same_v<T, TensorType>) {
      for (Dim& d : field.dims) d = ResolveSymbols(d, location);
    }
  });
}

// --- Inputs and constants
// --------------------------------------------------------------------------

Value GraphBuilder::AddInputValue(std::string name, InputKind kind, DType dtype, Shape shape,
                                  Initializer init, const SourceLocation& source) {
  const Location location = LocationOf(source);
  for (Dim& d : shape) d = ResolveSymbols(d, location);
  TensorType type{dtype, std::move(shape)};
  if (absl::Status status = CheckResult(type); !status.ok()) {
    AddError(location, absl::StrCat("input '", name, "': ", status.message()));
    return Value(this, ValueId());
  }
  if (name.empty()) AddError(location, "an input needs a name");
  if (graph_.FindInput(name) >= 0) {
    AddError(location, absl::StrCat("the graph has two inputs named '", name, "'"));
    return Value(this, ValueId());
  }
  return Value(this, graph_.AddInput(std::move(name), kind, std::move(type), init, location));
}

Value GraphBuilder::Input(std::string name, DType dtype, Shape shape, SourceLocation location) {
  return AddInputValue(std::move(name), InputKind::kInput, dtype, std::move(shape), {}, location);
}
Value GraphBuilder::Parameter(std::string name, DType dtype, Shape shape, Initializer init,
                              SourceLocation location) {
  return AddInputValue(std::move(name), InputKind::kParameter, dtype, std::move(shape), init,
                       location);
}
Value GraphBuilder::State(std::string name, DType dtype, Shape shape, Initializer init,
                          SourceLocation location) {
  return AddInputValue(std::move(name), InputKind::kState, dtype, std::move(shape), init, location);
}

Value GraphBuilder::Constant(Literal literal, SourceLocation location) {
  return Apply(OpCode::kConstant, ConstantAttrs{std::move(literal)}, {}, {}, location)[0];
}

Value GraphBuilder::Scalar(DType dtype, double value, SourceLocation location) {
  Literal literal = Literal::Filled(dtype, {}, value);
  if (!IsFloat(dtype) && literal.GetAsDouble(0) != value) {
    AddError(LocationOf(location),
             absl::StrCat("constant: the number ", value, " is not a value of ", DTypeName(dtype)));
    return Value(this, ValueId());
  }
  return Constant(std::move(literal), location);
}

Value GraphBuilder::Full(const TensorType& type, double value, SourceLocation location) {
  Value scalar = Scalar(type.dtype, value, location);
  if (type.rank() == 0) return scalar;
  return Apply(OpCode::kBroadcast, BroadcastAttrs{type.dims, {}}, {scalar}, {}, location)[0];
}

Value GraphBuilder::Iota(TensorType type, int64_t axis, SourceLocation location) {
  if (axis < 0) axis += type.rank();
  return Apply(OpCode::kIota, IotaAttrs{std::move(type), axis}, {}, {}, location)[0];
}

Value GraphBuilder::Extent(const Dim& dim, DType dtype, SourceLocation location) {
  if (dim.is_constant()) return Scalar(dtype, static_cast<double>(dim.constant()), location);
  // The last of 0 ... dim: an index that needs no array once it is fused.
  Value indices = Iota({DType::kI64, {dim + Dim(1)}}, 0, location);
  Value last =
      Apply(OpCode::kSlice, SliceAttrs{{dim}, {dim + Dim(1)}, {1}}, {indices}, {}, location)[0];
  Value scalar = Apply(OpCode::kReshape, ReshapeAttrs{}, {last}, {}, location)[0];
  if (dtype == DType::kI64) return scalar;
  return Apply(OpCode::kCast, CastAttrs{dtype}, {scalar}, {}, location)[0];
}

// --- Ops
// -------------------------------------------------------------------------------------------

std::vector<Value> GraphBuilder::Apply(OpCode op, Attributes attributes,
                                       std::vector<Value> operands, std::vector<Graph> regions,
                                       SourceLocation source) {
  const Location location = LocationOf(source);
  const OpDef& def = GetOpDef(op);
  const std::vector<Value> failed(NumResultsOnError(op, attributes, operands.size(), regions),
                                  Value(this, ValueId()));
  auto fail = [&](absl::string_view types, absl::string_view message) {
    AddError(location, absl::StrCat(def.name, "(", types, "): ", message));
    return failed;
  };

  std::vector<TensorType> types;
  std::vector<ValueId> ids;
  for (Value& v : operands) {
    if (v.builder() == nullptr) {
      return fail("?",
                  "an operand is a default-constructed Value, or a number where a value of a "
                  "graph is needed");
    }
    if (!v.ok()) return failed;  // reported where it arose
    if (v.builder() != this) v = Capture(v, location);
    if (!v.ok()) return failed;
    types.push_back(v.type());
    ids.push_back(v.id());
  }
  if (attributes.index() != DefaultAttributes(op).index()) {
    return fail(TypesToString(types), "the attributes are another op's");
  }
  const int count = static_cast<int>(operands.size());
  if (count < def.min_operands || (def.max_operands >= 0 && count > def.max_operands)) {
    return fail(TypesToString(types), absl::StrCat(count, " operands where ", def.min_operands,
                                                   def.max_operands < 0 ? " or more"
                                                   : def.max_operands == def.min_operands
                                                       ? ""
                                                       : absl::StrCat(" to ", def.max_operands),
                                                   " are needed"));
  }
  const size_t errors = errors_.size();
  ResolveSymbols(attributes, location);
  if (errors_.size() != errors) return failed;

  absl::StatusOr<std::vector<TensorType>> results =
      def.infer(InferContext{types, attributes, regions});
  if (!results.ok()) return fail(TypesToString(types), results.status().message());
  for (const TensorType& type : *results) {
    if (absl::Status s = CheckResult(type); !s.ok()) return fail(TypesToString(types), s.message());
  }
  const NodeId id = graph_.AddNode(op, std::move(attributes), std::move(ids), *std::move(results),
                                   std::move(regions), location);
  std::vector<Value> values;
  for (ValueId v : graph_.node(id).results) values.push_back(Value(this, v));
  return values;
}

// --- Regions
// ---------------------------------------------------------------------------------------

GraphBuilder::Region GraphBuilder::BuildRegion(
    std::string name, const std::vector<TensorType>& inputs,
    const std::function<std::vector<Value>(GraphBuilder&, std::vector<Value>)>& body) {
  GraphBuilder child(std::move(name));
  child.parent_ = this;
  child.symbol_bounds_ = symbol_bounds_;
  child.location_override_ = location_override_;
  std::vector<Value> arguments;
  for (size_t i = 0; i < inputs.size(); ++i) {
    arguments.push_back(
        Value(&child, child.graph_.AddInput(absl::StrCat("arg", i), InputKind::kInput, inputs[i])));
  }
  GraphBuilder* const outer_region = std::exchange(active_region_, &child);
  const std::vector<Value> results = body(child, std::move(arguments));
  active_region_ = outer_region;

  const Location here = child.location_override_.value_or(Location());
  for (size_t i = 0; i < results.size(); ++i) {
    Value v = results[i];
    if (v.builder() != nullptr && v.ok() && v.builder() != &child) v = child.Capture(v, here);
    if (v.builder() == nullptr) {
      child.AddError(here, absl::StrCat("region '", child.graph_.name(), "' returns a ",
                                        "default-constructed Value as result ", i));
    }
    // A stand-in keeps the number of results; the error is on record.
    if (v.builder() == nullptr || !v.ok()) v = child.Scalar(DType::kF32, 0);
    child.graph_.AddOutput(absl::StrCat("out", i), v.id());
  }
  errors_.insert(errors_.end(), child.errors_.begin(), child.errors_.end());
  symbol_bounds_ = std::move(child.symbol_bounds_);
  return {InputsFirst(std::move(child.graph_)), std::move(child.captured_)};
}

Value GraphBuilder::Capture(Value outer, const Location& location) {
  if (outer.builder() == this) return outer;
  bool enclosing = false;
  for (GraphBuilder* b = parent_; b != nullptr; b = b->parent_) {
    enclosing = enclosing || b == outer.builder();
  }
  if (!enclosing) {
    AddError(location, absl::StrCat("a value of graph '", outer.builder()->graph_.name(),
                                    "' is used in graph '", graph_.name(),
                                    "', which is not one of its regions"));
    return Value(this, ValueId());
  }
  outer = parent_->Capture(outer, location);  // level by level
  const auto [it, inserted] = capture_ids_.emplace(outer.id().index, ValueId());
  if (inserted) {
    it->second =
        graph_.AddInput(absl::StrCat("cap", captured_.size()), InputKind::kInput, outer.type());
    captured_.push_back(outer);
  }
  return Value(this, it->second);
}

// --- The end
// ---------------------------------------------------------------------------------------

void GraphBuilder::Donate(std::string output, std::string input) {
  donations_.emplace_back(std::move(output), std::move(input));
}

absl::Status GraphBuilder::CheckOutputs(const std::vector<std::pair<std::string, Value>>& outputs) {
  std::vector<std::string> errors = std::move(errors_);
  for (size_t i = 0; i < outputs.size(); ++i) {
    const auto& [name, value] = outputs[i];
    if (name.empty()) errors.push_back("an output needs a name");
    for (size_t j = 0; j < i; ++j) {
      if (outputs[j].first == name) {
        errors.push_back(absl::StrCat("the graph has two outputs named '", name, "'"));
      }
    }
    if (value.builder() != this) {
      errors.push_back(
          absl::StrCat("output '", name, "' is not a value of graph '", graph_.name(), "'"));
    } else if (!value.ok() && errors.empty()) {
      errors.push_back(absl::StrCat("output '", name, "' comes from an op that failed"));
    }
  }
  std::map<std::string, std::string> taken;
  for (const auto& [output, input] : donations_) {
    const int in = graph_.FindInput(input);
    const Value* out = nullptr;
    for (const auto& [name, value] : outputs) {
      if (name == output) out = &value;
    }
    if (in < 0) {
      errors.push_back(absl::StrCat("output '", output, "' is to take over input '", input,
                                    "', which does not exist"));
    } else if (out == nullptr) {
      errors.push_back(absl::StrCat("output '", output, "', which is to take over input '", input,
                                    "', does not exist"));
    } else if (out->ok() && !(out->type() == graph_.type(graph_.inputs()[in].value))) {
      errors.push_back(absl::StrCat("output '", output, "' of type ", out->type().ToString(),
                                    " cannot take over input '", input, "' of type ",
                                    graph_.type(graph_.inputs()[in].value).ToString()));
    } else if (!taken.emplace(input, output).second) {
      errors.push_back(absl::StrCat("input '", input, "' is donated twice: to '", taken[input],
                                    "' and to '", output, "'"));
    }
  }
  if (errors.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrJoin(errors, "\n"));
}

absl::StatusOr<Graph> GraphBuilder::Build(std::vector<std::pair<std::string, Value>> outputs) {
  absl::Status status = CheckOutputs(outputs);
  Graph graph(graph_.name());
  std::swap(graph, graph_);
  const auto donations = std::exchange(donations_, {});
  errors_.clear();
  symbol_bounds_.clear();
  if (!status.ok()) return status;
  for (const auto& [name, value] : outputs) {
    int donated = -1;
    for (const auto& [output, input] : donations) {
      if (output == name) donated = graph.FindInput(input);
    }
    graph.AddOutput(name, value.id(), donated);
  }
  graph = InputsFirst(std::move(graph));
  TENON_RETURN_IF_ERROR(Verify(graph));
  return graph;
}

}  // namespace tenon::ir
