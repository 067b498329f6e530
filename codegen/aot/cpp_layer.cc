#include "tenon/codegen/aot/cpp_layer.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "tenon/codegen/aot/names.h"

namespace tenon::codegen {

using ir::Dim;

std::string CppLayer(const Artifact& artifact, const HeaderOptions& options,
                     const std::vector<HeaderField>& fields) {
  std::string text;
  const auto add = [&text](absl::string_view more) { absl::StrAppend(&text, more); };
  add(R"(#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace @N@ {

inline constexpr std::size_t kArenaBytes = @U@_ARENA_BYTES;
inline constexpr std::size_t kPreparedBytes = @U@_PREPARED_BYTES;

)");
  for (const HeaderField& field : fields) {
    std::vector<std::string> dims;
    for (const Dim& d : field.binding->type.dims) {
      dims.push_back(absl::StrCat(d.UpperBound().value_or(0)));
    }
    add(absl::StrCat("inline constexpr std::array<std::int64_t, ", dims.size(), "> ", field.name,
                     "_shape = {", absl::StrJoin(dims, ", "), "};\n"));
  }
  add(R"(
// One instance. The spans must stay valid while it is used.
class Program {
 public:
  Program(std::span<std::byte> arena, std::span<std::byte> prepared) {
    c_.arena = arena.data();
    c_.prepared = prepared.data();
    c_.arena_bytes = static_cast<std::int64_t>(arena.size());
    c_.prepared_bytes = static_cast<std::int64_t>(prepared.size());
  }
)");
  for (const kernel::Symbol& symbol : artifact.symbols) {
    const std::string name = ToIdentifier(symbol.name);
    add(absl::StrCat("  Program& ", name, "(std::int64_t extent) {\n    c_.extents.", name,
                     " = extent;\n    return *this;\n  }\n"));
  }
  std::string checks;
  int dynamic = 0;
  for (const HeaderField& field : fields) {
    const Dim elements = field.binding->type.NumElements();
    const std::string element =
        absl::StrCat(field.written ? "" : "const ", CTypeOf(field.binding->type.dtype));
    if (elements.is_constant()) {
      add(absl::StrCat("  Program& ", field.name, "(std::span<", element, ", ", elements.constant(),
                       "> elements) {\n    c_.tensors.", field.name,
                       " = elements.data();\n    return *this;\n  }\n"));
      continue;
    }
    add(absl::StrCat("  Program& ", field.name, "(std::span<", element, "> elements) {\n",
                     "    c_.tensors.", field.name, " = elements.data();\n    sizes_[", dynamic,
                     "] = static_cast<std::int64_t>(elements.size());\n    return *this;\n  }\n"));
    absl::StrAppend(&checks, "    if (sizes_[", dynamic, "] < ", ToC(elements, "c_.extents."),
                    ") return Fail(TENON_MISSING_BUFFER, ", field.bindings[0], ");\n");
    ++dynamic;
  }
  switch (options.weights.place) {
    case WeightsPlace::kCaller:
      break;
    case WeightsPlace::kEmbedded:
      add("  Program& use_weights() {\n    @N@_use_weights(&c_);\n    return *this;\n  }\n");
      break;
    case WeightsPlace::kFile:
      add("  std::int32_t use_weights(std::span<const std::byte> file) {\n"
          "    return @N@_use_weights(&c_, file.data(), static_cast<std::int64_t>(file.size()));\n"
          "  }\n");
      break;
  }
  add(absl::StrCat(R"(
  // Both give a tenon_status.
  [[nodiscard]] std::int32_t Prepare() {
    if (const std::int32_t status = CheckMemory(); status != TENON_OK) return status;
    return @N@_prepare(&c_);
  }
  [[nodiscard]] std::int32_t Step() {
    if (const std::int32_t status = CheckMemory(); status != TENON_OK) return status;
)",
                   checks, R"(    return @N@_step(&c_);
  }
  const char* status_text() const { return @N@_status_text(c_.frame.status); }
  const char* culprit() const { return @N@_culprit(&c_); }
  @N@_instance& c() { return c_; }

 private:
  std::int32_t Fail(std::int32_t status, std::int64_t value) {
    return @N@_refuse(&c_, 0, status, value);
  }
  // Of empty spans C would say that nobody knows how large they are.
  std::int32_t CheckMemory() {
    if (c_.arena_bytes < @U@_ARENA_BYTES) return Fail(TENON_BAD_MEMORY, 0);
    return c_.prepared_bytes < @U@_PREPARED_BYTES ? Fail(TENON_BAD_MEMORY, 1) : TENON_OK;
  }

  @N@_instance c_ = {};
)"));
  if (dynamic > 0) add(absl::StrCat("  std::array<std::int64_t, ", dynamic, "> sizes_ = {};\n"));
  add("};\n\n}  // namespace @N@\n");
  return text;
}

}  // namespace tenon::codegen
