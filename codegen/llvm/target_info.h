// What the emitters ask about the target beyond the numbers of a TargetDesc.
#ifndef TENON_CODEGEN_LLVM_TARGET_INFO_H_
#define TENON_CODEGEN_LLVM_TARGET_INFO_H_

#include <llvm/IR/Intrinsics.h>
#include <llvm/Target/TargetMachine.h>

#include <memory>

#include "absl/status/statusor.h"
#include "tenon/ir/target.h"

namespace tenon::codegen {

// The register that holds rounding direction and flushing of denormals.
enum class FloatControl : uint8_t { kNone, kMxcsr, kFpcr, kFpscr, kFrm };

struct TargetInfo {
  ir::TargetDesc desc;
  bool x86 = false;
  FloatControl float_control = FloatControl::kNone;
  // What a thread that waits says to the processor; not_intrinsic: nothing.
  llvm::Intrinsic::ID pause = llvm::Intrinsic::not_intrinsic;
  bool rounds_in_hardware = false;  // floor, ceil, trunc, roundeven
  bool sqrt_f32 = true;             // in hardware
  bool sqrt_f64 = true;
  bool converts_f16 = false;        // f16 from and to f32, to nearest even
  bool streams = false;             // stores past the caches
  bool masks_small = false;         // masked accesses of 1- and 2-byte elements
  bool scales_in_hardware = false;  // x * 2^k for any k, on whole vectors of f32
  bool shuffles_groups = false;     // lanes within all groups of 16 bytes, in one instruction
  bool fma = false;                 // llvm.fma becomes one instruction
  bool bf16_dot = false;            // dot2 is one instruction
  bool matrix_registers = false;    // tile_dot of 16 x 16 x 16 pairs is one instruction

  // Lanes of one piece of a tile, whatever its element type: those of f32. Wider elements take
  // several registers a piece, which LLVM splits by itself; so all values of a kernel have their
  // lanes cut at the same places, and masks fit every type.
  int PieceLanes() const { return desc.vector_bits / 32; }
};

// The target machine for `desc`, and what it can do. Targets are initialised on first use. Errors:
// an unknown triple, CPU or feature.
absl::StatusOr<std::unique_ptr<llvm::TargetMachine>> MakeTargetMachine(const ir::TargetDesc& desc);
// Marks a module as one for the machine.
void PrepareModule(const llvm::TargetMachine& machine, llvm::Module& module);
TargetInfo MakeTargetInfo(const ir::TargetDesc& desc, const llvm::TargetMachine& machine);

}  // namespace tenon::codegen

#endif  // TENON_CODEGEN_LLVM_TARGET_INFO_H_
