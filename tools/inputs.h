// The values that a model is run on: read from .npy files, from the model's weights, from its
// initialisers, or made up.
#ifndef TENON_TOOLS_INPUTS_H_
#define TENON_TOOLS_INPUTS_H_

#include <CLI/CLI.hpp>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tenon/ir/binary.h"
#include "tenon/ir/dim.h"
#include "tenon/ir/literal.h"

namespace tenon::tools {

struct InputOptions {
  std::vector<std::string> files;    // "name=file.npy"
  std::string weights;               // a safetensors file
  std::vector<std::string> extents;  // "n=7"
  uint64_t seed = 0;
};
void AddInputOptions(CLI::App& app, InputOptions& options);

struct RunInputs {
  ir::Extents extents;              // of all the graph's symbols
  std::vector<ir::Literal> values;  // one an input of the graph, in order
};

// Files come first, then the weight file (tensors that the model does not know are passed over, but
// no parameter may be missing), then the model's own weights; parameters and state that remain take
// their initialisers, with the seed. What then is missing is an error, or, with `make_up`, drawn
// from a fixed sequence that the seed and the name start (and symbols without an extent get one
// near 7). Shapes are checked against the graph; errors name input, file and both shapes.
absl::StatusOr<RunInputs> GatherInputs(const ir::Model& model, const InputOptions& options,
                                       bool make_up);

// Values of all parameters and states, by name: of the weight file (may be empty), else the model's
// own, else of the initialisers with the seed.
absl::StatusOr<std::map<std::string, ir::Literal>> GatherWeights(const ir::Model& model,
                                                                 const std::string& file,
                                                                 uint64_t seed);

}  // namespace tenon::tools

#endif  // TENON_TOOLS_INPUTS_H_
