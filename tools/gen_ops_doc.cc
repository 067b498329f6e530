// Writes docs/ops.md, the reference of all ops, from their OpDefs to standard output. A test checks
// that the committed page is what this prints.
#include <cstdio>
#include <string>
#include <type_traits>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tenon/ir/attributes_util.h"
#include "tenon/ir/enum_names.h"
#include "tenon/ir/op.h"

namespace tenon::tools {
namespace {

using ir::OpDef;

// What the text form writes for a field of this type.
template <typename T>
std::string TypeOfField(const T& field) {
  if constexpr (std::is_same_v<T, int64_t>) {
    return "integer";
  } else if constexpr (std::is_same_v<T, bool>) {
    return "flag";
  } else if constexpr (std::is_same_v<T, double>) {
    return "number";
  } else if constexpr (std::is_same_v<T, std::string>) {
    return "string";
  } else if constexpr (std::is_same_v<T, ir::DType>) {
    return "element type";
  } else if constexpr (std::is_same_v<T, ir::Dim>) {
    return "extent";
  } else if constexpr (std::is_same_v<T, ir::Shape>) {
    return "extents";
  } else if constexpr (std::is_same_v<T, std::vector<int64_t>>) {
    return "integers";
  } else if constexpr (std::is_same_v<T, ir::TensorType>) {
    return "type";
  } else if constexpr (std::is_same_v<T, ir::Literal>) {
    return "literal";
  } else {
    static_assert(std::is_enum_v<T>);
    (void)field;
    return absl::StrJoin(ir::EnumNames<T>(), " or ");
  }
}

std::string Operands(const OpDef& def) {
  if (def.max_operands < 0) return absl::StrCat(def.min_operands, " or more");
  if (def.max_operands == def.min_operands) return absl::StrCat(def.min_operands);
  return absl::StrCat(def.min_operands, " to ", def.max_operands);
}

std::string Attributes(const OpDef& def) {
  std::vector<std::string> fields;
  ir::VisitFields(ir::DefaultAttributes(def.code), [&](absl::string_view name, const auto& field) {
    fields.push_back(absl::StrCat("`", name, "` (", TypeOfField(field), ")"));
  });
  return fields.empty() ? "none" : absl::StrJoin(fields, ", ");
}

// The switch names what the reader of the page wants to know.
std::string Gradient(const OpDef& def) {
  std::string text;
  switch (def.differentiability) {
    case ir::Differentiability::kRule:
      text = "yes";
      break;
    case ir::Differentiability::kZero:
      text = "zero";
      break;
    case ir::Differentiability::kControl:
      text = "through its regions";
      break;
    case ir::Differentiability::kNone:
      text = "none";
      break;
  }
  return def.gradient_note.empty() ? text : absl::StrCat(text, "; ", def.gradient_note);
}

std::string Page() {
  std::string page =
      "# Ops\n\n"
      "<!-- Written by tools/gen_ops_doc.cc from the ops' definitions: do not edit. -->\n\n"
      "Every op of the graph IR. [ir.md](ir.md) says how they are written, `ir/attributes.h` what "
      "each attribute means.\nThe class is what stages after the graph go by.\n\n"
      "| op | operands | class | gradient |\n|---|---|---|---|\n";
  for (int i = 0; i < ir::kNumOps; ++i) {
    const OpDef& def = ir::GetOpDef(static_cast<ir::OpCode>(i));
    absl::StrAppend(&page, "| [`", def.name, "`](#", def.name, ") | ", Operands(def), " | ",
                    ir::EnumName(def.compute_class), " | ", ir::EnumName(def.differentiability),
                    " |\n");
  }
  for (int i = 0; i < ir::kNumOps; ++i) {
    const OpDef& def = ir::GetOpDef(static_cast<ir::OpCode>(i));
    absl::StrAppend(&page, "\n## ", def.name, "\n\n", def.summary,
                    "\n\n- Operands: ", Operands(def), "\n- Attributes: ", Attributes(def),
                    "\n- Gradient: ", Gradient(def), "\n");
  }
  return page;
}

}  // namespace
}  // namespace tenon::tools

int main() {
  const std::string page = tenon::tools::Page();
  const bool written = std::fwrite(page.data(), 1, page.size(), stdout) == page.size();
  return written && std::fflush(stdout) == 0 ? 0 : 1;
}
