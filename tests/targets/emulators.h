// Programs compiled ahead of time for other machines, run under their emulators: many in one
// process.
#ifndef TENON_TESTS_TARGETS_EMULATORS_H_
#define TENON_TESTS_TARGETS_EMULATORS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tenon/codegen/artifact.h"
#include "tenon/ir/extents.h"
#include "tenon/ir/kernel/kernel.h"
#include "tenon/ir/literal.h"

namespace tenon::tests {

// How the objects of a target become a program, and how that runs.
struct Emulator {
  const char* target;   // ir/targets.def
  const char* compile;  // the driver's command line but for the files; "-o" comes behind it
  const char* sources;  // of the driver, besides driver.c
  const char* run;      // the program's path comes behind it
  // A regular expression of samples that the emulator cannot run; null: none.
  const char* skips = nullptr;
};
const std::vector<Emulator>& Emulators();
bool IsInstalled(const Emulator& emulator);

// One run of a program: inputs in the order of bindings. Of several steps, those inputs that move
// from one to the next (runtime/abi.h) stand behind each other.
struct EmulatedRun {
  int program = 0;
  int64_t steps = 1;
  ir::Extents extents;
  std::vector<ir::Literal> inputs;
  // What came out: of the last step for outputs that take over an input's memory, else of all.
  int32_t status = -1;
  int64_t fault_value = 0;
  std::vector<ir::Literal> outputs;
};

// Programs for one target, in a folder of their own.
class EmulatedPrograms {
 public:
  explicit EmulatedPrograms(const Emulator& emulator);
  EmulatedPrograms(const EmulatedPrograms&) = delete;
  ~EmulatedPrograms();

  // The program's number. Its object is named by it.
  absl::StatusOr<int> Add(const kernel::Program& program);
  // What the objects need of others, with `nm`, sorted.
  absl::StatusOr<std::vector<std::string>> UndefinedSymbols() const;
  absl::Status Run(std::vector<EmulatedRun>* runs) const;

 private:
  std::string File(const std::string& name) const { return folder_ + "/" + name; }
  absl::Status Link() const;
  absl::Status RunImage(std::vector<EmulatedRun>* runs, size_t begin, size_t end) const;

  const Emulator& emulator_;
  std::string folder_;
  std::vector<codegen::Artifact> artifacts_;
};

}  // namespace tenon::tests

#endif  // TENON_TESTS_TARGETS_EMULATORS_H_
