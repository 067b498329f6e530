#include "tenon/ir/target.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tenon/ir/suggest.h"

namespace tenon::ir {

TargetDesc X86Sse2() {
  TargetDesc t;
  t.triple = "x86_64-unknown-linux-gnu";
  t.cpu = "x86-64";
  t.vector_bits = 128;
  t.vector_registers = 16;
  return t;
}

TargetDesc X86Avx2() {
  TargetDesc t = X86Sse2();
  t.cpu = "x86-64-v3";
  t.vector_bits = 256;
  t.has_fma = true;
  t.has_masks = true;
  return t;
}

TargetDesc X86Avx512() {
  TargetDesc t = X86Avx2();
  t.cpu = "x86-64-v4";
  t.vector_bits = 512;
  t.vector_registers = 32;
  t.l2_bytes = 1 << 20;
  return t;
}

TargetDesc Aarch64Neon() {
  TargetDesc t;
  t.triple = "aarch64-unknown-linux-gnu";
  t.cpu = "generic";
  t.vector_bits = 128;
  t.vector_registers = 32;
  t.has_fma = true;
  return t;
}

TargetDesc Riscv64() {
  TargetDesc t;
  t.triple = "riscv64-unknown-linux-gnu";
  t.cpu = "generic-rv64";
  t.features = "+m,+a,+f,+d,+c,+zicsr";
  t.vector_bits = 32;
  t.vector_registers = 32;
  t.has_fma = true;
  t.fma_per_cycle = 1;
  t.vector_loads_per_cycle = 1;
  return t;
}

TargetDesc Riscv64Vector() {
  TargetDesc t = Riscv64();
  t.features += ",+v";
  t.vector_bits = 128;
  t.has_masks = true;
  return t;
}

namespace {

// What microcontrollers of the kind have in common: one core, 32-bit addresses, memory on the chip.
TargetDesc CortexM() {
  TargetDesc t;
  t.pointer_bytes = 4;
  t.max_threads = 1;
  t.vector_bits = 32;
  t.fma_per_cycle = 1;
  t.vector_loads_per_cycle = 1;
  t.cache_line = 32;
  t.l1_bytes = 16 << 10;
  t.l2_bytes = 64 << 10;
  t.l3_bytes = 16 << 20;
  t.stream_bytes = 16 << 20;
  t.has_prefetch = false;
  t.prepacks = false;
  return t;
}

}  // namespace

TargetDesc CortexM3() {
  TargetDesc t = CortexM();
  t.triple = "thumbv7m-none-unknown-eabi";
  t.cpu = "cortex-m3";
  t.vector_registers = 8;  // floats stand in the registers of integers
  t.fma_latency = 40;      // two calls
  return t;
}

TargetDesc CortexM4() {
  TargetDesc t = CortexM();
  t.triple = "thumbv7em-none-unknown-eabihf";
  t.cpu = "cortex-m4";
  t.vector_registers = 32;
  t.fma_latency = 2;
  return t;
}

TargetDesc CortexM7() {
  TargetDesc t = CortexM4();
  t.cpu = "cortex-m7";
  t.has_fma = true;
  return t;
}

TargetDesc Wasm32() {
  TargetDesc t;
  t.triple = "wasm32-unknown-unknown";
  t.cpu = "generic";
  // Every engine that has vectors has bulk memory: copying and filling call nothing.
  t.features = "+bulk-memory,+bulk-memory-opt,+simd128";
  t.pointer_bytes = 4;
  t.max_threads = 1;
  t.vector_bits = 128;
  t.vector_registers = 16;
  return t;
}

namespace {

struct TargetRow {
  TargetDesc (*make)();
  const char* names[2];
};
constexpr TargetRow kTargets[] = {
#define TENON_TARGET(function, spelling, other) {function, {spelling, other}},
#include "tenon/ir/targets.def"
};

}  // namespace

std::vector<std::string> TargetNames() {
  std::vector<std::string> names;
  for (const TargetRow& row : kTargets) {
    for (const char* name : row.names) names.emplace_back(name);
  }
  return names;
}

absl::StatusOr<TargetDesc> FindTarget(absl::string_view name) {
  for (const TargetRow& row : kTargets) {
    if (name == row.names[0] || name == row.names[1]) return row.make();
  }
  const std::vector<std::string> names = TargetNames();
  return absl::NotFoundError(absl::StrCat("unknown target '", name,
                                          "' (known: ", absl::StrJoin(names, ", "), ")",
                                          DidYouMean(name, names)));
}

}  // namespace tenon::ir
