#include "tools/inputs.h"

#include <unistd.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "tenon/frontend/checkpoint/safetensors.h"
#include "tenon/frontend/init.h"
#include "tenon/ir/check.h"
#include "tenon/ir/file.h"
#include "tenon/ir/suggest.h"
#include "tools/command.h"
#include "tools/npy.h"

namespace tenon::tools {
namespace {

using ir::Extents;
using ir::Graph;
using ir::Input;
using ir::Literal;

// Large enough for tails of vectors and several rows, small enough for interpreters.
constexpr int64_t kUsualExtent = 7;

template <typename... Parts>
absl::Status Error(const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat(parts...));
}

std::vector<std::string> InputNames(const Graph& graph) {
  std::vector<std::string> names;
  for (const Input& input : graph.inputs()) names.push_back(input.name);
  return names;
}

absl::StatusOr<std::map<std::string, Literal>> ReadFiles(const Graph& graph,
                                                         const std::vector<std::string>& files) {
  std::map<std::string, Literal> values;
  for (const std::string& file : files) {
    const size_t equals = file.find('=');
    if (equals == std::string::npos || equals == 0) {
      return Error("--input takes NAME=FILE.npy, not '", file, "'");
    }
    const std::string name = file.substr(0, equals), path = file.substr(equals + 1);
    const int input = graph.FindInput(name);
    if (input < 0) return UnknownValue("--input", name, InputNames(graph));
    TENON_ASSIGN_OR_RETURN(const std::string bytes, ir::ReadFile(path));
    TENON_ASSIGN_OR_RETURN(Literal literal, ParseNpy(bytes, path));
    const ir::DType dtype = graph.type(graph.inputs()[input].value).dtype;
    absl::StatusOr<Literal> converted = ConvertTo(dtype, std::move(literal));
    if (!converted.ok()) return Error(path, ": ", converted.status().message());
    if (!values.emplace(name, *std::move(converted)).second) {
      return Error("--input: '", name, "' is given twice");
    }
  }
  return values;
}

// Adds what a weight file holds for inputs that have no value yet.
absl::Status ReadWeights(const Graph& graph, const std::string& path,
                         std::map<std::string, Literal>* values) {
  TENON_ASSIGN_OR_RETURN(const checkpoint::Checkpoint file, checkpoint::Load(path));
  std::vector<std::string> missing;
  for (const Input& input : graph.inputs()) {
    if (values->count(input.name) != 0) continue;
    const auto tensor = file.tensors.find(input.name);
    if (tensor == file.tensors.end()) {
      if (input.kind == ir::InputKind::kParameter) missing.push_back(input.name);
      continue;
    }
    const ir::DType dtype = graph.type(input.value).dtype;
    if (tensor->second.dtype() != dtype) {
      return Error(path, ": '", input.name, "' has elements of ",
                   ir::DTypeName(tensor->second.dtype()), ", the model's of ",
                   ir::DTypeName(dtype));
    }
    values->emplace(input.name, tensor->second.ToLiteral());
  }
  if (missing.empty()) return absl::OkStatus();
  return Error(path, ": has no value for parameter '", absl::StrJoin(missing, "', '"), "'");
}

absl::StatusOr<Extents> ReadExtents(const Graph& graph, const std::vector<std::string>& settings) {
  Extents extents;
  std::map<std::string, int64_t> bounds;
  std::vector<std::string> names;
  for (const auto& [name, bound] : graph.Symbols()) {
    bounds[name] = bound;
    names.push_back(name);
  }
  for (const std::string& setting : settings) {
    const std::vector<std::string> parts = absl::StrSplit(setting, absl::MaxSplits('=', 1));
    int64_t value = 0;
    if (parts.size() != 2 || !absl::SimpleAtoi(parts[1], &value)) {
      return Error("--extent takes SYMBOL=NUMBER, not '", setting, "'");
    }
    const auto bound = bounds.find(parts[0]);
    if (bound == bounds.end()) return UnknownValue("--extent", parts[0], names);
    if (value < 0 || value > bound->second) {
      return Error("--extent: ", setting, " is outside 0 to ", bound->second);
    }
    if (!extents.emplace(parts[0], value).second) {
      return Error("--extent: '", parts[0], "' is given twice");
    }
  }
  return extents;
}

// Extents that follow from the shapes given, where a dimension is one symbol.
void SolveExtents(const Graph& graph, const std::map<std::string, Literal>& values,
                  Extents* extents) {
  for (const Input& input : graph.inputs()) {
    const auto value = values.find(input.name);
    const ir::Shape& shape = graph.type(input.value).dims;
    if (value == values.end() || value->second.dims().size() != shape.size()) continue;
    for (size_t d = 0; d < shape.size(); ++d) {
      const std::optional<std::string> symbol = shape[d].AsSymbol();
      if (symbol) extents->emplace(*symbol, value->second.dims()[d]);
    }
  }
}

absl::StatusOr<std::vector<int64_t>> EvaluateShape(const ir::Shape& shape, const Extents& extents) {
  std::vector<int64_t> dims;
  for (const ir::Dim& d : shape) {
    TENON_ASSIGN_OR_RETURN(const int64_t extent, d.Evaluate(extents));
    if (extent < 0) return Error("extent ", d.ToString(), " is negative: ", extent);
    dims.push_back(extent);
  }
  return dims;
}

// The values of the inputs must fit this machine's memory: asking for more ends a process without a
// word.
absl::Status CheckMemory(const Graph& graph, const Extents& extents) {
  const double memory =
      static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGESIZE));
  double bytes = 0;
  for (const Input& input : graph.inputs()) {
    const ir::TensorType& type = graph.type(input.value);
    double size = static_cast<double>(ir::ByteSize(type.dtype));
    for (const ir::Dim& d : type.dims) {
      const absl::StatusOr<int64_t> extent = d.Evaluate(extents);
      size *= extent.ok() ? static_cast<double>(*extent) : 0;  // reported where it is used
    }
    bytes += size;
  }
  if (bytes <= memory) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat("the inputs need ", bytes / 1e9, " GB; this machine has ", memory / 1e9, " GB"));
}

// Numbers in -1 to 1, integers and bools 0 or 1: safe as indices into anything that is not tiny.
Literal MakeUp(ir::DType dtype, std::vector<int64_t> dims, uint64_t seed, absl::string_view name) {
  uint64_t state = seed;
  for (char c : name) state = (state ^ static_cast<uint8_t>(c)) * 0x100000001b3;
  Literal literal(dtype, std::move(dims));
  for (int64_t i = 0; i < literal.size(); ++i) {
    // splitmix64 (Steele et al., 2014)
    uint64_t x = state += 0x9e3779b97f4a7c15;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    x ^= x >> 31;
    const double uniform = static_cast<double>(x >> 11) * 0x1p-53;
    literal.SetFromDouble(i, ir::IsFloat(dtype) ? 2 * uniform - 1 : (uniform < 0.5 ? 0 : 1));
  }
  return literal;
}

absl::StatusOr<Literal> FirstValue(const Graph& graph, const Input& input,
                                   const std::vector<int64_t>& dims, uint64_t seed) {
  const ir::DType dtype = graph.type(input.value).dtype;
  if (input.kind == ir::InputKind::kInput) return MakeUp(dtype, dims, seed, input.name);
  TENON_ASSIGN_OR_RETURN(const Tensor tensor,
                         Initialize(input.init, dtype, dims, seed, input.name));
  return tensor.ToLiteral();
}

// Every input that has neither value nor initialiser, in one error.
absl::Status CheckComplete(const Graph& graph, const std::map<std::string, Literal>& values) {
  std::vector<std::string> missing;
  for (const Input& input : graph.inputs()) {
    if (input.kind == ir::InputKind::kInput && values.count(input.name) == 0) {
      missing.push_back(
          absl::StrCat("'", input.name, "' (", graph.type(input.value).ToString(true), ")"));
    }
  }
  if (missing.empty()) return absl::OkStatus();
  return Error("no value for input ", absl::StrJoin(missing, ", "), "; give --input NAME=FILE.npy");
}

}  // namespace

void AddInputOptions(CLI::App& app, InputOptions& options) {
  app.add_option("--input", options.files, "The value of an input, one at a time")
      ->type_name("NAME=FILE");
  AddFile(app, "--weights", options.weights,
          "FILE.safetensors: values of parameters and state, by name");
  app.add_option("--extent", options.extents,
                 "An extent that does not follow from the inputs' shapes")
      ->type_name("SYMBOL=NUMBER");
  app.add_option("--seed", options.seed, "Of initialisers and made-up values")
      ->capture_default_str();
}

absl::StatusOr<RunInputs> GatherInputs(const ir::Model& model, const InputOptions& options,
                                       bool make_up) {
  const Graph& graph = model.graph;
  TENON_ASSIGN_OR_RETURN(auto values, ReadFiles(graph, options.files));
  if (!options.weights.empty()) {
    TENON_RETURN_IF_ERROR(ReadWeights(graph, options.weights, &values));
  }
  values.insert(model.weights.begin(), model.weights.end());  // files win
  if (!make_up) TENON_RETURN_IF_ERROR(CheckComplete(graph, values));
  RunInputs result;
  TENON_ASSIGN_OR_RETURN(result.extents, ReadExtents(graph, options.extents));
  SolveExtents(graph, values, &result.extents);
  if (make_up) {
    for (const auto& [name, bound] : graph.Symbols()) {
      result.extents.emplace(name, std::min(bound, kUsualExtent));
    }
  }
  TENON_RETURN_IF_ERROR(CheckMemory(graph, result.extents));
  for (const Input& input : graph.inputs()) {
    const auto given = values.find(input.name);
    absl::StatusOr<std::vector<int64_t>> dims =
        EvaluateShape(graph.type(input.value).dims, result.extents);
    if (!dims.ok()) {
      return Error("input '", input.name, "' of type ", graph.type(input.value).ToString(true),
                   ": ", dims.status().message());
    }
    if (given == values.end()) {
      TENON_ASSIGN_OR_RETURN(Literal value, FirstValue(graph, input, *dims, options.seed));
      result.values.push_back(std::move(value));
      continue;
    }
    if (given->second.dims() != *dims) {
      return Error("input '", input.name, "' of type ", graph.type(input.value).ToString(true),
                   " cannot take a value of shape [", absl::StrJoin(given->second.dims(), ","),
                   "]");
    }
    result.values.push_back(std::move(given->second));
  }
  return result;
}

absl::StatusOr<std::map<std::string, Literal>> GatherWeights(const ir::Model& model,
                                                             const std::string& file,
                                                             uint64_t seed) {
  const Graph& graph = model.graph;
  std::map<std::string, Literal> values, weights;
  if (!file.empty()) TENON_RETURN_IF_ERROR(ReadWeights(graph, file, &values));
  values.insert(model.weights.begin(), model.weights.end());  // the file wins
  for (const Input& input : graph.inputs()) {
    if (input.kind == ir::InputKind::kInput) continue;
    absl::StatusOr<std::vector<int64_t>> dims = EvaluateShape(graph.type(input.value).dims, {});
    if (!dims.ok()) {
      return Error("'", input.name, "' of type ", graph.type(input.value).ToString(true),
                   ": weights need a shape without symbols");
    }
    const auto given = values.find(input.name);
    if (given == values.end()) {
      TENON_ASSIGN_OR_RETURN(Literal value, FirstValue(graph, input, *dims, seed));
      weights.emplace(input.name, std::move(value));
    } else if (given->second.dims() != *dims) {
      return Error("'", input.name, "' of type ", graph.type(input.value).ToString(true),
                   " cannot take a value of shape [", absl::StrJoin(given->second.dims(), ","),
                   "]");
    } else {
      weights.emplace(input.name, given->second);
    }
  }
  return weights;
}

}  // namespace tenon::tools
