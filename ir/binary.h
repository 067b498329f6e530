// The binary form of graphs, with weights (.tnb): Protocol Buffers, ir/proto/tenon.proto. And model
// files of either form.
#ifndef TENON_IR_BINARY_H_
#define TENON_IR_BINARY_H_

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tenon/ir/graph.h"
#include "tenon/ir/literal.h"

namespace tenon::ir {

inline constexpr int kBinaryVersion = 1;

// A graph and the values of some of its parameters and state, by name.
struct Model {
  Graph graph;
  std::map<std::string, Literal> weights;
};

// Equal models give equal bytes. Fails beyond the 2 GB that Protocol Buffers allow.
absl::StatusOr<std::string> SerializeModel(const Model& model);

// The model, its graph verified and its weights of the types of the inputs they name. Truncated or
// hostile bytes give an error that names `filename` and the place in the graph; memory stays within
// a small multiple of their size.
absl::StatusOr<Model> ParseModel(absl::string_view bytes, absl::string_view filename = "<bytes>");

// Whether the bytes are of the binary form (or claim to be).
bool IsBinaryModel(absl::string_view bytes);

// A model file of either form, told by its contents; "-" is standard input.
absl::StatusOr<Model> LoadModel(const std::string& path);

// Writes `path` atomically: binary if it ends in ".tnb", text otherwise ("-": text, to standard
// output). Text holds no weights: a model with some is refused.
absl::Status SaveModel(const Model& model, const std::string& path);

}  // namespace tenon::ir

#endif  // TENON_IR_BINARY_H_
