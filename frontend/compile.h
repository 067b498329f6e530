// Program: a graph compiled to native code, or made ready for interpretation.
//
// The one place of the frontend that knows passes and code generation.
//
//   TENON_ASSIGN_OR_RETURN(Program program, Program::Compile(graph));
//   Instance instance = program.NewInstance(&team);
//   instance.BindInput("x", x); ...
//   instance.Run();
#ifndef TENON_FRONTEND_COMPILE_H_
#define TENON_FRONTEND_COMPILE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "tenon/frontend/instance.h"
#include "tenon/frontend/tensor.h"
#include "tenon/ir/graph.h"

namespace tenon {

namespace codegen {
class KernelCache;
}  // namespace codegen

enum class Backend : uint8_t {
  kNative,
  kInterpreter,  // the graph interpreter: slow, exact, one thread
};

// See docs/numerics.md and passes/options.h.
enum class Numerics : uint8_t { kExact, kStandard, kFast };

// kMixedBf16: contractions and convolutions, forward and backward, round their f32 operands to bf16
// and add up in f32; parameters, optimizer state and all other ops stay f32 (docs/passes.md).
enum class Precision : uint8_t { kAsWritten, kMixedBf16 };

// Whether the prepared area holds packed copies of the weights (passes/options.h).
enum class Prepack : uint8_t { kTarget, kAlways, kNever };

struct CompileOptions {
  Backend backend = Backend::kNative;
  Numerics numerics = Numerics::kStandard;
  Precision precision = Precision::kAsWritten;
  Prepack prepack = Prepack::kTarget;
  // Bytes that the arena may take, without the threads' scratch memory; 0: any number. Values are
  // computed again to meet it, which changes no result; where that is not enough, compiling fails
  // with the tensors that are alive at the peak.
  int64_t memory_limit = 0;
  // How many threads' scratch memory counts as part of the arena there.
  int memory_limit_threads = 0;
  std::set<std::string> disabled_passes = {};  // by name, as `tenon opt` knows them
  int compile_threads = 0;                     // 0: all cores
  // Compiled kernels are kept in, and taken from, this cache (borrowed for the compilation), or
  // that of this directory; neither: nothing is kept.
  codegen::KernelCache* cache = nullptr;
  std::string cache_directory = {};
  // perf and gdb see the program's kernels by name (codegen/jit.h).
  bool visible_to_debuggers = false;
};

struct GradientOptions {
  std::string loss;              // the output to differentiate, a scalar
  std::vector<std::string> wrt;  // inputs by name
  std::string prefix = "grad/";  // of the outputs that the gradients become
};
// The graph with outputs `prefix` + name for each of `wrt` appended (passes/grad/grad.h).
absl::StatusOr<ir::Graph> Differentiate(const ir::Graph& graph, const GradientOptions& options);

class Program {
 public:
  static absl::StatusOr<Program> Compile(const ir::Graph& graph,
                                         const CompileOptions& options = {});

  // Inputs in the graph's order, then outputs.
  const std::vector<kernel::Binding>& bindings() const { return executable_->bindings; }

  // What the program needs: bytes, and floating-point operations as an expression over the symbols
  // (a fused multiply-add counts as two, any other scalar operation as one).
  struct Costs {
    int64_t arena_bytes = 0;     // without the threads' scratch memory
    int64_t scratch_bytes = 0;   // of one thread
    int64_t prepared_bytes = 0;  // packed weights
    int64_t weight_bytes = 0;    // parameters and state
    ir::Dim flops = 0;
  };
  Costs costs() const;

  // See Instance. `team` is borrowed.
  Instance NewInstance(runtime::Team* team = nullptr) const { return Instance(executable_, team); }

  // For one run: binds, runs on the caller's thread and returns all outputs by name. Donated inputs
  // are copied, not changed.
  absl::StatusOr<std::map<std::string, Tensor>> Run(
      const std::map<std::string, TensorView>& inputs) const;

 private:
  explicit Program(std::shared_ptr<const Executable> executable)
      : executable_(std::move(executable)) {}

  std::shared_ptr<const Executable> executable_;
};

}  // namespace tenon

#endif  // TENON_FRONTEND_COMPILE_H_
