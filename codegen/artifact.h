// Code generation: a kernel::Program and a target in, an Artifact out: native objects, and what a
// caller needs to know to run them.
//
// There is one small object per distinct kernel, shared by all launches of equal kernels, and one
// for the program, which alone knows buffers and offsets. All are relocatable, position-independent
// and free of host addresses; loading (codegen/jit.h) links them in memory, ahead-of-time
// compilation merges the same ones into a file. The bytes are a pure function of program, target
// and options.
#ifndef TENON_CODEGEN_ARTIFACT_H_
#define TENON_CODEGEN_ARTIFACT_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tenon/codegen/cache.h"
#include "tenon/ir/kernel/kernel.h"
#include "tenon/ir/target.h"

namespace tenon::codegen {

// One relocatable object file.
struct ObjectCode {
  std::string symbol;  // of a kernel: the function that it defines; of the program: its name
  std::string bytes;
  // Of a kernel: what debuggers and profilers call it, "contract -> y" as "contract_y" (of several
  // equal kernels the first). Never part of the bytes.
  std::string label = {};
  std::string llvm = {};  // its LLVM IR, where kept
};

// Where a compilation spent its time; not part of what is compared or cached.
struct CompileStats {
  int launched_kernels = 0;  // kernels of the program, before equal ones are merged
  int compiled = 0;          // objects that the generator made
  int cached = 0;            // objects that the cache had
  double emit_seconds = 0;   // summed over threads: kernel IR to LLVM IR
  double codegen_seconds = 0;
  double wall_seconds = 0;
};

struct Artifact {
  ir::TargetDesc target;
  std::vector<ObjectCode> kernels;  // sorted by symbol
  // By kernel of the program: which of them it is; equal kernels share one.
  std::vector<std::string> kernel_symbols;
  ObjectCode program;
  std::string prepare_symbol, step_symbol;  // of type tenon_entry (runtime/abi.h)

  // What the entries need: see tenon_frame.
  std::vector<kernel::Symbol> symbols;
  std::vector<kernel::Binding> bindings;
  std::vector<ir::Location> sites;  // by tenon_frame.fault_site
  int64_t arena_bytes = 0;
  int64_t scratch_bytes = 0;
  int64_t prepared_bytes = 0;
  bool has_prepare = false;  // whether `prepare` does more than ask for registers

  CompileStats stats;

  // Bytes to reserve for tenon_frame.arena when `threads` threads run the program.
  int64_t ArenaBytes(int threads) const;
};

struct CodegenOptions {
  int threads = 0;               // to compile on; 0: all cores
  KernelCache* cache = nullptr;  // borrowed
  std::string symbol_prefix = "tenon";
  // The step keeps time: every thread reads the processor's counter (some 20 cycles) behind each
  // launch and each barrier. tenon_frame.buffers then has one more entry behind those of the
  // bindings, an int64_t[threads][ClockSlots(program)] that the step adds to: slot 0 of a thread's
  // row holds the counter as last read, slot 1 + i the ticks spent in the i-th launch or barrier of
  // Program::step, counted as they are listed, those inside loops and branches included.
  bool clocks = false;
  // With clocks, every thread also notes each reading: behind the threads' rows of clocks, its
  // table goes on with int64_t[threads][1 + 2 * events], of which a thread's first is how many it
  // has noted (it goes on counting when there is no room left), then pairs of the slot and the
  // counter. The first reading of a step is noted as slot 0.
  int64_t events = 0;
  bool keep_llvm = false;  // in ObjectCode::llvm; turns the cache off
  // Called with the name of each distinct kernel ("program" for the program) and its LLVM IR, or
  // its assembly text; one call at a time, in the program's order. Either one turns the
  // cache off, since what is not compiled cannot be shown.
  std::function<void(absl::string_view name, absl::string_view text)> dump_llvm;
  std::function<void(absl::string_view name, absl::string_view text)> dump_assembly;
};

// Slots of a thread's row of clocks: see CodegenOptions::clocks.
int ClockSlots(const kernel::Program& program);

// Errors: a target that LLVM does not know, a program that needs FMA on a target without, objects
// too large for the code model. The program must be verified.
absl::StatusOr<Artifact> Compile(const kernel::Program& program, const ir::TargetDesc& target,
                                 const CodegenOptions& options = {});

}  // namespace tenon::codegen

#endif  // TENON_CODEGEN_ARTIFACT_H_
