// What code generation needs to know of a target: numbers, never names.
//
// A TargetDesc is a pure function of triple, CPU and features. It is never measured, so the same
// request gives the same object on every machine. Passes read the numbers; only codegen reads the
// names.
#ifndef TENON_IR_TARGET_H_
#define TENON_IR_TARGET_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace tenon::ir {

struct TargetDesc {
  std::string triple;    // "x86_64-unknown-linux-gnu"
  std::string cpu;       // LLVM's name, "x86-64-v4", "znver4", ...
  std::string features;  // LLVM's feature string, sorted: "+avx2,+fma,..."

  int pointer_bytes = 8;   // offsets are 64 bits in the kernel IR, and narrowed where they are used
  int max_threads = 1024;  // that may run one program together; 1: no atomic operations are emitted

  int vector_bits = 128;      // width of one hardware vector; 32: there are none
  int vector_registers = 16;  // how many there are
  bool has_fma = false;       // a fused multiply-add in hardware: contractions and maths use it
  bool has_masks = false;     // masked loads and stores cost no more than plain ones
  bool has_gather = false;
  bool has_bf16_dot = false;  // the scalar op dot2 as one instruction, twice an FMA's work
  // tile_dot of 16 x 16 x 16 pairs of bf16 as one instruction of 16 cycles, on registers that hold
  // six such tiles or more.
  bool has_bf16_tiles = false;
  int fma_latency = 4;  // cycles; with the units, how many independent accumulators hide it
  int fma_per_cycle = 2;
  int vector_loads_per_cycle = 2;  // from the first level

  int64_t l1_bytes = 32 << 10;
  int64_t l2_bytes = 512 << 10;
  int64_t l3_bytes = 8 << 20;  // what one core may count on
  // A buffer of more than this that a kernel only writes is stored past the caches: measured, as
  // much as all cores together find there again (docs/decisions/0013).
  int64_t stream_bytes = 8 << 20;
  int cache_line = 64;
  bool has_prefetch = true;  // asking for memory ahead of reading it is worth an instruction

  // Whether packed copies of weights are worth their memory: not where that is some hundred KiB.
  bool prepacks = true;

  // Elements of `bytes` size in one hardware vector.
  int Lanes(int64_t bytes) const { return static_cast<int>(vector_bits / 8 / bytes); }
};

// `HostTarget` (codegen/host.h) gives the host's own. Machines that have no caches are described by
// what memory costs there: all of it is near.
TargetDesc X86Sse2();
TargetDesc X86Avx2();    // x86-64-v3
TargetDesc X86Avx512();  // x86-64-v4
TargetDesc Aarch64Neon();
TargetDesc Riscv64();        // rv64gc: no vectors
TargetDesc Riscv64Vector();  // V 1.0 with registers of 128 bits
TargetDesc CortexM3();       // no floating-point hardware
TargetDesc CortexM4();       // f32 in hardware, without a fused multiply-add (docs/aot.md)
TargetDesc CortexM7();       // f32 and f64 in hardware
TargetDesc Wasm32();         // with SIMD of 128 bits

// Every target by name (ir/targets.def), in both spellings; those of one machine follow each other.
std::vector<std::string> TargetNames();

// Errors: NotFound, with the names that there are and the nearest of them.
absl::StatusOr<TargetDesc> FindTarget(absl::string_view name);

}  // namespace tenon::ir

#endif  // TENON_IR_TARGET_H_
