#include "tenon/codegen/llvm/lean_passes.h"

#include <llvm/ADT/STLExtras.h>
#include <llvm/Pass.h>
#include <llvm/PassInfo.h>
#include <llvm/PassRegistry.h>

#include "tenon/ir/check.h"

namespace tenon::codegen {
namespace {

// By the names that llc knows them by; a name that LLVM no longer has leaves nothing out.
constexpr llvm::StringLiteral kOfX86[] = {
    // Pointers of loops walk, or are scaled by the loop variable, as emitted (recurrence.h).
    "loop-reduce",
    "canon-freeze",
    // What compilers of other languages emit: calls of the C library, chains of comparisons,
    // indirect branches, exceptions, garbage collection, reference counts.
    "mergeicmps",
    "expand-memcmp",
    "replace-with-veclib",
    "partially-inline-libcalls",
    "indirectbr-expand",
    "callbrprepare",
    "objc-arc-contract",
    "gc-lowering",
    "shadow-stack-gc-lowering",
    "gc-analysis",
    "stackmap-liveness",
    "fixup-statepoint-caller-saved",
    "funclet-layout",
    "remove-loads-into-fake-uses",
    // What is asked for by attributes or flags that no function here has.
    "post-inline-ee-instrument",
    "safe-stack",
    "x86-slh",
    "x86-seses",
    "x86-lvi-load",
    "x86-lvi-ret",
    "x86-return-thunks",
    "kcfi",
    "fentry-insert",
    "xray-instrumentation",
    "patchable-function",
    "machine-sanmd",
    "pseudo-probe-inserter",
    "regallocscoringpass",
    "stack-frame-layout",
    "removeredundantdebugvalues",
    "livedebugvalues",
    // Improvements of code that is emitted improved: constants are shared, loads are not
    // interleaved, copies of stack slots do not overlap, branches are few.
    "consthoist",
    "interleaved-access",
    "x86-partial-reduction",
    "x86-domain-reassignment",
    "early-tailduplication",
    "tailduplication",
    "opt-phis",
    "stack-coloring",
    "localstackalloc",
    "early-ifcvt",
    "machine-combiner",
    "x86-cmov-conversion",
    "x86-avoid-sfb",
    "shrink-wrap",
    "post-RA-sched",
};

// LLVM 22's pass that merges ARM's loads and stores may take a merged load's base register for its
// address although a later load needs the base: where no other is free (two times eight doubles
// copied on a Cortex-M4).
constexpr llvm::StringLiteral kOfThumb[] = {"arm-prera-ldst-opt", "arm-ldst-opt"};

}  // namespace

LeanPassManager::LeanPassManager(const llvm::Triple& triple) {
  if (triple.isX86()) left_out_ = kOfX86;
  if (!triple.isThumb()) return;
  left_out_ = kOfThumb;
  for (llvm::StringRef name : left_out_) {  // a pass by another name would be run
    TENON_CHECK(llvm::PassRegistry::getPassRegistry()->getPassInfo(name) != nullptr);
  }
}

void LeanPassManager::add(llvm::Pass* pass) {
  const llvm::PassInfo* info =
      llvm::PassRegistry::getPassRegistry()->getPassInfo(pass->getPassID());
  if (info != nullptr && llvm::is_contained(left_out_, info->getPassArgument())) {
    delete pass;
    return;
  }
  PassManager::add(pass);
}

}  // namespace tenon::codegen
