// What code generation needs to know of a target: numbers, never names.
//
// A TargetDesc is a pure function of triple, CPU and features. It is never measured, so the same
// request gives the same object on every machine. Passes read the numbers; only codegen reads the
// names.
#ifndef TENON_IR_TARGET_H_
#define TENON_IR_TARGET_H_

#include <cstdint>
#include <string>

namespace tenon::ir {

struct TargetDesc {
  std::string triple;    // "x86_64-unknown-linux-gnu"
  std::string cpu;       // LLVM's name, "x86-64-v4", "znver4", ...
  std::string features;  // LLVM's feature string, sorted: "+avx2,+fma,..."

  int vector_bits = 128;      // width of one hardware vector
  int vector_registers = 16;  // how many there are
  bool has_fma = false;       // a fused multiply-add in hardware: contractions and maths use it
  bool has_masks = false;     // masked loads and stores cost no more than plain ones
  bool has_gather = false;
  bool has_bf16_dot = false;  // the scalar op dot2 as one instruction, twice an FMA's work
  int fma_latency = 4;        // cycles; with the units, how many independent accumulators hide it
  int fma_per_cycle = 2;

  int64_t l1_bytes = 32 << 10;
  int64_t l2_bytes = 512 << 10;
  int64_t l3_bytes = 8 << 20;  // what one core may count on
  int cache_line = 64;

  // Elements of `bytes` size in one hardware vector.
  int Lanes(int64_t bytes) const { return static_cast<int>(vector_bits / 8 / bytes); }
};

// Rows for the levels that tests force. `HostTarget` (codegen/llvm/host.h) gives the host's own.
TargetDesc X86Sse2();
TargetDesc X86Avx2();    // x86-64-v3
TargetDesc X86Avx512();  // x86-64-v4
TargetDesc Aarch64Neon();

}  // namespace tenon::ir

#endif  // TENON_IR_TARGET_H_
