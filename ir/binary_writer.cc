// SerializeModel: graph to protocol buffer.
#include <climits>
#include <map>
#include <type_traits>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tenon.pb.h"
#include "tenon/ir/attributes_util.h"
#include "tenon/ir/binary.h"
#include "tenon/ir/enum_names.h"
#include "tenon/ir/op.h"

namespace tenon::ir {
namespace {

void WriteDim(const Dim& dim, proto::Dim* out) {
  if (dim.is_constant()) {
    out->set_constant(dim.constant());
  } else {
    out->set_expression(dim.ToString());
  }
}

void WriteType(const TensorType& type, proto::Type* out) {
  out->set_dtype(static_cast<uint32_t>(type.dtype));
  for (const Dim& d : type.dims) WriteDim(d, out->add_dims());
}

void WriteLiteral(const Literal& literal, proto::Literal* out) {
  out->set_dtype(static_cast<uint32_t>(literal.dtype()));
  for (int64_t d : literal.dims()) out->add_dims(d);
  out->set_data(literal.bytes(), literal.byte_size());
}

struct FieldWriter {
  proto::Attribute* out;

  void Write(int64_t v) { out->set_integer(v); }
  void Write(bool v) { out->set_flag(v); }
  void Write(double v) { out->set_real(v); }
  void Write(const std::string& v) { out->set_text(v); }
  void Write(DType v) { out->set_enumerator(std::string(DTypeName(v))); }
  void Write(const Dim& v) { WriteDim(v, out->mutable_dim()); }
  void Write(const Shape& v) {
    proto::Shape* shape = out->mutable_shape();
    for (const Dim& d : v) WriteDim(d, shape->add_dims());
  }
  void Write(const std::vector<int64_t>& v) {
    proto::Integers* integers = out->mutable_integers();
    for (int64_t i : v) integers->add_values(i);
  }
  void Write(const TensorType& v) { WriteType(v, out->mutable_type()); }
  void Write(const Literal& v) { WriteLiteral(v, out->mutable_literal()); }
  template <typename E>
  std::enable_if_t<std::is_enum_v<E>> Write(E v) {
    out->set_enumerator(std::string(EnumName(v)));
  }
};

class Writer {
 public:
  explicit Writer(proto::Model* model) : model_(model) {}

  void WriteGraph(const Graph& graph, proto::Graph* out) {
    out->set_name(graph.name());
    for (const Input& input : graph.inputs()) {
      proto::Input* p = out->add_inputs();
      p->set_name(input.name);
      WriteType(graph.type(input.value), p->mutable_type());
      WriteLocation(input.location, [p] { return p->mutable_location(); });
      if (input.kind == InputKind::kInput) continue;
      p->set_kind(std::string(EnumName(input.kind)));
      p->set_initializer(std::string(EnumName(input.init.kind)));
      p->set_init_a(input.init.a);
      p->set_init_b(input.init.b);
    }
    for (const Node& node : graph.nodes()) WriteNode(node, out->add_nodes());
    for (const Output& output : graph.outputs()) {
      proto::Output* p = out->add_outputs();
      p->set_name(output.name);
      p->set_value(output.value.index);
      p->set_donated_input(static_cast<uint32_t>(output.donated_input + 1));
    }
  }

 private:
  void WriteNode(const Node& node, proto::Node* out) {
    out->set_op(std::string(OpName(node.op)));
    for (ValueId v : node.operands) out->add_operands(v.index);
    VisitFields(node.attributes, [out](absl::string_view name, const auto& field) {
      proto::Attribute* attribute = out->add_attributes();
      attribute->set_name(std::string(name));
      FieldWriter{attribute}.Write(field);
    });
    for (const Graph& region : node.regions) WriteGraph(region, out->add_regions());
    WriteLocation(node.location, [out] { return out->mutable_location(); });
  }

  template <typename F>
  void WriteLocation(const Location& location, F&& get) {
    if (!location.known()) return;
    const auto [it, is_new] =
        files_.emplace(location.file, static_cast<uint32_t>(files_.size()) + 1);
    if (is_new) model_->add_files(location.file);
    proto::Location* out = get();
    out->set_file(it->second);
    out->set_line(static_cast<uint32_t>(location.line));
  }

  proto::Model* model_;
  std::map<std::string, uint32_t> files_;
};

}  // namespace

absl::StatusOr<std::string> SerializeModel(const Model& model) {
  proto::Model message;
  message.set_magic("tenon");
  message.set_version(kBinaryVersion);
  for (const auto& [name, bound] : model.graph.Symbols()) {
    proto::Symbol* symbol = message.add_symbols();
    symbol->set_name(name);
    symbol->set_bound(bound);
  }
  Writer(&message).WriteGraph(model.graph, message.mutable_graph());
  for (const auto& [name, value] : model.weights) {
    proto::Weight* weight = message.add_weights();
    weight->set_name(name);
    WriteLiteral(value, weight->mutable_value());
  }
  if (message.ByteSizeLong() > INT_MAX) {
    return absl::OutOfRangeError(absl::StrCat("the model has ", message.ByteSizeLong(),
                                              " bytes; the binary form holds at most 2 GB"));
  }
  return message.SerializeAsString();
}

}  // namespace tenon::ir
