#include "tenon/codegen/llvm/lean_passes.h"

#include <llvm/ADT/STLExtras.h>
#include <llvm/ADT/StringRef.h>
#include <llvm/Pass.h>
#include <llvm/PassInfo.h>
#include <llvm/PassRegistry.h>

namespace tenon::codegen {
namespace {

// By the names that llc knows them by; a name that LLVM no longer has leaves nothing out.
constexpr llvm::StringLiteral kLeftOut[] = {
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

}  // namespace

void LeanPassManager::add(llvm::Pass* pass) {
  const llvm::PassInfo* info =
      llvm::PassRegistry::getPassRegistry()->getPassInfo(pass->getPassID());
  if (info != nullptr && llvm::is_contained(kLeftOut, info->getPassArgument())) {
    delete pass;
    return;
  }
  PassManager::add(pass);
}

}  // namespace tenon::codegen
