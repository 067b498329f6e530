#include "tenon/ir/target.h"

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

}  // namespace tenon::ir
