// Model files of either form. The conversions are in ir/binary_writer.cc and ir/binary_reader.cc.
#include "tenon/ir/binary.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tenon/ir/check.h"
#include "tenon/ir/file.h"
#include "tenon/ir/text.h"

namespace tenon::ir {

bool IsBinaryModel(absl::string_view bytes) {
  // Field 1, length 5: how Protocol Buffers write `magic`.
  return absl::StartsWith(bytes, absl::string_view("\x0a\x05tenon", 7));
}

absl::StatusOr<Model> LoadModel(const std::string& path) {
  TENON_ASSIGN_OR_RETURN(const std::string contents, ReadFile(path));
  const std::string name = path == "-" ? "<stdin>" : path;
  if (IsBinaryModel(contents)) return ParseModel(contents, name);
  if (absl::EndsWith(path, ".tnb")) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": is no binary model: it does not start ", "with tenon's mark"));
  }
  TENON_ASSIGN_OR_RETURN(Graph graph, Parse(contents, name));
  return Model{std::move(graph), {}};
}

absl::Status SaveModel(const Model& model, const std::string& path) {
  if (absl::EndsWith(path, ".tnb")) {
    TENON_ASSIGN_OR_RETURN(const std::string bytes, SerializeModel(model));
    return WriteFileAtomically(path, bytes);
  }
  if (!model.weights.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": the text form holds no weights; write a .tnb file"));
  }
  return WriteFileAtomically(path, Print(model.graph));
}

}  // namespace tenon::ir
