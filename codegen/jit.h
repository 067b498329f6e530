// Loading: links an Artifact's objects into this process's memory.
#ifndef TENON_CODEGEN_JIT_H_
#define TENON_CODEGEN_JIT_H_

#include <memory>

#include "absl/status/statusor.h"
#include "tenon/codegen/artifact.h"
#include "tenon/runtime/abi.h"

namespace tenon::codegen {

// Entry pointers that stay valid as long as this object lives. Entries keep no state of their own:
// any number of frames may run at the same time.
class LoadedProgram {
 public:
  virtual ~LoadedProgram() = default;
  virtual tenon_entry prepare() const = 0;
  virtual tenon_entry step() const = 0;
};

struct LoadOptions {
  // perf and gdb see the kernels by their labels (ObjectCode::label): a line each in
  // /tmp/perf-PID.map, and a registration with gdb's JIT interface while the program is loaded.
  bool visible_to_debuggers = false;
};

// Errors: an artifact for another architecture than this process's, or objects that do not link.
absl::StatusOr<std::unique_ptr<LoadedProgram>> Load(const Artifact& artifact,
                                                    const LoadOptions& options = {});

}  // namespace tenon::codegen

#endif  // TENON_CODEGEN_JIT_H_
