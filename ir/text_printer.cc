// Print: graph to text. Text is written strictly from left to right, because a symbol shows its
// bound at its first occurrence.
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <set>
#include <type_traits>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tenon/ir/attributes_util.h"
#include "tenon/ir/enum_names.h"
#include "tenon/ir/op.h"
#include "tenon/ir/text.h"
#include "tenon/ir/text_lexer.h"

namespace tenon::ir {
namespace {

constexpr size_t kLineWidth = 100;

// The shortest digits that read back as the same number. NaN has the bits given here; every other
// one is printed by its bits.
template <typename T, typename Bits>
std::string FloatToText(T value, Bits bits, Bits canonical_nan) {
  if (std::isnan(value)) {
    return bits == canonical_nan ? "nan"
                                 : absl::StrCat("0x", absl::Hex(static_cast<uint64_t>(bits)));
  }
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  char buffer[64];
  const std::to_chars_result end = std::to_chars(buffer, buffer + sizeof(buffer), value);
  return std::string(buffer, end.ptr);
}

std::string DoubleToText(double value) {
  return FloatToText<double, uint64_t>(value, std::bit_cast<uint64_t>(value), 0x7ff8000000000000);
}

template <typename T>
T Element(const Literal& literal, int64_t i) {
  T value;
  std::memcpy(&value, literal.bytes() + i * sizeof(T), sizeof(T));
  return value;
}

std::string ElementToText(const Literal& literal, int64_t i) {
  switch (literal.dtype()) {
    case DType::kF32: {
      const auto bits = Element<uint32_t>(literal, i);
      return FloatToText<float, uint32_t>(std::bit_cast<float>(bits), bits, 0x7fc00000);
    }
    case DType::kF64: {
      const auto bits = Element<uint64_t>(literal, i);
      return FloatToText<double, uint64_t>(std::bit_cast<double>(bits), bits, 0x7ff8000000000000);
    }
    case DType::kBF16: {
      const auto bits = Element<uint16_t>(literal, i);
      return FloatToText<float, uint16_t>(BF16ToF32(bits), bits, 0x7fc0);
    }
    case DType::kF16: {
      const auto bits = Element<uint16_t>(literal, i);
      return FloatToText<float, uint16_t>(F16ToF32(bits), bits, 0x7e00);
    }
    case DType::kI8:
      return absl::StrCat(static_cast<int>(Element<int8_t>(literal, i)));
    case DType::kU8:
      return absl::StrCat(static_cast<int>(Element<uint8_t>(literal, i)));
    case DType::kI32:
      return absl::StrCat(Element<int32_t>(literal, i));
    case DType::kI64:
      return absl::StrCat(Element<int64_t>(literal, i));
    case DType::kBool:
      return Element<uint8_t>(literal, i) != 0 ? "true" : "false";
  }
  return "?";
}

// All elements have the same bits, and there is more than one.
bool IsSplat(const Literal& literal) {
  const size_t width = static_cast<size_t>(ByteSize(literal.dtype()));
  return literal.size() > 1 &&
         std::memcmp(literal.bytes(), literal.bytes() + width, literal.byte_size() - width) == 0;
}

// "mlp.cc:14", the file in quotes where it would not read back; nothing where nothing is known.
std::string LocationComment(const Location& location) {
  if (!location.known() || location.line < 0) return "";
  bool plain = location.file[0] != '"';
  for (unsigned char c : location.file) {
    plain = plain && !absl::ascii_iscntrl(c) && !absl::ascii_isspace(c);
  }
  return absl::StrCat("  // ", plain ? location.file : Quote(location.file), ":", location.line);
}

class Printer {
 public:
  explicit Printer(const PrintOptions& options) : options_(options) {}

  void PrintGraph(const Graph& graph, int indent) {
    const std::string margin(indent, ' ');
    PrintSignature(graph, margin);
    for (const Node& node : graph.nodes()) PrintNode(graph, node, indent + 2);
    std::vector<std::string> values;
    for (const Output& output : graph.outputs()) values.push_back(ValueText(graph, output.value));
    absl::StrAppend(&out_, margin, "  return", values.empty() ? "" : " ",
                    absl::StrJoin(values, ", "), "\n", margin, "}\n");
  }

  // Each with a blank before it.
  void PrintFields(const Attributes& attributes) {
    VisitFields(attributes, [this](absl::string_view name, const auto& field) {
      using T = std::decay_t<decltype(field)>;
      // The zero values of flags and lists go without saying; strings and literals need no name.
      if constexpr (std::is_same_v<T, bool>) {
        if (!field) return;
      } else if constexpr (std::is_same_v<T, Shape> || std::is_same_v<T, std::vector<int64_t>>) {
        if (field.empty()) return;
      }
      constexpr bool kBare = std::is_same_v<T, std::string> || std::is_same_v<T, Literal>;
      absl::StrAppend(&out_, " ", kBare ? "" : absl::StrCat(name, "="), FieldText(field));
    });
  }

  std::string& out() { return out_; }

 private:
  static std::string ValueText(const Graph& graph, ValueId v) {
    if (graph.is_input(v)) {
      return absl::StrCat("%", NameToText(graph.inputs()[v.index].name, true));
    }
    return absl::StrCat("%", v.index - graph.inputs().size());
  }

  std::string DimText(const Dim& dim) {
    std::set<std::string> fresh;
    dim.VisitSymbols([&](const std::string& name, int64_t) {
      if (symbols_.insert(name).second) fresh.insert(name);
    });
    if (fresh.empty()) return dim.ToString();
    if (dim.AsSymbol()) return dim.ToString(/*with_bounds=*/true);
    // Within an expression the bound is set in brackets.
    return dim
        .Substitute([&](const std::string& name, int64_t bound) -> std::optional<Dim> {
          if (fresh.count(name) == 0) return std::nullopt;
          return Dim(absl::StrCat("(", name, "<=", bound, ")"));
        })
        .ToString();
  }

  std::string ShapeText(const Shape& shape) {
    std::vector<std::string> dims;
    for (const Dim& d : shape) dims.push_back(DimText(d));
    return absl::StrCat("[", absl::StrJoin(dims, ","), "]");
  }

  std::string TypeText(const TensorType& type) {
    return absl::StrCat(DTypeName(type.dtype), ShapeText(type.dims));
  }

  void PrintSignature(const Graph& graph, const std::string& margin) {
    std::vector<std::string> inputs, comments, outputs;
    bool any_comment = false;
    for (const Input& input : graph.inputs()) {
      inputs.push_back(InputText(graph, input));
      comments.push_back(options_.locations ? LocationComment(input.location) : "");
      any_comment = any_comment || !comments.back().empty();
    }
    for (const Output& output : graph.outputs()) {
      std::string text =
          absl::StrCat(IdentifierToText(output.name), ": ", TypeText(graph.type(output.value)));
      if (output.donated_input >= 0) {
        absl::StrAppend(&text, " donates ",
                        ValueText(graph, graph.inputs()[output.donated_input].value));
      }
      outputs.push_back(std::move(text));
    }
    const std::string head = absl::StrCat(margin, "graph @", NameToText(graph.name(), false), "(");
    const std::string tail = absl::StrCat(") -> (", absl::StrJoin(outputs, ", "), ") {\n");
    const std::string line = absl::StrCat(head, absl::StrJoin(inputs, ", "), tail);
    if (!any_comment && line.size() <= kLineWidth) {
      out_ += line;
      return;
    }
    out_ += head;
    for (size_t i = 0; i < inputs.size(); ++i) {
      absl::StrAppend(&out_, "\n", margin, "    ", inputs[i], i + 1 < inputs.size() ? "," : "",
                      comments[i]);
    }
    absl::StrAppend(&out_, "\n", margin, tail);
  }

  std::string InputText(const Graph& graph, const Input& input) {
    std::string text;
    if (input.kind != InputKind::kInput) text = absl::StrCat(EnumName(input.kind), " ");
    absl::StrAppend(&text, ValueText(graph, input.value), ": ", TypeText(graph.type(input.value)));
    if (input.kind == InputKind::kInput) return text;
    absl::StrAppend(&text, " = ", EnumName(input.init.kind));
    const double arguments[] = {input.init.a, input.init.b};
    const int count = NumInitArguments(input.init.kind);
    for (int i = 0; i < count; ++i) {
      absl::StrAppend(&text, i == 0 ? "(" : ", ", DoubleToText(arguments[i]));
    }
    return count > 0 ? text + ")" : text;
  }

  void PrintNode(const Graph& graph, const Node& node, int indent) {
    const std::string margin(indent, ' ');
    std::vector<std::string> results, operands, types;
    for (ValueId v : node.results) results.push_back(ValueText(graph, v));
    for (ValueId v : node.operands) operands.push_back(ValueText(graph, v));
    absl::StrAppend(&out_, margin, absl::StrJoin(results, ", "), results.empty() ? "" : " = ",
                    OpName(node.op));
    if (!operands.empty()) absl::StrAppend(&out_, "(", absl::StrJoin(operands, ", "), ")");
    PrintFields(node.attributes);
    for (ValueId v : node.results) types.push_back(TypeText(graph.type(v)));
    if (!types.empty()) absl::StrAppend(&out_, " : ", absl::StrJoin(types, ", "));
    if (!node.regions.empty()) out_ += " {";
    if (options_.locations) out_ += LocationComment(node.location);
    out_ += "\n";
    if (node.regions.empty()) return;
    for (const Graph& region : node.regions) PrintGraph(region, indent + 2);
    absl::StrAppend(&out_, margin, "}\n");
  }

  std::string FieldText(int64_t v) { return absl::StrCat(v); }
  std::string FieldText(bool v) { return v ? "true" : "false"; }
  std::string FieldText(double v) { return DoubleToText(v); }
  std::string FieldText(const std::string& v) { return Quote(v); }
  std::string FieldText(DType v) { return std::string(DTypeName(v)); }
  std::string FieldText(const Dim& v) { return DimText(v); }
  std::string FieldText(const Shape& v) { return ShapeText(v); }
  std::string FieldText(const std::vector<int64_t>& v) {
    return absl::StrCat("[", absl::StrJoin(v, ","), "]");
  }
  std::string FieldText(const TensorType& v) { return TypeText(v); }
  std::string FieldText(const Literal& v) {
    bool splat = IsSplat(v) && v.byte_size() <= kMaxSplatBytes - splat_bytes_;
    if (splat) splat_bytes_ += v.byte_size();
    return absl::StrCat(
        TypeText(v.type()), "{",
        splat ? ElementToText(v, 0) + ", ..." : PrintElements(v, options_.max_elements), "}");
  }
  template <typename E>
  std::enable_if_t<std::is_enum_v<E>, std::string> FieldText(E v) {
    return std::string(EnumName(v));
  }

  const PrintOptions& options_;
  std::set<std::string> symbols_;  // that have shown their bounds
  size_t splat_bytes_ = 0;         // of literals written `{x, ...}`
  std::string out_;
};

}  // namespace

std::string PrintElements(const Literal& literal, int64_t max_elements) {
  std::string out;
  for (int64_t i = 0; i < literal.size(); ++i) {
    if (i > 0) out += ", ";
    if (max_elements >= 0 && i >= max_elements) return out + "<cut>";
    out += ElementToText(literal, i);
  }
  return out;
}

std::string PrintAttributes(const Attributes& attributes, const PrintOptions& options) {
  Printer printer(options);
  printer.PrintFields(attributes);
  return std::string(absl::StripLeadingAsciiWhitespace(printer.out()));
}

std::string Print(const Graph& graph, const PrintOptions& options) {
  Printer printer(options);
  printer.out() = absl::StrCat("tenon graph ", kTextVersion, "\n\n");
  printer.PrintGraph(graph, 0);
  return std::move(printer.out());
}

}  // namespace tenon::ir
