#include "tenon/codegen/llvm/target_info.h"

#include <llvm/MC/MCSubtargetInfo.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/TargetParser/Triple.h>

#include <mutex>
#include <string>

#include "absl/strings/str_cat.h"

namespace tenon::codegen {
namespace {

// Only the architectures that the emitters know about.
void InitializeTargets() {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
    LLVMInitializeAArch64TargetInfo();
    LLVMInitializeAArch64Target();
    LLVMInitializeAArch64TargetMC();
    LLVMInitializeAArch64AsmPrinter();
  });
}

}  // namespace

absl::StatusOr<std::unique_ptr<llvm::TargetMachine>> MakeTargetMachine(const ir::TargetDesc& desc) {
  InitializeTargets();
  const llvm::Triple triple(desc.triple);
  if (triple.getArch() != llvm::Triple::x86_64 && triple.getArch() != llvm::Triple::aarch64) {
    return absl::InvalidArgumentError(absl::StrCat(
        "target triple '", desc.triple, "': tenon generates code for x86-64 and AArch64"));
  }
  std::string error;
  const llvm::Target* target = llvm::TargetRegistry::lookupTarget(triple, error);
  if (target == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("target triple '", desc.triple, "': ", error));
  }
  const std::unique_ptr<llvm::MCSubtargetInfo> subtarget(
      target->createMCSubtargetInfo(triple, "", ""));
  if (!desc.cpu.empty() && !subtarget->isCPUStringValid(desc.cpu)) {
    return absl::InvalidArgumentError(
        absl::StrCat("unknown CPU '", desc.cpu, "' for target '", desc.triple, "'"));
  }
  llvm::TargetOptions options;
  // Nothing is ever fused that the kernel IR does not fuse: a recomputed value has the same bits.
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict;
  std::unique_ptr<llvm::TargetMachine> machine(
      target->createTargetMachine(triple, desc.cpu, desc.features, options, llvm::Reloc::PIC_,
                                  llvm::CodeModel::Small, llvm::CodeGenOptLevel::Less));
  if (machine == nullptr) {
    return absl::InternalError(absl::StrCat("LLVM makes no code for '", desc.triple, "'"));
  }
  return machine;
}

TargetInfo MakeTargetInfo(const ir::TargetDesc& desc, const llvm::TargetMachine& machine) {
  TargetInfo info;
  info.desc = desc;
  const llvm::Triple& triple = machine.getTargetTriple();
  info.x86 = triple.isX86();
  info.aarch64 = triple.isAArch64();
  info.fma = desc.has_fma;
  if (info.x86) {
    const llvm::MCSubtargetInfo& subtarget = *machine.getMCSubtargetInfo();
    info.rounds_in_hardware = subtarget.checkFeatures("+sse4.1");
    info.converts_f16 = subtarget.checkFeatures("+f16c");
    info.bf16_dot = desc.has_bf16_dot && subtarget.checkFeatures("+avx512bf16,+avx512vl");
    info.masks_small = subtarget.checkFeatures("+avx512bw");
    info.scales_in_hardware = subtarget.checkFeatures("+avx512f") && desc.vector_bits == 512;
    info.fma = subtarget.checkFeatures("+fma");
  }
  return info;
}

}  // namespace tenon::codegen
