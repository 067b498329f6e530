// ParseModel: protocol buffer to graph. Nothing of the message is trusted: every name, number and
// size is checked, and the graph is verified at the end.
#include <climits>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tenon.pb.h"
#include "tenon/ir/attributes_util.h"
#include "tenon/ir/binary.h"
#include "tenon/ir/check.h"
#include "tenon/ir/enum_names.h"
#include "tenon/ir/op.h"
#include "tenon/ir/suggest.h"
#include "tenon/ir/text_parser.h"
#include "tenon/ir/verifier.h"

namespace tenon::ir {
namespace {

template <typename... Parts>
absl::Status Error(const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat(parts...));
}

using Symbols = std::map<std::string, int64_t>;

absl::Status ReadDType(uint32_t code, DType* dtype) {
  if (code >= kNumDTypes) return Error("unknown element type ", code);
  *dtype = static_cast<DType>(code);
  return absl::OkStatus();
}

absl::Status ReadDim(const proto::Dim& in, const Symbols& symbols, Dim* dim) {
  switch (in.value_case()) {
    case proto::Dim::kConstant:
      *dim = Dim(int64_t{in.constant()});
      return absl::OkStatus();
    case proto::Dim::kExpression:
      return ParseDim(in.expression(), symbols, dim);
    case proto::Dim::VALUE_NOT_SET:
      break;
  }
  return Error("a dimension without a value");
}

template <typename Dims>
absl::Status ReadShape(const Dims& in, const Symbols& symbols, Shape* shape) {
  shape->clear();
  for (const proto::Dim& d : in) {
    shape->emplace_back();
    TENON_RETURN_IF_ERROR(ReadDim(d, symbols, &shape->back()));
  }
  return absl::OkStatus();
}

absl::Status ReadType(const proto::Type& in, const Symbols& symbols, TensorType* type) {
  TENON_RETURN_IF_ERROR(ReadDType(in.dtype(), &type->dtype));
  return ReadShape(in.dims(), symbols, &type->dims);
}

absl::Status ReadLiteral(const proto::Literal& in, Literal* literal) {
  DType dtype;
  TENON_RETURN_IF_ERROR(ReadDType(in.dtype(), &dtype));
  if (in.dims_size() > kMaxRank) return Error("a literal of rank ", in.dims_size());
  int64_t bytes = ByteSize(dtype);
  for (int64_t d : in.dims()) {
    if (d < 0 || __builtin_mul_overflow(bytes, d, &bytes)) {
      return Error("a literal's size is negative or overflows 64 bits");
    }
  }
  if (bytes != static_cast<int64_t>(in.data().size())) {
    return Error("a literal of ", bytes, " bytes holds ", in.data().size());
  }
  *literal = Literal(dtype, {in.dims().begin(), in.dims().end()});
  if (bytes > 0) std::memcpy(literal->mutable_bytes(), in.data().data(), in.data().size());
  return absl::OkStatus();
}

// Reads an attribute into the field of its name; a value of another kind is an error.
struct FieldReader {
  const proto::Attribute& in;
  const Symbols& symbols;

  absl::Status Kind(bool right) const {
    return right ? absl::OkStatus() : Error("has a value of the wrong kind");
  }
  absl::Status Read(int64_t& v) const {
    v = in.integer();
    return Kind(in.has_integer());
  }
  absl::Status Read(bool& v) const {
    v = in.flag();
    return Kind(in.has_flag());
  }
  absl::Status Read(double& v) const {
    v = in.real();
    return Kind(in.has_real());
  }
  absl::Status Read(std::string& v) const {
    v = in.text();
    return Kind(in.has_text());
  }
  absl::Status Read(DType& v) const {
    const std::optional<DType> dtype = ParseDType(in.enumerator());
    v = dtype.value_or(v);
    return Kind(dtype.has_value());
  }
  absl::Status Read(Dim& v) const {
    TENON_RETURN_IF_ERROR(Kind(in.has_dim()));
    return ReadDim(in.dim(), symbols, &v);
  }
  absl::Status Read(Shape& v) const {
    TENON_RETURN_IF_ERROR(Kind(in.has_shape()));
    return ReadShape(in.shape().dims(), symbols, &v);
  }
  absl::Status Read(std::vector<int64_t>& v) const {
    v.assign(in.integers().values().begin(), in.integers().values().end());
    return Kind(in.has_integers());
  }
  absl::Status Read(TensorType& v) const {
    TENON_RETURN_IF_ERROR(Kind(in.has_type()));
    return ReadType(in.type(), symbols, &v);
  }
  absl::Status Read(Literal& v) const {
    TENON_RETURN_IF_ERROR(Kind(in.has_literal()));
    return ReadLiteral(in.literal(), &v);
  }
  template <typename E>
  std::enable_if_t<std::is_enum_v<E>, absl::Status> Read(E& v) const {
    const std::optional<E> parsed = ParseEnum<E>(in.enumerator());
    v = parsed.value_or(v);
    return Kind(parsed.has_value());
  }
};

class Reader {
 public:
  explicit Reader(const proto::Model& model) : model_(model) {}

  absl::StatusOr<Model> Run() {
    if (model_.version() < 1 || model_.version() > kBinaryVersion) {
      return Error("has version ", model_.version(), "; this program reads 1 to ", kBinaryVersion);
    }
    for (const proto::Symbol& symbol : model_.symbols()) {
      if (!IsIdentifier(symbol.name()) || symbol.bound() < 0) {
        return Error("symbol '", symbol.name(), "' has a bad name or bound");
      }
      symbols_[symbol.name()] = symbol.bound();
    }
    Model result;
    TENON_ASSIGN_OR_RETURN(result.graph, ReadGraph(model_.graph(), 0));
    TENON_RETURN_IF_ERROR(Verify(result.graph));
    TENON_RETURN_IF_ERROR(ReadWeights(&result));
    return result;
  }

 private:
  absl::Status ReadWeights(Model* result) {
    for (const proto::Weight& weight : model_.weights()) {
      const int input = result->graph.FindInput(weight.name());
      if (input < 0) return Error("weight '", weight.name(), "' belongs to no input");
      Literal value;
      if (absl::Status s = ReadLiteral(weight.value(), &value); !s.ok()) {
        return Error("weight '", weight.name(), "': ", s.message());
      }
      const TensorType& type = result->graph.type(result->graph.inputs()[input].value);
      if (!(value.type() == type)) {
        return Error("weight '", weight.name(), "' has type ", value.type().ToString(),
                     ", its input ", type.ToString());
      }
      if (!result->weights.emplace(weight.name(), std::move(value)).second) {
        return Error("weight '", weight.name(), "' is given twice");
      }
    }
    return absl::OkStatus();
  }

  absl::StatusOr<Graph> ReadGraph(const proto::Graph& in, int depth) {
    if (depth > kMaxRegionDepth) return Error("regions nest too deep");
    Graph graph(in.name());
    for (const proto::Input& input : in.inputs()) {
      if (absl::Status s = ReadInput(input, &graph); !s.ok()) {
        return Error("input '", input.name(), "': ", s.message());
      }
    }
    for (int i = 0; i < in.nodes_size(); ++i) {
      if (absl::Status s = ReadNode(in.nodes(i), depth, &graph); !s.ok()) {
        return Error("graph @", in.name(), ", node ", i, " (", in.nodes(i).op(),
                     "): ", s.message());
      }
    }
    for (const proto::Output& output : in.outputs()) {
      // Compared unsigned, so that no number turns negative below.
      if (output.value() >= static_cast<uint32_t>(graph.num_values()) ||
          output.donated_input() > graph.inputs().size()) {
        return Error("output '", output.name(), "' names a value or input that does not exist");
      }
      graph.AddOutput(output.name(), ValueId{output.value()},
                      static_cast<int>(output.donated_input()) - 1);
    }
    return graph;
  }

  absl::Status ReadInput(const proto::Input& in, Graph* graph) {
    TensorType type;
    TENON_RETURN_IF_ERROR(ReadType(in.type(), symbols_, &type));
    const std::optional<InputKind> kind =
        in.kind().empty() ? InputKind::kInput : ParseEnum<InputKind>(in.kind());
    const std::optional<InitKind> init =
        in.initializer().empty() ? InitKind::kZeros : ParseEnum<InitKind>(in.initializer());
    if (!kind || !init) return Error("has an unknown kind or initialiser");
    TENON_ASSIGN_OR_RETURN(Location location, ReadLocation(in.location()));
    graph->AddInput(in.name(), *kind, std::move(type), {*init, in.init_a(), in.init_b()},
                    std::move(location));
    return absl::OkStatus();
  }

  absl::StatusOr<Location> ReadLocation(const proto::Location& in) {
    if (in.file() == 0) return Location();
    if (in.file() > static_cast<uint32_t>(model_.files_size()) || in.line() > INT_MAX) {
      return Error("has a location in no file");
    }
    return Location(model_.files(static_cast<int>(in.file()) - 1), static_cast<int>(in.line()));
  }

  absl::Status ReadNode(const proto::Node& in, int depth, Graph* graph) {
    const std::optional<OpCode> op = FindOp(in.op());
    if (!op) return Error("unknown op");
    const OpDef& def = GetOpDef(*op);
    std::vector<ValueId> operands;
    std::vector<TensorType> operand_types;
    for (uint32_t v : in.operands()) {
      if (v >= static_cast<uint32_t>(graph->num_values())) {
        return Error("operand ", v, " is not defined yet");
      }
      operands.push_back(ValueId{v});
      operand_types.push_back(graph->type(ValueId{v}));
    }
    TENON_RETURN_IF_ERROR(CheckOperandCount(def, operands.size()));
    Attributes attributes = DefaultAttributes(*op);
    for (const proto::Attribute& attribute : in.attributes()) {
      TENON_RETURN_IF_ERROR(ReadAttribute(attribute, &attributes));
    }
    std::vector<Graph> regions;
    for (const proto::Graph& region : in.regions()) {
      TENON_ASSIGN_OR_RETURN(Graph read, ReadGraph(region, depth + 1));
      regions.push_back(std::move(read));
    }
    TENON_ASSIGN_OR_RETURN(Location location, ReadLocation(in.location()));
    TENON_ASSIGN_OR_RETURN(std::vector<TensorType> types,
                           def.infer(InferContext{operand_types, attributes, regions}));
    graph->AddNode(*op, std::move(attributes), std::move(operands), std::move(types),
                   std::move(regions), std::move(location));
    return absl::OkStatus();
  }

  absl::Status ReadAttribute(const proto::Attribute& in, Attributes* attributes) {
    absl::Status status = Error("is unknown");
    VisitMutableFields(*attributes, [&](absl::string_view name, auto& field) {
      if (name == in.name()) status = FieldReader{in, symbols_}.Read(field);
    });
    if (status.ok()) return status;
    return Error("attribute '", in.name(), "' ", status.message());
  }

  const proto::Model& model_;
  Symbols symbols_;
};

}  // namespace

absl::StatusOr<Model> ParseModel(absl::string_view bytes, absl::string_view filename) {
  if (!IsBinaryModel(bytes)) return Error(filename, ": is no binary model");
  proto::Model message;
  if (bytes.size() > INT_MAX ||
      !message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return Error(filename, ": is truncated or damaged");
  }
  absl::StatusOr<Model> model = Reader(message).Run();
  if (!model.ok()) return Error(filename, ": ", model.status().message());
  return model;
}

}  // namespace tenon::ir
