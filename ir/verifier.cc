#include "tenon/ir/verifier.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "tenon/ir/attributes_util.h"
#include "tenon/ir/check.h"
#include "tenon/ir/enum_names.h"
#include "tenon/ir/op.h"

namespace tenon::ir {
namespace {

template <typename... Parts>
absl::Status Error(const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat(parts...));
}

// The variant alternative that ops.def gives an op.
size_t AttributesIndex(OpCode op) {
  switch (op) {
#define TENON_OP(enumerator, spelling, attrs) \
  case OpCode::enumerator:                    \
    return Attributes(attrs{}).index();
#include "tenon/ir/ops.def"
  }
  return std::variant_npos;
}

// Calls visit(dim) for every Dim in a field of an attribute struct.
struct DimVisitor {
  const std::function<void(const Dim&)>& visit;
  void operator()(const Dim& d) const { visit(d); }
  void operator()(const Shape& s) const {
    for (const Dim& d : s) visit(d);
  }
  void operator()(const TensorType& t) const { (*this)(t.dims); }
  template <typename T>
  void operator()(const T&) const {}
};

// A graph verified as part of an outermost one, whose symbols it shares.
class Verifier {
 public:
  Verifier(const Graph& graph, std::map<std::string, int64_t>& symbols, int depth)
      : graph_(graph), symbols_(symbols), depth_(depth) {}

  absl::Status Run() {
    if (depth_ > kMaxRegionDepth) {
      return Error("regions nest more than ", kMaxRegionDepth, " deep");
    }
    TENON_RETURN_IF_ERROR(CheckInputs());
    uint32_t next = static_cast<uint32_t>(graph_.inputs().size());
    for (size_t i = 0; i < graph_.nodes().size(); ++i) {
      absl::Status status = CheckNode(NodeId{static_cast<uint32_t>(i)}, next);
      if (!status.ok()) {
        return Error(DescribeNode(graph_, graph_.nodes()[i]), ": ", status.message());
      }
    }
    if (next != static_cast<uint32_t>(graph_.num_values())) {
      return Error("the graph has ", graph_.num_values(), " values, but its inputs and nodes ",
                   "define ", next);
    }
    return CheckOutputs();
  }

 private:
  static absl::Status CheckName(absl::string_view what, const std::string& name,
                                std::set<std::string>& names) {
    if (name.empty()) return Error("an ", what, " has no name");
    for (unsigned char c : name) {
      if (absl::ascii_iscntrl(c)) {
        return Error("the name of ", what, " '", name, "' holds a control character");
      }
    }
    if (!names.insert(name).second) return Error("two ", what, "s are named '", name, "'");
    return absl::OkStatus();
  }

  absl::Status CheckDim(const Dim& dim) {
    absl::Status status;
    dim.VisitSymbols([&](const std::string& name, int64_t bound) {
      if (!status.ok()) return;
      if (!IsIdentifier(name)) {
        status = Error("symbol '", name, "' is not an identifier");
      } else if (bound < 0) {
        status = Error("symbol '", name, "' has no bound");
      } else if (auto [it, is_new] = symbols_.emplace(name, bound);
                 !is_new && it->second != bound) {
        status = Error("symbol '", name, "' is bounded by ", bound, " here and by ", it->second,
                       " elsewhere");
      }
    });
    return status;
  }

  absl::Status CheckType(const TensorType& type) {
    if (type.rank() > kMaxRank) {
      return Error("type ", type.ToString(), " has rank ", type.rank(), "; at most ", kMaxRank,
                   " is possible");
    }
    int64_t bytes = ByteSize(type.dtype);
    for (const Dim& d : type.dims) {
      TENON_RETURN_IF_ERROR(CheckDim(d));
      const std::optional<int64_t> bound = d.UpperBound();
      if (!bound) return Error("extent ", d.ToString(), " overflows 64 bits at its bounds");
      if (*bound < 0) {
        return Error("type ", type.ToString(), " has the negative extent ", d.ToString());
      }
      if (__builtin_mul_overflow(bytes, std::max<int64_t>(*bound, 1), &bytes)) {
        return Error("a tensor of type ", type.ToString(true), " has more than 2^63 bytes");
      }
    }
    return absl::OkStatus();
  }

  absl::Status CheckInputs() {
    std::set<std::string> names;
    for (size_t i = 0; i < graph_.inputs().size(); ++i) {
      const Input& input = graph_.inputs()[i];
      TENON_RETURN_IF_ERROR(CheckName("input", input.name, names));
      const auto fail = [&](absl::string_view message) {
        return Error("input '", input.name, "'",
                     input.location.known() ? " at " + input.location.ToString() : "", ": ",
                     message);
      };
      if (input.value.index != i || !InRange(input.value) || !graph_.is_input(input.value) ||
          graph_.result_index(input.value) != static_cast<int>(i)) {
        return fail(absl::StrCat("is not value ", i));
      }
      if (absl::Status s = CheckType(graph_.type(input.value)); !s.ok()) return fail(s.message());
      if (depth_ > 0 && input.kind != InputKind::kInput) {
        return fail(absl::StrCat("is a ", EnumName(input.kind), ", which a region cannot have"));
      }
      if (input.kind == InputKind::kInput && !(input.init == Initializer{})) {
        return fail("has an initialiser, which only parameters and state have");
      }
      if (!std::isfinite(input.init.a) || !std::isfinite(input.init.b)) {
        return fail("has an initialiser that is not finite");
      }
      const int used = NumInitArguments(input.init.kind);
      if ((used < 1 && input.init.a != 0) || (used < 2 && input.init.b != 0)) {
        return fail(absl::StrCat("has numbers that ", EnumName(input.init.kind), " does not use"));
      }
    }
    return absl::OkStatus();
  }

  bool InRange(ValueId v) const { return v.index < static_cast<uint32_t>(graph_.num_values()); }

  // `next` is the value that the node's first result must be.
  absl::Status CheckNode(NodeId id, uint32_t& next) {
    const Node& node = graph_.node(id);
    if (static_cast<int>(node.op) >= kNumOps) return Error("has no op");
    const OpDef& def = GetOpDef(node.op);
    if (node.attributes.index() != AttributesIndex(node.op)) {
      return Error("has the attributes of another op");
    }
    TENON_RETURN_IF_ERROR(CheckOperands(node, def, next));
    for (size_t r = 0; r < node.results.size(); ++r, ++next) {
      const ValueId v = node.results[r];
      if (v.index != next || !InRange(v) || graph_.producer(v) != id ||
          graph_.result_index(v) != static_cast<int>(r)) {
        return Error("result ", r, " is not value ", next);
      }
      TENON_RETURN_IF_ERROR(CheckType(graph_.type(v)));
    }
    TENON_RETURN_IF_ERROR(CheckAttributes(node));
    for (const Graph& region : node.regions) {
      absl::Status status = Verifier(region, symbols_, depth_ + 1).Run();
      if (!status.ok()) return Error("in region @", region.name(), ": ", status.message());
    }
    return CheckTypes(node, def);
  }

  absl::Status CheckOperands(const Node& node, const OpDef& def, uint32_t next) {
    TENON_RETURN_IF_ERROR(CheckOperandCount(def, node.operands.size()));
    for (size_t i = 0; i < node.operands.size(); ++i) {
      const ValueId v = node.operands[i];
      if (!InRange(v)) return Error("operand ", i, " is no value of the graph");
      if (v.index >= next) {
        return Error("operand ", i, ", value ", v.index, ", is used before it is defined");
      }
    }
    return absl::OkStatus();
  }

  absl::Status CheckAttributes(const Node& node) {
    absl::Status status;
    const std::function<void(const Dim&)> check = [&](const Dim& d) {
      if (status.ok()) status = CheckDim(d);
    };
    VisitFields(node.attributes,
                [&](absl::string_view, const auto& field) { DimVisitor{check}(field); });
    TENON_RETURN_IF_ERROR(status);
    if (const auto* constant = std::get_if<ConstantAttrs>(&node.attributes);
        constant != nullptr && constant->value.dtype() == DType::kBool) {
      for (uint8_t b : constant->value.data<uint8_t>()) {
        if (b > 1) return Error("a bool literal holds the byte ", b);
      }
    }
    return absl::OkStatus();
  }

  absl::Status CheckTypes(const Node& node, const OpDef& def) {
    std::vector<TensorType> operands;
    for (ValueId v : node.operands) operands.push_back(graph_.type(v));
    absl::StatusOr<std::vector<TensorType>> types =
        def.infer(InferContext{operands, node.attributes, node.regions});
    TENON_RETURN_IF_ERROR(types.status());
    if (types->size() != node.results.size()) {
      return Error("has ", node.results.size(), " results; ", def.name, " gives ", types->size());
    }
    for (size_t r = 0; r < types->size(); ++r) {
      const TensorType& noted = graph_.type(node.results[r]);
      if (!(noted == (*types)[r])) {
        return Error("result ", r, " has type ", noted.ToString(true), "; inferred is ",
                     (*types)[r].ToString(true));
      }
    }
    return absl::OkStatus();
  }

  absl::Status CheckOutputs() {
    std::set<std::string> names;
    std::set<int> donated;
    for (const Output& output : graph_.outputs()) {
      TENON_RETURN_IF_ERROR(CheckName("output", output.name, names));
      if (!InRange(output.value)) return Error("output '", output.name, "' has no value");
      if (output.donated_input == -1) continue;
      if (depth_ > 0) return Error("output '", output.name, "' of a region has a donated input");
      if (output.donated_input < 0 ||
          output.donated_input >= static_cast<int>(graph_.inputs().size())) {
        return Error("output '", output.name, "' takes over input ", output.donated_input,
                     ", which does not exist");
      }
      const Input& input = graph_.inputs()[output.donated_input];
      if (!donated.insert(output.donated_input).second) {
        return Error("input '", input.name, "' is donated to two outputs, '", output.name,
                     "' one of them");
      }
      if (!(graph_.type(input.value) == graph_.type(output.value))) {
        return Error("output '", output.name, "' of type ", graph_.type(output.value).ToString(),
                     " cannot take over input '", input.name, "' of type ",
                     graph_.type(input.value).ToString());
      }
    }
    return absl::OkStatus();
  }

  const Graph& graph_;
  std::map<std::string, int64_t>& symbols_;
  const int depth_;
};

}  // namespace

absl::Status CheckOperandCount(const OpDef& def, size_t count) {
  const auto least = static_cast<size_t>(def.min_operands);
  const bool unlimited = def.max_operands < 0;
  const auto most = static_cast<size_t>(std::max(def.max_operands, def.min_operands));
  if (count >= least && (unlimited || count <= most)) return absl::OkStatus();
  const std::string range = unlimited ? absl::StrCat(least, " or more operands")
                            : least == most
                                ? absl::StrCat(least, least == 1 ? " operand" : " operands")
                                : absl::StrCat(least, " to ", most, " operands");
  return Error("takes ", range, ", not ", count);
}

bool IsIdentifier(absl::string_view name) {
  if (name.empty() || absl::ascii_isdigit(name[0])) return false;
  return std::all_of(name.begin(), name.end(),
                     [](unsigned char c) { return absl::ascii_isalnum(c) || c == '_'; });
}

std::string DescribeNode(const Graph& graph, const Node& node) {
  std::string text;
  if (!node.results.empty()) {
    // Numbered as the text form does: the inputs have names instead.
    absl::StrAppend(&text, "%", node.results[0].index - graph.inputs().size(), " = ");
  }
  absl::StrAppend(&text, static_cast<int>(node.op) < kNumOps ? OpName(node.op) : "?");
  std::vector<std::string> operands;
  for (ValueId v : node.operands) {
    operands.push_back(v.index < static_cast<uint32_t>(graph.num_values())
                           ? graph.type(v).ToString()
                           : std::string("?"));
  }
  absl::StrAppend(&text, "(");
  for (size_t i = 0; i < operands.size() && i < 8; ++i) {
    absl::StrAppend(&text, i == 0 ? "" : ", ", operands[i]);
  }
  absl::StrAppend(&text, operands.size() > 8 ? ", ...)" : ")");
  if (node.location.known()) absl::StrAppend(&text, " at ", node.location.ToString());
  return text;
}

absl::Status Verify(const Graph& graph) {
  std::map<std::string, int64_t> symbols;
  absl::Status status = Verifier(graph, symbols, 0).Run();
  if (status.ok()) return status;
  return Error("graph @", graph.name(), ": ", status.message());
}

}  // namespace tenon::ir
