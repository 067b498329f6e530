// Ahead of time: a graph as an object file and a header, for programs that know nothing of tenon.
//
//   TENON_ASSIGN_OR_RETURN(AotFiles files, CompileAheadOfTime(graph, {}, {.name = "mlp"}));
//   files.Write("mlp.o", "mlp.h", "");
//
// The object holds the very code that Program::Compile would map for the same target. It calls
// nothing but memcpy, memmove and memset, has no writable data, and runs in memory that its caller
// gives it. The header says how (codegen/aot/header.h).
#ifndef TENON_FRONTEND_AOT_H_
#define TENON_FRONTEND_AOT_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tenon/codegen/aot/format.h"
#include "tenon/frontend/compile.h"
#include "tenon/frontend/tensor.h"
#include "tenon/ir/graph.h"
#include "tenon/ir/target.h"

namespace tenon {

// codegen/aot/formats.def
using AotFormat = codegen::FileFormat;

// Where the first values of parameters and state go.
enum class AotWeights : uint8_t {
  kCaller,    // nowhere: the caller binds them all
  kEmbedded,  // into the object
  kFile,      // into a file in safetensors form
};

struct AotOptions {
  std::string name;  // prefix of all that the header declares; empty: the graph's name
  std::optional<ir::TargetDesc> target;  // ir::FindTarget gives it by name; none: this machine
  // Programs for x86-64 without more, with AVX2 and with AVX-512 in one object, of which `prepare`
  // chooses the best that the processor runs (codegen/multi_isa.h). `target` must be none.
  bool multi_isa = false;
  AotFormat format = AotFormat::kObject;
  AotWeights weights = AotWeights::kCaller;
  std::string weights_file;  // its name, as the header's comments tell it
  // Numerics, a limit of the arena (of as many threads as memory_limit_threads says), and the like.
  CompileOptions compile;
};

struct AotFiles {
  std::string object;
  std::string header;
  std::string weights;  // of kFile
  int64_t arena_bytes = 0, prepared_bytes = 0;
};

// `weights` holds a value for every parameter and state of the graph, by name, unless
// options.weights is kCaller. Errors: a name that is no C identifier, weights that are missing or
// of another type than the graph's, symbolic shapes of weights, what Program::Compile refuses.
absl::StatusOr<AotFiles> CompileAheadOfTime(const ir::Graph& graph,
                                            const std::map<std::string, TensorView>& weights,
                                            const AotOptions& options);

}  // namespace tenon

#endif  // TENON_FRONTEND_AOT_H_
