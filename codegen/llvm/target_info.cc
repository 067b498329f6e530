#include "tenon/codegen/llvm/target_info.h"

#include <llvm/IR/IntrinsicsAArch64.h>
#include <llvm/IR/IntrinsicsX86.h>
#include <llvm/IR/Module.h>
#include <llvm/MC/MCSubtargetInfo.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/TargetParser/Triple.h>

#include <algorithm>
#include <mutex>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tenon/ir/check.h"
#include "tenon/ir/suggest.h"

namespace tenon::codegen {
namespace {

constexpr char kRiscvAbi[] = "lp64d";

// Only the architectures that the emitters know about.
#define TENON_ARCHITECTURES(X) X(X86) X(AArch64) X(RISCV) X(ARM) X(WebAssembly)

void InitializeTargets() {
  static std::once_flag once;
  std::call_once(once, [] {
#define TENON_INITIALIZE(name)        \
  LLVMInitialize##name##TargetInfo(); \
  LLVMInitialize##name##Target();     \
  LLVMInitialize##name##TargetMC();   \
  LLVMInitialize##name##AsmParser();  \
  LLVMInitialize##name##AsmPrinter();
    TENON_ARCHITECTURES(TENON_INITIALIZE)
#undef TENON_INITIALIZE
  });
}

bool IsSupported(const llvm::Triple& triple) {
  return triple.getArch() == llvm::Triple::x86_64 || triple.getArch() == llvm::Triple::aarch64 ||
         triple.getArch() == llvm::Triple::riscv64 || triple.getArch() == llvm::Triple::thumb ||
         triple.getArch() == llvm::Triple::wasm32;
}

// Features that the processor table does not have.
absl::Status CheckFeatures(const llvm::MCSubtargetInfo& subtarget, const ir::TargetDesc& desc) {
  std::vector<std::string> known;
  for (const auto& row : subtarget.getAllProcessorFeatures()) known.emplace_back(row.Key);
  for (const absl::string_view feature : absl::StrSplit(desc.features, ',', absl::SkipEmpty())) {
    const std::string name(feature.substr(feature[0] == '+' || feature[0] == '-' ? 1 : 0));
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    return absl::InvalidArgumentError(absl::StrCat("unknown feature '", name, "' of target '",
                                                   desc.triple, "'", ir::DidYouMean(name, known)));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<llvm::TargetMachine>> MakeTargetMachine(const ir::TargetDesc& desc) {
  InitializeTargets();
  const llvm::Triple triple(desc.triple);
  if (!IsSupported(triple)) {
    return absl::InvalidArgumentError(
        absl::StrCat("target triple '", desc.triple,
                     "': tenon generates code for x86-64, AArch64, 64-bit RISC-V, Thumb and "
                     "32-bit WebAssembly"));
  }
  std::string error;
  const llvm::Target* target = llvm::TargetRegistry::lookupTarget(triple, error);
  if (target == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("target triple '", desc.triple, "': ", error));
  }
  const std::unique_ptr<llvm::MCSubtargetInfo> subtarget(
      target->createMCSubtargetInfo(triple, "", ""));
  if (!desc.cpu.empty() && !subtarget->isCPUStringValid(desc.cpu)) {
    std::vector<std::string> known;
    for (const auto& row : subtarget->getAllProcessorDescriptions()) known.emplace_back(row.Key);
    return absl::InvalidArgumentError(absl::StrCat("unknown CPU '", desc.cpu, "' for target '",
                                                   desc.triple, "'",
                                                   ir::DidYouMean(desc.cpu, known)));
  }
  TENON_RETURN_IF_ERROR(CheckFeatures(*subtarget, desc));
  llvm::TargetOptions options;
  // Nothing is ever fused that the kernel IR does not fuse: a recomputed value has the same bits.
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict;
  if (triple.isRISCV()) options.MCOptions.ABIName = kRiscvAbi;
  // Without an operating system there is nobody who would load code to where he likes.
  const llvm::Reloc::Model model =
      triple.getOS() == llvm::Triple::UnknownOS ? llvm::Reloc::Static : llvm::Reloc::PIC_;
  std::unique_ptr<llvm::TargetMachine> machine(
      target->createTargetMachine(triple, desc.cpu, desc.features, options, model,
                                  llvm::CodeModel::Small, llvm::CodeGenOptLevel::Less));
  if (machine == nullptr) {
    return absl::InternalError(absl::StrCat("LLVM makes no code for '", desc.triple, "'"));
  }
  return machine;
}

void PrepareModule(const llvm::TargetMachine& machine, llvm::Module& module) {
  module.setTargetTriple(machine.getTargetTriple());
  module.setDataLayout(machine.createDataLayout());
  if (machine.isPositionIndependent()) module.setPICLevel(llvm::PICLevel::BigPIC);
  if (machine.getTargetTriple().isRISCV()) {
    module.addModuleFlag(llvm::Module::Error, "target-abi",
                         llvm::MDString::get(module.getContext(), kRiscvAbi));
  }
}

namespace {

void SetX86(const llvm::MCSubtargetInfo& subtarget, TargetInfo* info) {
  info->x86 = true;
  info->float_control = FloatControl::kMxcsr;
  info->pause = llvm::Intrinsic::x86_sse2_pause;
  info->streams = true;
  info->rounds_in_hardware = subtarget.checkFeatures("+sse4.1");
  info->converts_f16 = subtarget.checkFeatures("+f16c");
  info->bf16_dot = info->desc.has_bf16_dot && subtarget.checkFeatures("+avx512bf16,+avx512vl");
  info->matrix_registers = subtarget.checkFeatures("+amx-tile,+amx-bf16");
  info->masks_small = subtarget.checkFeatures("+avx512bw");
  info->scales_in_hardware =
      subtarget.checkFeatures("+avx512f,+avx512dq") && info->desc.vector_bits == 512;
  info->shuffles_groups = info->desc.vector_bits > 128;
  info->fma = subtarget.checkFeatures("+fma");
}

void SetArm(const llvm::MCSubtargetInfo& subtarget, TargetInfo* info) {
  info->sqrt_f32 = subtarget.checkFeatures("+vfp2sp");
  info->sqrt_f64 = subtarget.checkFeatures("+vfp2");
  info->float_control = info->sqrt_f32 ? FloatControl::kFpscr : FloatControl::kNone;
  info->rounds_in_hardware = subtarget.checkFeatures("+fp-armv8d16");
  info->fma = subtarget.checkFeatures("+vfp4d16");
}

}  // namespace

TargetInfo MakeTargetInfo(const ir::TargetDesc& desc, const llvm::TargetMachine& machine) {
  TargetInfo info;
  info.desc = desc;
  info.fma = desc.has_fma;
  const llvm::Triple& triple = machine.getTargetTriple();
  const llvm::MCSubtargetInfo& subtarget = *machine.getMCSubtargetInfo();
  if (triple.isX86()) {
    SetX86(subtarget, &info);
  } else if (triple.isAArch64()) {
    info.float_control = FloatControl::kFpcr;
    info.pause = llvm::Intrinsic::aarch64_hint;
    info.rounds_in_hardware = info.converts_f16 = info.streams = true;
  } else if (triple.isRISCV()) {
    info.float_control = FloatControl::kFrm;
    info.masks_small = subtarget.checkFeatures("+v");
  } else if (triple.isThumb()) {
    SetArm(subtarget, &info);
  } else if (triple.isWasm()) {
    info.rounds_in_hardware = true;
  }
  return info;
}

}  // namespace tenon::codegen
