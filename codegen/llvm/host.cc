// HostTarget, by LLVM's detection and a table of what LLVM does not know.
#include "tenon/codegen/host.h"

#include <llvm/ADT/StringMap.h>
#include <llvm/MC/MCSubtargetInfo.h>
#include <llvm/TargetParser/Host.h>
#include <llvm/TargetParser/SubtargetFeature.h>
#include <llvm/TargetParser/Triple.h>

#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "tenon/codegen/llvm/target_info.h"

namespace tenon::codegen {
namespace {

struct CpuRow {
  const char* name;
  int64_t l1_bytes, l2_bytes, l3_bytes, stream_bytes;
  int fma_latency, fma_per_cycle, vector_loads_per_cycle;
};

constexpr int64_t kKiB = 1 << 10;
constexpr int64_t kMiB = 1 << 20;

// What one core may count on; L3 as a share of a busy machine. `stream_bytes` was measured for
// znver4 and icelake-server, and is that share for the rest. So was icelake-server's load of 64
// bytes a cycle: its manual says two (docs/hunts/contractions.md). Others take x86-64's or
// generic's.
constexpr std::array<CpuRow, 16> kCpus = {{
    {"znver1", 32 * kKiB, 512 * kKiB, 4 * kMiB, 4 * kMiB, 5, 1, 1},
    {"znver2", 32 * kKiB, 512 * kKiB, 4 * kMiB, 4 * kMiB, 5, 2, 2},
    {"znver3", 32 * kKiB, 512 * kKiB, 8 * kMiB, 8 * kMiB, 4, 2, 2},
    {"znver4", 32 * kKiB, 1 * kMiB, 8 * kMiB, 8 * kMiB, 4, 1, 1},  // 512 bits take two cycles
    {"znver5", 48 * kKiB, 1 * kMiB, 8 * kMiB, 8 * kMiB, 4, 2, 2},
    {"haswell", 32 * kKiB, 256 * kKiB, 2 * kMiB, 2 * kMiB, 5, 2, 2},
    {"broadwell", 32 * kKiB, 256 * kKiB, 2 * kMiB, 2 * kMiB, 5, 2, 2},
    {"skylake", 32 * kKiB, 256 * kKiB, 2 * kMiB, 2 * kMiB, 4, 2, 2},
    {"skylake-avx512", 32 * kKiB, 1 * kMiB, 1 * kMiB, 1 * kMiB, 4, 2, 2},
    {"cascadelake", 32 * kKiB, 1 * kMiB, 1 * kMiB, 1 * kMiB, 4, 2, 2},
    {"icelake-server", 48 * kKiB, 1280 * kKiB, 1 * kMiB, 8 * kMiB, 4, 2, 1},
    {"sapphirerapids", 48 * kKiB, 2 * kMiB, 2 * kMiB, 2 * kMiB, 4, 2, 2},
    {"emeraldrapids", 48 * kKiB, 2 * kMiB, 4 * kMiB, 4 * kMiB, 4, 2, 2},
    {"graniterapids", 48 * kKiB, 2 * kMiB, 4 * kMiB, 4 * kMiB, 4, 2, 2},
    {"neoverse-n1", 64 * kKiB, 1 * kMiB, 1 * kMiB, 1 * kMiB, 4, 2, 2},
    {"neoverse-v1", 64 * kKiB, 1 * kMiB, 1 * kMiB, 1 * kMiB, 4, 4, 3},
}};

// Linux gives the matrix registers of x86 to processes that ask for them, before they use them and
// once for all threads (since 5.16; before, LLVM does not find them).
bool GetsMatrixRegisters() {
#if defined(__linux__) && defined(__x86_64__)
  constexpr int kRequestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr int kTileData = 18;               // the number of the state in XCR0
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
#else
  return false;
#endif
}

// The features that LLVM finds, sorted, so that the description is the same every time.
std::string HostFeatures() {
  std::vector<std::string> features;
  for (const auto& feature : llvm::sys::getHostCPUFeatures()) {
    const bool usable =
        feature.second && (!feature.first().starts_with("amx") || GetsMatrixRegisters());
    features.push_back((usable ? "+" : "-") + feature.first().str());
  }
  std::sort(features.begin(), features.end(), [](const std::string& a, const std::string& b) {
    return a.compare(1, std::string::npos, b, 1, std::string::npos) < 0;
  });
  std::string text;
  for (const std::string& feature : features) text += (text.empty() ? "" : ",") + feature;
  return text;
}

void SetVectors(const llvm::TargetMachine& machine, ir::TargetDesc* target) {
  const llvm::MCSubtargetInfo& subtarget = *machine.getMCSubtargetInfo();
  if (machine.getTargetTriple().isAArch64()) {
    const ir::TargetDesc neon = ir::Aarch64Neon();
    target->vector_bits = neon.vector_bits;
    target->vector_registers = neon.vector_registers;
    target->has_fma = neon.has_fma;
    return;
  }
  const bool avx512 = subtarget.checkFeatures("+avx512f,+avx512bw,+avx512dq,+avx512vl");
  const bool avx2 = subtarget.checkFeatures("+avx2,+fma,+f16c");
  const ir::TargetDesc level = avx512 ? ir::X86Avx512() : avx2 ? ir::X86Avx2() : ir::X86Sse2();
  target->vector_bits = level.vector_bits;
  target->vector_registers = level.vector_registers;
  target->has_fma = level.has_fma;
  target->has_masks = level.has_masks;
  target->has_bf16_dot = avx512 && subtarget.checkFeatures("+avx512bf16");
  target->has_bf16_tiles = target->has_bf16_dot && subtarget.checkFeatures("+amx-tile,+amx-bf16");
}

}  // namespace

ir::TargetDesc HostTarget() {
  ir::TargetDesc target;
  target.triple = llvm::sys::getProcessTriple();
  target.cpu = llvm::sys::getHostCPUName().str();
  target.features = HostFeatures();
  const auto machine = MakeTargetMachine(target);
  if (!machine.ok()) return ir::X86Sse2();  // an architecture without a generator; Load refuses it
  SetVectors(**machine, &target);
  for (const CpuRow& row : kCpus) {
    if (target.cpu != row.name) continue;
    target.l1_bytes = row.l1_bytes;
    target.l2_bytes = row.l2_bytes;
    target.l3_bytes = row.l3_bytes;
    target.stream_bytes = row.stream_bytes;
    target.fma_latency = row.fma_latency;
    target.fma_per_cycle = row.fma_per_cycle;
    target.vector_loads_per_cycle = row.vector_loads_per_cycle;
  }
  return target;
}

bool HostCanRun(const ir::TargetDesc& target) {
  const llvm::Triple host(llvm::sys::getProcessTriple());
  const llvm::Triple triple(target.triple);
  if (host.getArch() != triple.getArch() || host.getOS() != triple.getOS()) return false;
  // Every feature that the target's CPU and feature string switch on, the host must have.
  const auto wanted = MakeTargetMachine(target);
  ir::TargetDesc host_target;
  host_target.triple = llvm::sys::getProcessTriple();
  host_target.cpu = llvm::sys::getHostCPUName().str();
  host_target.features = HostFeatures();
  const auto have = MakeTargetMachine(host_target);
  if (!wanted.ok() || !have.ok()) return false;
  const llvm::MCSubtargetInfo& host_info = *(*have)->getMCSubtargetInfo();
  const llvm::MCSubtargetInfo& wanted_info = *(*wanted)->getMCSubtargetInfo();
  for (const char* feature :
       {"+sse2", "+sse4.2", "+avx", "+avx2", "+fma", "+f16c", "+bmi2", "+avx512f", "+avx512bw",
        "+avx512dq", "+avx512vl", "+avx512cd", "+avx512bf16", "+amx-tile", "+amx-bf16"}) {
    if (!host.isX86()) break;
    if (wanted_info.checkFeatures(feature) && !host_info.checkFeatures(feature)) return false;
  }
  return true;
}

}  // namespace tenon::codegen
